//! `hclake schedule`: prints the lines that make this machine run the nightly job, with the paths of this installation.
//! It installs nothing, and leaves secrets to a separate file.

use std::path::{Path, PathBuf};

use crate::base::exit::Exit;
use crate::cli::args::Global;
use crate::cli::args::upkeep::{ScheduleArgs, Scheduler, Time};
use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::config::{self, Environment};

/// How long a scheduled run waits for another to end.
const LOCK_TIMEOUT: &str = "30m";
/// Without a sign of life for this long, systemd ends the job.
const WATCHDOG: &str = "30min";
/// Holds the access keys, beside the store.
const SECRETS_NAME: &str = "hclake.env";

/// Everything that a unit names, as absolute paths.
struct Job {
    program: PathBuf,
    config: Option<PathBuf>,
    profile: Option<String>,
    store: PathBuf,
    /// The folder of the store, its copies and the secrets.
    folder: PathBuf,
    at: Time,
}

pub(crate) fn run(
    global: &Global,
    args: &ScheduleArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let absolute = |path: &Path| environment.working_folder.join(path);
    let store = absolute(&settings.store.value);
    let folder = store.parent().unwrap_or(Path::new("/")).to_owned();
    let program = std::env::current_exe()?;
    let config = settings.file.as_deref().map(absolute);
    let job = Job { program, config, profile: global.profile.clone(), store, folder, at: args.at };
    if let Some(path) = job.paths().find(|path| path.to_str().is_none_or(is_broken)) {
        return Err(Failure::usage(format!("the path {} cannot be written into a unit", path.display()), None));
    }
    if let Some(profile) = job.profile.as_deref().filter(|profile| is_broken(profile)) {
        return Err(Failure::usage(format!("the profile {profile:?} cannot be written into a unit"), None));
    }
    let text = match args.scheduler {
        Scheduler::Cron => job.cron(),
        Scheduler::Systemd => job.systemd(),
    };
    write!(streams.out, "{text}")?;
    if settings.scopes.is_empty() {
        streams.remark("warning: no region is named; the job would fail without `region` in hclake.toml");
    }
    let of_job = std::fs::read_to_string(job.secrets()).unwrap_or_default();
    let missing = config::of_this_shell(&settings, environment).into_iter().filter(|name| !sets(&of_job, name));
    let missing: Vec<String> = missing.collect();
    if let Some((last, first)) = missing.split_last() {
        let names = if first.is_empty() { last.clone() } else { format!("{} and {last}", first.join(", ")) };
        let (are, them, settings) =
            if first.is_empty() { ("is", "it", "setting") } else { ("are", "them", "settings") };
        streams.remark(&format!(
            "warning: {names} {are} set here but not for the job: write {them} into {}, or the {settings} into \
             hclake.toml",
            job.secrets().display()
        ));
    }
    Ok(Exit::Done)
}

/// Whether a text would end its line.
fn is_broken(text: &str) -> bool {
    text.contains(['\n', '\r', '\0'])
}

/// Whether a file of variables, in the form that `sh` and systemd read, sets this one.
fn sets(file: &str, name: &str) -> bool {
    let set = |line: &str| line.split_once('=').map(|(name, _)| name.trim().trim_start_matches("export ").to_owned());
    file.lines().filter_map(set).any(|set| set == name)
}

impl Job {
    fn paths(&self) -> impl Iterator<Item = &Path> {
        [Some(self.program.as_path()), Some(self.store.as_path()), self.config.as_deref()].into_iter().flatten()
    }

    fn secrets(&self) -> PathBuf {
        self.folder.join(SECRETS_NAME)
    }

    /// The command line, each word as `quote` writes it.
    fn command(&self, quote: fn(&str) -> String) -> String {
        let mut words = vec![quote(&shown(&self.program))];
        for (flag, path) in [("--config", self.config.as_ref()), ("--store", Some(&self.store))] {
            if let Some(path) = path {
                words.extend([flag.to_owned(), quote(&shown(path))]);
            }
        }
        if let Some(profile) = &self.profile {
            words.extend(["--profile".to_owned(), quote(profile)]);
        }
        words.push(format!("sync --quiet --lock-timeout {LOCK_TIMEOUT}"));
        words.join(" ")
    }

    fn secrets_note(&self, quote: fn(&str) -> String) -> String {
        let secrets = quote(&shown(&self.secrets()));
        format!(
            "# The keys are read from a file that its owner alone may read:\n\
             #   install -m 600 /dev/null {secrets}\n\
             # Write these lines into it with an editor, so that no shell remembers them:\n\
             #   HUAWEICLOUD_SDK_AK=…\n\
             #   HUAWEICLOUD_SDK_SK=…\n"
        )
    }

    fn cron(&self) -> String {
        let Time { hour, minute } = self.at;
        let work = format!("set -a; . {}; exec {}", shell(&shown(&self.secrets())), self.command(shell));
        format!(
            "# Lines for `crontab -e`. Errors go to the mail of the crontab's owner.\n{}\
             {minute} {hour} * * * {}\n",
            self.secrets_note(shell),
            work.replace('%', "\\%")
        )
    }

    fn systemd(&self) -> String {
        let Time { hour, minute } = self.at;
        let (secrets, folder) = (unit_path(&shown(&self.secrets())), unit_path(&shown(&self.folder)));
        format!(
            "{note}\
             # For all users in /etc/systemd/system, for one in ~/.config/systemd/user (then with systemctl --user):\n\
             #   systemctl daemon-reload && systemctl enable --now hclake.timer\n\
             # An exit with 3 (partly done) shows as a failed unit, so that someone looks.\n\
             \n\
             # hclake.service\n\
             [Unit]\n\
             Description=hclake: the nightly record of Huawei Cloud lists\n\
             Wants=network-online.target\n\
             After=network-online.target\n\
             # OnFailure= names a unit of your own that is started when the job fails or hangs.\n\
             #OnFailure=hclake-failed.service\n\
             \n\
             [Service]\n\
             Type=notify\n\
             NotifyAccess=main\n\
             WatchdogSec={watchdog}\n\
             EnvironmentFile={secrets}\n\
             WorkingDirectory={folder}\n\
             ExecStart={command}\n\
             UMask=0077\n\
             NoNewPrivileges=yes\n\
             ProtectSystem=strict\n\
             ReadWritePaths={quoted_folder}\n\
             PrivateTmp=yes\n\
             RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK\n\
             RestrictNamespaces=yes\n\
             RestrictRealtime=yes\n\
             RestrictSUIDSGID=yes\n\
             LockPersonality=yes\n\
             SystemCallArchitectures=native\n\
             SystemCallFilter=@system-service\n\
             # These only where the system runs the unit, not a user's own systemd:\n\
             #CapabilityBoundingSet=\n\
             #PrivateDevices=yes\n\
             #ProtectHome=read-only\n\
             #ProtectClock=yes\n\
             #ProtectHostname=yes\n\
             #ProtectKernelLogs=yes\n\
             #ProtectKernelModules=yes\n\
             #ProtectKernelTunables=yes\n\
             #ProtectControlGroups=yes\n\
             \n\
             # hclake.timer\n\
             [Unit]\n\
             Description=hclake every night\n\
             \n\
             [Timer]\n\
             OnCalendar=*-*-* {hour:02}:{minute:02}:00\n\
             RandomizedDelaySec=10m\n\
             Persistent=yes\n\
             \n\
             [Install]\n\
             WantedBy=timers.target\n",
            note = self.secrets_note(shell),
            command = self.command(unit_command_word),
            quoted_folder = unit_word(&shown(&self.folder)),
            watchdog = WATCHDOG,
        )
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A word for `sh`.
pub(crate) fn shell(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:@,".contains(c);
    if text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// A word of a systemd command line, in which `$` begins a variable.
fn unit_command_word(text: &str) -> String {
    unit_word(&text.replace('$', "$$"))
}

/// A word of a systemd setting that takes several words.
fn unit_word(text: &str) -> String {
    let escaped = text.replace('\\', r"\\").replace('"', "\\\"");
    let quoted = if escaped.contains([' ', '\t', '\'', '"', ';']) { format!("\"{escaped}\"") } else { escaped };
    unit_path(&quoted)
}

/// A systemd setting that is one path to the end of its line. In all settings `%` begins a specifier.
fn unit_path(text: &str) -> String {
    text.replace('%', "%%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::upkeep::parse_time;

    fn job(folder: &str) -> Job {
        let folder = PathBuf::from(folder);
        Job {
            program: "/opt/hclake/bin/hclake".into(),
            config: Some(folder.join("hclake.toml")),
            profile: None,
            store: folder.join("hclake.duckdb"),
            folder,
            at: Time { hour: 2, minute: 5 },
        }
    }

    #[test]
    fn a_cron_line_sources_the_keys_and_runs_the_program_by_its_path() {
        let text = job("/srv/lake").cron();
        assert_eq!(
            text.lines().last().unwrap(),
            "5 2 * * * set -a; . /srv/lake/hclake.env; exec /opt/hclake/bin/hclake --config /srv/lake/hclake.toml \
             --store /srv/lake/hclake.duckdb sync --quiet --lock-timeout 30m"
        );
    }

    #[test]
    fn a_profile_is_kept_and_quoted_for_cron_and_systemd() {
        let job = Job { profile: Some("prod 100% $x".to_owned()), ..job("/srv/lake") };
        let line = job.cron().lines().last().unwrap().to_owned();
        assert!(line.contains(r"hclake.duckdb --profile 'prod 100\% $x' sync --quiet"), "{line}");
        let unit = job.systemd();
        assert!(unit.contains("hclake.duckdb --profile \"prod 100%% $$x\" sync --quiet"), "{unit}");
    }

    #[test]
    fn a_variable_is_found_in_the_file_that_sets_it() {
        let file = "# HCLAKE_REGION=x\nexport HCLAKE_ENDPOINT_URL=y\nHW_PROJECT_NAME=\n";
        let names = ["HCLAKE_REGION", "HCLAKE_ENDPOINT_URL", "HW_PROJECT_NAME", "HCLAKE_ENDPOINT"];
        assert_eq!(names.map(|name| sets(file, name)), [false, true, true, false]);
    }

    #[test]
    fn hard_paths_are_quoted_for_cron_and_systemd() {
        let job = job("/srv/the \"lake\" 5%/o'neil $HOME");
        let line = job.cron().lines().last().unwrap().to_owned();
        assert!(line.contains(r#"'/srv/the "lake" 5\%/o'\''neil $HOME/hclake.toml'"#), "{line}");
        let unit = job.systemd();
        assert!(unit.contains(r#"--config "/srv/the \"lake\" 5%%/o'neil $$HOME/hclake.toml" --store"#), "{unit}");
        assert!(unit.contains("\nWorkingDirectory=/srv/the \"lake\" 5%%/o'neil $HOME\n"), "{unit}");
    }

    #[test]
    fn a_time_of_day_is_read_and_anything_else_refused() {
        assert_eq!(parse_time("02:15"), Ok(Time { hour: 2, minute: 15 }));
        assert_eq!(parse_time("23:59"), Ok(Time { hour: 23, minute: 59 }));
        for bad in ["24:00", "2", "02:60", "noon", "", "-1:00"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }
}
