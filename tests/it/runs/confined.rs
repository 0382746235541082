//! The nightly service's own command line, run under the restrictions that its unit asks for, as far as this machine lets a
//! test set them: a file system that can be read only, a folder of its own for temporary files, no privileges, a umask, and
//! a filter of system calls.

use std::collections::BTreeSet;
use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output};

use seccompiler::{BpfProgram, TargetArch, apply_filter, compile_from_json};
use serde_json::json;

use crate::support::{Ran, Tenant};

/// What the restrictions are for the shell: the second argument is the folder that the unit may write to.
const CONFINE: &str = "
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/work
mount --bind \"$1\" /mnt/work
mount -t tmpfs tmpfs /tmp
mount -o remount,bind,ro /
cd /mnt/work
umask 0077
shift
exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all \"$@\"
";

/// Settings of a night that also writes everything else that one can.
const EVERYTHING: &str = r#"
[archive]
keep = "30d"
[dashboard]
file = "page.html"
[status]
textfile = "hclake.prom"
[publish]
parquet = "bi"
"#;

/// A command under the restrictions.
fn confined(tenant: &Tenant, command: &[&str]) -> Command {
    let folder = tenant.folder().display().to_string();
    let confine = ["unshare", "--map-root-user", "--mount", "sh", "-c", CONFINE, "confine", &folder];
    let mut confined = tenant.command(&[]);
    let variables: Vec<_> =
        confined.get_envs().map(|(name, value)| (name.to_owned(), value.map(ToOwned::to_owned))).collect();
    confined = Command::new(confine[0]);
    confined.args(&confine[1..]).args(command).env_clear();
    for (name, value) in variables {
        confined.env(name, value.unwrap_or_default());
    }
    confined.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    confined
}

fn run(tenant: &Tenant, command: &[&str]) -> Ran {
    Ran::of(confined(tenant, command).output().expect("started"))
}

/// The signal for a system call that the filter does not allow.
const SIGSYS: i32 = 31;

/// The system calls of a set, as this machine's systemd has it: names, and other sets.
fn system_calls(set: &str) -> Option<BTreeSet<String>> {
    let shown = Command::new("systemd-analyze").args(["syscall-filter", set]).output().ok()?;
    let shown = Ran::of(shown).exits(0).stdout;
    let members = shown.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).skip(1);
    let calls = members.map(|member| match member.starts_with('@') {
        true => system_calls(member),
        false => Some(BTreeSet::from([member.to_owned()])),
    });
    calls.collect::<Option<Vec<_>>>().map(|calls| calls.into_iter().flatten().collect())
}

/// What allows these system calls and ends a program at any other, as systemd does.
fn filter_of(calls: &BTreeSet<String>) -> BpfProgram {
    let machine = TargetArch::try_from(ARCH).expect("a machine whose system calls are known");
    let compiled = |calls: &[&String]| {
        let allowed: Vec<_> = calls.iter().map(|call| json!({"syscall": call})).collect();
        let filter = json!({"mismatch_action": "kill_process", "match_action": "allow", "filter": allowed});
        compile_from_json(json!({"unit": filter}).to_string().as_bytes(), machine).ok()
    };
    // The sets name calls of other machines too.
    let known: Vec<&String> = calls.iter().filter(|call| compiled(&[call]).is_some()).collect();
    compiled(&known).and_then(|mut filters| filters.remove("unit")).expect("a filter")
}

/// A command under the filter. A thread takes it on, and what the thread starts has it too.
fn filtered(mut command: Command, filter: &BpfProgram) -> Output {
    let start = move || {
        apply_filter(filter).expect("this machine filters system calls");
        command.output().expect("started")
    };
    std::thread::scope(|scope| scope.spawn(start).join().expect("the filter let the thread end"))
}

#[test]
fn the_services_command_line_makes_no_system_call_that_the_units_filter_ends() {
    let tenant = Tenant::new();
    let unit = tenant.run(&["schedule", "systemd"]).exits(0).stdout;
    let set = unit.lines().find_map(|line| line.strip_prefix("SystemCallFilter=")).expect("a filter");
    let Some(calls) = system_calls(set) else {
        eprintln!("there is no systemd here that could say which system calls {set} has");
        return;
    };
    let filter = filter_of(&calls);
    let mut beyond = Command::new("chroot");
    beyond.args(["/", "true"]);
    assert_eq!(filtered(beyond, &filter).status.signal(), Some(SIGSYS), "chroot is not of {set}");

    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command line");
    let command: Vec<&str> = line.split(' ').collect();
    let night = || Ran::of(filtered(tenant.command(&command[1..]), &filter)).exits(0);
    for _ in 1..=2 {
        night();
        tenant.advance();
    }
    tenant.write("hclake.toml", EVERYTHING);
    night();
    assert_eq!(tenant.number("SELECT count(*) FROM runs"), 3);
    tenant.assert_sound();
}

#[test]
fn the_services_command_line_works_under_the_units_restrictions() {
    let tenant = Tenant::new();
    if !confined(&tenant, &["true"]).output().is_ok_and(|ran| ran.status.success()) {
        eprintln!("this machine lets no test set the restrictions of a unit");
        return;
    }
    let folder = tenant.folder().display().to_string();
    let unit = tenant.run(&["schedule", "systemd"]).exits(0).stdout;
    for restriction in ["UMask=0077", "NoNewPrivileges=yes", "ProtectSystem=strict", "PrivateTmp=yes"] {
        assert!(unit.lines().any(|line| line == restriction), "{restriction} is not in:\n{unit}");
    }
    let writable = unit.lines().find_map(|line| line.strip_prefix("ReadWritePaths=")).expect("a folder");
    assert_eq!(writable, folder);
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("a command line");
    let line = line.replace(&folder, "/mnt/work");
    let command: Vec<&str> = line.split(' ').collect();

    assert_ne!(run(&tenant, &["touch", "/etc/hclake-was-here"]).code, 0, "the file system is read-only");
    assert_ne!(run(&tenant, &["umount", "/tmp"]).code, 0, "no privilege is left");
    for night in 1..=2 {
        run(&tenant, &command).exits(0);
        tenant.advance();
        assert_eq!(tenant.number("SELECT count(*) FROM runs"), night);
    }
    tenant.write("hclake.toml", EVERYTHING);
    run(&tenant, &command).exits(0);
    for made in ["hclake.duckdb", "page.html", "hclake.prom", "bi", "hclake.duckdb.archive"] {
        let mode = fs::metadata(tenant.path(made)).expect(made).permissions().mode();
        assert_eq!(mode & 0o077, 0, "{made} is its owner's alone");
    }
    tenant.assert_sound();
}
