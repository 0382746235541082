//! Runs that are ended early, and disks and folders that cannot be written: the store is as before or as after the run, and
//! the next run needs no help.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hclake::emulator::{EmulatorSettings, Fault, When, WorldSettings};

use crate::support::{Ran, Tenant, small_world};

/// Runs that are killed; the variable `HCLAKE_KILLS` sets another number.
const KILLS: usize = 20;
/// Files that may be beside the store after a run was killed.
const LEFTOVERS: [&str; 4] =
    ["hclake.duckdb.lock", "hclake.duckdb.next", "hclake.duckdb.next.tmp", "hclake.duckdb.next.wal"];
/// A user who owns nothing.
const NOBODY: u32 = 65_534;

fn tiny_world() -> WorldSettings {
    WorldSettings { install_jobs: 150, deploy_apps: 20, swr_jobs: 20, ..small_world() }
}

fn beside_the_store(tenant: &Tenant) -> BTreeSet<String> {
    let entries = fs::read_dir(tenant.folder()).expect("the folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text"));
    names.filter(|name| name != "hclake.toml" && name != "hclake.duckdb").collect()
}

/// Names every version in the store by its content.
fn content(tenant: &Tenant) -> Vec<String> {
    let of = |table: &str| format!("SELECT '{table} ' || count(*) || ' ' || bit_xor(hash(t)) FROM {table}_versions t");
    let tables = ["app_install_jobs", "apps", "deploy_tasks", "deploy_apps", "image_jobs", "swr_instance_jobs"];
    tenant.texts(&tables.map(of).join(" UNION ALL "))
}

#[test]
fn a_run_killed_at_any_moment_leaves_a_whole_night() {
    let kills = std::env::var("HCLAKE_KILLS").map_or(KILLS, |text| text.parse().expect("HCLAKE_KILLS is a number"));
    let tenant = Tenant::of(tiny_world(), EmulatorSettings::default());
    tenant.sync().exits(0);
    tenant.advance();
    let started = Instant::now();
    tenant.sync().exits(0);
    let usual = started.elapsed();
    let seed = fastrand::u64(..);
    let mut rng = fastrand::Rng::with_seed(seed);
    let (mut nights, mut landed) = (2, 0);
    for kill in 0..kills {
        tenant.advance();
        let before = content(&tenant);
        let after = usual.mul_f64(rng.f64() * 1.1);
        tenant.run_killed(&["sync"], after);
        let moment = format!("kill {kill} after {after:?} of {usual:?}, seed {seed}");
        tenant.assert_sound();
        let extra: Vec<String> =
            beside_the_store(&tenant).into_iter().filter(|name| !LEFTOVERS.contains(&name.as_str())).collect();
        assert!(extra.is_empty(), "{moment}: {extra:?} stand beside the store");
        let runs = tenant.number("SELECT count(*) FROM runs");
        if runs == nights {
            assert_eq!(content(&tenant), before, "{moment}: the night before has changed");
        } else {
            assert_eq!(runs, nights + 1, "{moment}");
            assert_whole(&tenant, &moment);
            landed += 1;
        }
        nights = runs;
        // The next killed run finds what this one left; sometimes a run is not killed.
        if kill % 4 == 3 || kill + 1 == kills {
            tenant.sync().exits(0);
            nights += 1;
            assert_whole(&tenant, &moment);
            let left = beside_the_store(&tenant);
            assert!(left.iter().all(|name| name == "hclake.duckdb.lock"), "{moment}: {left:?} were not cleared away");
        }
    }
    eprintln!("{kills} runs killed, {landed} of them after the new night was in place");
}

#[track_caller]
fn assert_whole(tenant: &Tenant, moment: &str) {
    for table in ["app_install_jobs", "apps", "deploy_apps"] {
        let held: BTreeSet<String> = tenant.texts(&format!("SELECT id FROM {table}")).into_iter().collect();
        assert_eq!(held, tenant.cloud_keys(&tenant.list_id(table)), "{moment}: {table} is not the night after");
    }
    tenant.assert_sound();
}

/// A run that may write at most so many blocks of 512 bytes to a file; beyond that it gets an error, not a signal.
fn within_blocks(tenant: &Tenant, blocks: u64) -> Ran {
    let program = tenant.command(&["sync"]);
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    shell.arg(program.get_program()).args(program.get_args());
    shell.env_clear().current_dir(tenant.folder());
    shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Ran::of(shell.output().expect("a shell"))
}

#[test]
fn a_file_that_may_not_grow_ends_the_run_and_keeps_the_store() {
    let tenant = Tenant::of(tiny_world(), EmulatorSettings::default());
    tenant.sync().exits(0);
    let large = WorldSettings { install_jobs: 3_000, ..small_world() };
    let larger = Tenant::of(large, EmulatorSettings::default());
    fs::copy(tenant.store(), larger.store()).expect("copied");
    let before = fs::read(larger.store()).expect("the store");
    let blocks = before.len() as u64 / 512;
    for limit in [blocks / 2, blocks + 64] {
        let ran = within_blocks(&larger, limit).exits(1).says(&["error:", "hint:"]);
        assert!(fs::read(larger.store()).expect("the store") == before, "limit {limit}: {}", ran.stderr);
        assert!(!larger.path("hclake.duckdb.next").exists(), "limit {limit}: the copy was left behind");
    }
    larger.run(&["sync", "--allow-gone"]).exits(0);
    larger.assert_sound();
}

/// A separate file system in memory, which is removed with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, kib: u64) -> Option<SmallDisk> {
        fs::create_dir_all(at).expect("made");
        let size = format!("size={kib}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| SmallDisk(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_ends_the_run_and_keeps_the_store() {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let before = fs::read(tenant.store()).expect("the store");
    let kib = before.len() as u64 / 1024;
    tenant.advance();
    for room in [kib + kib / 2, 2 * kib + 16] {
        let Some(_disk) = SmallDisk::mount(&tenant.path("disk"), room) else {
            eprintln!("skipped: this user may not mount a small disk");
            return;
        };
        fs::copy(tenant.store(), tenant.path("disk/x.duckdb")).expect("the store fits");
        tenant.run(&["--store", "disk/x.duckdb", "sync"]).exits(1).says(&["error:", "hint:"]);
        assert!(fs::read(tenant.path("disk/x.duckdb")).expect("the store") == before, "{room} KiB");
        assert!(!tenant.path("disk/x.duckdb.next").exists(), "{room} KiB: the copy fills the disk");
    }
}

#[test]
fn a_folder_that_this_user_may_not_write_is_named() {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"));
    let Some(library) = option_env!("DUCKDB_LIB_DIR").filter(|_| is_root) else {
        eprintln!("skipped: only the administrator can run a program as someone else");
        return;
    };
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    let before = fs::read(tenant.store()).expect("the store");
    // In a place that the other user can read.
    let program = tenant.path("hclake");
    fs::copy(env!("CARGO_BIN_EXE_hclake"), &program).expect("copied");
    fs::copy(Path::new(library).join("libduckdb.so"), tenant.path("libduckdb.so")).expect("copied");
    fs::set_permissions(tenant.folder(), fs::Permissions::from_mode(0o755)).expect("set");
    let as_nobody = |args: &[&str]| {
        let mut command = Command::new(&program);
        command.args(args).env_clear().current_dir(tenant.folder()).uid(NOBODY).gid(NOBODY);
        let inner = tenant.command(args);
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ran::of(command.env("LD_LIBRARY_PATH", tenant.folder()).output().expect("the program starts"))
    };
    as_nobody(&["sync"]).exits(1).says(&["cannot open", "hclake.duckdb.lock", "hint: check the permissions"]);
    as_nobody(&["query", "SELECT 1"]).exits(1).says(&["cannot read", "hint: check the permissions"]);
    fs::set_permissions(tenant.store(), fs::Permissions::from_mode(0o644)).expect("set");
    as_nobody(&["query", "SELECT count(*) FROM runs"]).exits(0);
    assert_eq!(fs::read(tenant.store()).expect("the store"), before);
    let left = beside_the_store(&tenant);
    assert!(!left.iter().any(|name| name.contains(".next")), "{left:?}");
}

#[test]
fn a_signal_that_ends_programs_ends_a_run_with_130_and_keeps_the_store() {
    for signal in ["INT", "TERM", "HUP"] {
        let tenant = Tenant::of(tiny_world(), EmulatorSettings::default());
        tenant.sync().exits(0);
        let before = fs::read(tenant.store()).expect("the store");
        tenant.advance();
        // The program that started these tests may have set the signal to be ignored.
        let usual = format!("--default-signal={signal}");
        signalled(&tenant, &["env", &usual], signal, Duration::from_secs(30)).exits(130).says(&["interrupted"]);
        assert_eq!(fs::read(tenant.store()).expect("the store"), before, "{signal}");
        assert!(!beside_the_store(&tenant).iter().any(|name| name.contains(".next")), "{signal}");
    }
}

#[test]
fn a_run_under_nohup_outlives_its_terminal() {
    let tenant = Tenant::of(tiny_world(), EmulatorSettings::default());
    signalled(&tenant, &["nohup"], "HUP", Duration::from_millis(500)).exits(0);
    assert_whole(&tenant, "after a hang-up");
}

/// A run that is sent a signal while it waits for an answer.
fn signalled(tenant: &Tenant, starter: &[&str], signal: &str, wait: Duration) -> Ran {
    let asked = tenant.requests_for("app-center/apps");
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::Stall(wait));
    let mut command = tenant.command_by(starter, &["sync"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("started");
    while tenant.requests_for("app-center/apps") == asked {
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("kill").success());
    Ran::of(child.wait_with_output().expect("ended"))
}

#[test]
fn a_folder_that_cannot_be_synced_is_a_warning_once_the_store_is_replaced() {
    let tenant = Tenant::of(tiny_world(), EmulatorSettings::default());
    let lake = tenant.path("lake");
    fs::create_dir(&lake).expect("made");
    // Files can be made and renamed there, but the folder itself cannot be opened.
    fs::set_permissions(&lake, fs::Permissions::from_mode(0o300)).expect("set");
    let ran = tenant.run_bound_by_modes(&["--store", "lake/x.duckdb", "sync"]);
    fs::set_permissions(&lake, fs::Permissions::from_mode(0o755)).expect("set");
    ran.exits(0).says(&["WARN", "the run is stored, but after a power failure", "Permission denied"]);
    let ran = tenant.run(&["--store", "lake/x.duckdb", "query", "SELECT count(*) AS n FROM runs", "--format", "csv"]);
    assert_eq!(ran.exits(0).stdout.trim(), "n\n1");
}

#[test]
fn files_of_a_dead_run_do_not_stop_the_next() {
    let tenant = Tenant::of(tiny_world(), EmulatorSettings::default());
    tenant.sync().exits(0);
    tenant
        .write("hclake.duckdb.lock", "{\"pid\": 1, \"host\": \"elsewhere\", \"started_at\": \"2020-01-01T00:00:00Z\"}");
    tenant.write("hclake.duckdb.next", "half a database");
    tenant.write("hclake.duckdb.next.wal", "and half a log");
    fs::create_dir(tenant.path("hclake.duckdb.next.tmp")).expect("made");
    tenant.write("hclake.duckdb.next.tmp/duckdb_temp_block-1", "what did not fit into memory");
    tenant.advance();
    tenant.sync().exits(0);
    let left = beside_the_store(&tenant);
    assert!(left.iter().all(|name| name == "hclake.duckdb.lock"), "{left:?}");
    assert_whole(&tenant, "after a dead run");
}
