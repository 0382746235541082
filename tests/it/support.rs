//! A tenant of the emulated cloud with its own folder, and the program run in it, with only the environment variables that
//! a test sets.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hclake::base::clock::Timestamp;
use hclake::catalog::{Catalog, Services};
use hclake::emulator::{Emulator, EmulatorSettings, ListId, Running, World, WorldSettings};
use hclake::store::Reader;
use serde_json::Value;
use tokio::runtime::Runtime;

pub const REGION: &str = "ap-southeast-3";

/// The result of one run of the program.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    #[track_caller]
    pub fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts that standard error has each of these texts.
    #[track_caller]
    pub fn says(self, pieces: &[&str]) -> Ran {
        for piece in pieces {
            assert!(self.stderr.contains(piece), "`{piece}` is not in:\n{}", self.stderr);
        }
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e} in {}", self.stdout))
    }
}

/// Sends a signal, such as `-INT`.
pub fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([name, &child.id().to_string()]).status().expect("kill").success());
}

pub struct Tenant {
    /// Keeps the cloud running.
    _runtime: Runtime,
    pub cloud: Running,
    folder: tempfile::TempDir,
    ak: String,
    sk: String,
    variables: Vec<(String, String)>,
    /// The store as it was when it was last asked something, and which file it was.
    reader: Mutex<Option<(StoreMark, Reader)>>,
}

/// The file's number, its bytes, and when it was written.
type StoreMark = (u64, u64, i64, i64);

pub const DAY_US: i64 = 86_400_000_000;

/// Now, as it was when it was first asked for: worlds made after one another are equal.
pub fn now_us() -> i64 {
    static NOW_US: OnceLock<i64> = OnceLock::new();
    *NOW_US.get_or_init(|| chrono::Utc::now().timestamp_micros())
}

/// The ordinary start, some whole weeks later: four to eleven days ago, so that the rows are those of the ordinary world
/// and as recent as the questions expect.
fn recent_start() -> Timestamp {
    let ordinary = WorldSettings::default().start.0;
    let weeks = (now_us() - 4 * DAY_US - ordinary).div_euclid(7 * DAY_US);
    Timestamp(ordinary + weeks * 7 * DAY_US)
}

pub fn small_world() -> WorldSettings {
    WorldSettings {
        start: recent_start(),
        install_jobs: 450,
        apps: 30,
        deploy_apps: 120,
        image_jobs: 20,
        swr_jobs: 110,
        other_rows: 20,
        ..WorldSettings::default()
    }
}

impl Tenant {
    pub fn new() -> Tenant {
        Tenant::of(small_world(), EmulatorSettings::default())
    }

    pub fn of(world: WorldSettings, settings: EmulatorSettings) -> Tenant {
        Tenant::with_catalog(&Catalog::core().expect("the catalog is sound"), world, settings)
    }

    /// A tenant with every built-in list, of all sets, switched on.
    pub fn with_all_sets() -> Tenant {
        let catalog = Catalog::builtin().expect("the catalog is sound");
        let tenant = Tenant::with_catalog(&catalog, small_world(), EmulatorSettings::default());
        let sets: BTreeSet<&str> = catalog.endpoints().iter().map(|list| list.set.as_str()).collect();
        let sets: Vec<&str> = sets.into_iter().collect();
        tenant.write("hclake.toml", &format!("lists = {sets:?}\n{}", unlimited_rates()));
        tenant
    }

    /// A tenant of a cloud that serves the lists of this catalog.
    pub fn with_catalog(catalog: &Catalog, world: WorldSettings, settings: EmulatorSettings) -> Tenant {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
        let (ak, sk) = (settings.ak.clone(), settings.sk.expose().to_owned());
        let projects = world.codearts_project_ids.join(",");
        let cloud = runtime.block_on(Emulator::start(World::new(catalog, world), settings)).expect("loopback");
        let folder = tempfile::tempdir().expect("a folder");
        let variables = vec![("HCLAKE_CODEARTS_PROJECTS".to_owned(), projects)];
        let reader = Mutex::default();
        let tenant = Tenant { _runtime: runtime, cloud, folder, ak, sk, variables, reader };
        // The emulator can take more than a real service.
        tenant.write("hclake.toml", &unlimited_rates());
        tenant
    }

    /// The access key and its secret.
    pub fn keys(&self) -> (&str, &str) {
        (&self.ak, &self.sk)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn store(&self) -> PathBuf {
        self.path("hclake.duckdb")
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    /// The program, in the tenant's folder, with the tenant's credentials in its environment.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.bare_command(args);
        command
            .env("HCLAKE_ENDPOINT_URL", self.cloud.base_url())
            .env("HCLAKE_REGION", REGION)
            .env("HUAWEICLOUD_SDK_AK", &self.ak)
            .env("HUAWEICLOUD_SDK_SK", &self.sk)
            .envs(self.variables.iter().cloned());
        command
    }

    /// Runs in a home folder inside the tenant's, with the tenant's addresses and region, and no credentials but
    /// those in these variables and in files of that home.
    pub fn run_at_home(&self, args: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.bare_command(args);
        command
            .env("HOME", self.path("home"))
            .env("HCLAKE_ENDPOINT_URL", self.cloud.base_url())
            .env("HCLAKE_REGION", REGION)
            .envs(self.variables.iter().cloned())
            .envs(variables.iter().copied());
        Ran::of(command.output().expect("the program starts"))
    }

    pub fn write_at_home(&self, name: &str, text: &str) {
        let path = self.path("home").join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    /// Writes the configuration: first the keys at the top, then tables.
    pub fn configure(&self, top: &str, tables: &str) {
        self.write("hclake.toml", &format!("{top}\n{}\n{tables}", unlimited_rates()));
    }

    /// The program with an empty environment.
    pub fn bare_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hclake"));
        command.args(args).env_clear().current_dir(self.folder.path());
        command
    }

    /// The same, started by another program, such as `env`.
    pub fn command_by(&self, starter: &[&str], args: &[&str]) -> Command {
        let inner = self.command(args);
        let mut command = Command::new(starter[0]);
        command.args(&starter[1..]).arg(inner.get_program()).args(args).env_clear().current_dir(self.folder());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command
    }

    /// Runs as a user who must obey file modes. The superuser drops its capabilities for that.
    pub fn run_bound_by_modes(&self, args: &[&str]) -> Ran {
        let is_superuser = std::fs::metadata(self.folder()).expect("there").uid() == 0;
        let starter: &[&str] = match is_superuser {
            true => &["/usr/bin/setpriv", "--inh-caps=-all", "--bounding-set=-all"],
            false => &["/usr/bin/env"],
        };
        Ran::of(self.command_by(starter, args).output().expect("starts"))
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("the program starts"))
    }

    /// Runs with some variables set to other values; an empty one is unset.
    pub fn run_with(&self, args: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = self.command(args);
        for (name, value) in variables {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        Ran::of(command.output().expect("the program starts"))
    }

    /// Kills a command after some time, unless it has ended by then. Returns whether it was killed.
    pub fn run_killed(&self, args: &[&str], after: Duration) -> bool {
        let silent = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = silent(&mut self.command(args)).expect("starts");
        std::thread::sleep(after);
        child.kill().expect("killed or ended");
        child.wait().expect("ended").code().is_none()
    }

    pub fn sync(&self) -> Ran {
        self.run(&["sync", "--format", "json"])
    }

    /// Lets a day pass in the cloud.
    pub fn advance(&self) {
        self.cloud.with_world(World::advance_day);
    }

    pub fn open(&self) -> Reader {
        hclake::store::open_read_only(&self.store()).expect("the store opens")
    }

    /// Asks the store. It stays open until another one is in its place, since opening takes longer than most questions.
    fn ask<T>(&self, question: impl FnOnce(&Reader) -> T) -> T {
        let held = self.store().metadata().expect("there is a store");
        let mark = (held.ino(), held.len(), held.mtime(), held.mtime_nsec());
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        if reader.as_ref().is_none_or(|(of, _)| *of != mark) {
            *reader = None;
            *reader = Some((mark, self.open()));
        }
        let (_, reader) = reader.as_ref().expect("it was opened");
        question(reader)
    }

    /// One value of one row.
    pub fn number(&self, sql: &str) -> i64 {
        let number = |reader: &Reader| reader.query_row(sql, [], |row| row.get(0));
        self.ask(number).unwrap_or_else(|e| panic!("{e}: {sql}"))
    }

    /// The first column of all rows, as texts.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        self.ask(|reader| {
            let mut statement = reader.prepare(sql).unwrap_or_else(|e| panic!("{e}: {sql}"));
            let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
            rows.map(|text| text.expect("text")).collect()
        })
    }

    /// The keys of a list's records, as the cloud has them now.
    pub fn cloud_keys(&self, id: &ListId) -> BTreeSet<String> {
        self.cloud.with_world(|w| w.listing(id).iter().filter_map(|r| w.key(&id.table, r)).collect())
    }

    /// The first list of a table.
    pub fn list_id(&self, table: &str) -> ListId {
        self.cloud.with_world(|w| w.lists().find(|id| id.table == table).cloned()).expect("a list")
    }

    /// Requests that the cloud has seen for paths that hold `piece`.
    pub fn requests_for(&self, piece: &str) -> usize {
        self.cloud.requests().iter().filter(|r| r.target.contains(piece)).count()
    }

    /// Asserts that the store breaks none of its rules.
    #[track_caller]
    pub fn assert_sound(&self) {
        self.assert_sound_by(&Catalog::core().expect("sound"));
    }

    #[track_caller]
    pub fn assert_sound_by(&self, catalog: &Catalog) {
        let violations = self.ask(|reader| hclake::store::run_checks(reader, catalog.endpoints()));
        let violations = violations.expect("the checks run");
        assert!(violations.is_empty(), "{violations:?}");
    }
}

/// The peak memory of a program so far, in MB; `None` once it has ended.
fn peak_mb(child: &Child) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kb| kb / 1024)
}

/// Runs to the end without output, and returns the exit code and the peak memory in MB.
pub fn peak_of(command: &mut Command) -> (Option<i32>, u64) {
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    let mut peak = 0;
    while child.try_wait().expect("a child").is_none() {
        peak = peak_mb(&child).unwrap_or(peak).max(peak);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    (child.wait().expect("ended").code(), peak)
}

/// How many lists a run reads in one project: each built-in one, or one for each value of its fixed parameter.
pub fn lists_in_a_run() -> usize {
    let catalog = Catalog::core().expect("sound");
    let lists = catalog.endpoints().iter().map(|list| list.fixed.as_ref().map_or(1, |fixed| fixed.values.len()));
    lists.sum()
}

/// The summary of the first list of a table.
pub fn list_of<'a>(summary: &'a Value, table: &str) -> &'a Value {
    let tables = summary["tables"].as_array().expect("tables");
    tables.iter().find(|list| list["table"] == table).expect("the table was asked for")
}

pub fn unlimited_rates() -> String {
    Services::built_in().names().fold("[rate]\n".to_owned(), |text, service| text + service + " = 0\n")
}
