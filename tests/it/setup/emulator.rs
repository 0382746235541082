//! `hclake emulator`: another process reads it with what it prints, nights pass at a word, and it ends when it is stopped.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use hclake::base::clock::{SystemClock, Timestamp};
use hclake::catalog::Catalog;
use hclake::emulator::{World, WorldSettings};

use crate::support::{DAY_US, Ran, signal};

const ROWS: usize = 300;

/// The command at work, and what it printed.
pub struct Served {
    child: Child,
    pub variables: Vec<(String, String)>,
    folder: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(folder: &tempfile::TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hclake"));
    command.args(args).env_clear().current_dir(folder.path());
    command
}

impl Served {
    /// The command with one night, and what the cloud holds that it serves.
    pub fn with_world(seed: u64) -> (Served, World) {
        let today = || Timestamp(SystemClock::shared().wall().0.div_euclid(DAY_US) * DAY_US);
        let catalog = Catalog::builtin().expect("the catalog is sound");
        loop {
            let start = today();
            let served = Served::new(&["--nights", "1", "--seed", &seed.to_string()]);
            // Unless midnight was between.
            if start == today() {
                let settings = WorldSettings { seed, start, install_jobs: ROWS, ..WorldSettings::default() };
                return (served, World::new(&catalog, settings));
            }
        }
    }

    fn new(args: &[&str]) -> Served {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = program(&folder, &["emulator", "--rows", &ROWS.to_string()]);
        let mut child = command.args(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        let variable = |line: String| {
            let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
            Some((name.to_owned(), value.trim_matches('\'').to_owned()))
        };
        let variables = out.lines().take(6).filter_map(|line| variable(line.expect("a line"))).collect();
        std::fs::write(
            folder.path().join("hclake.toml"),
            "[rate]\nworkspace = 0\nappstream = 0\ncodearts_deploy = 0\nswr = 0\n",
        )
        .expect("written");
        Served { child, variables, folder }
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(program(&self.folder, args).envs(self.variables.iter().cloned()).output().expect("starts"))
    }

    fn post_night(&self) -> String {
        let url = &self.variables.iter().find(|(name, _)| name == "HCLAKE_ENDPOINT_URL").expect("printed").1;
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("listens");
        let request = "POST /emulator/night HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

#[test]
fn what_it_prints_is_all_that_another_process_needs_and_nights_pass_at_a_word() {
    let served = Served::new(&["--nights", "2"]);
    assert_eq!(served.variables.len(), 6, "{:?}", served.variables);
    let first = served.run(&["sync", "--format", "json"]).exits(0).json();
    assert!(first["tables"].as_array().expect("lists").iter().all(|list| list["verdict"] == "complete"), "{first}");
    assert!(served.post_night().contains("{\"night\":2}"));
    let second = served.run(&["sync", "--format", "json"]).exits(0).json();
    let news = |list: &serde_json::Value| list["new"].as_u64().unwrap_or(0) + list["changed"].as_u64().unwrap_or(0);
    assert!(second["tables"].as_array().expect("lists").iter().map(news).sum::<u64>() > 0, "{second}");
    assert!(served.post_night().starts_with("HTTP/1.1 409"), "there is no night after today");
}

#[test]
fn a_seed_gives_the_same_records_all_day() {
    let (served, world) = Served::with_world(3);
    served.run(&["sync"]).exits(0);
    let keys = |list| world.listing(list).into_iter().filter_map(|job| world.key("app_install_jobs", &job));
    let mut held: Vec<String> = world.lists_of("app_install_jobs").iter().flat_map(keys).collect();
    held.sort();
    let stored = served.run(&["query", "--format", "csv", "SELECT id FROM app_install_jobs ORDER BY id"]).exits(0);
    assert_eq!(stored.stdout.lines().skip(1).collect::<Vec<_>>(), held);
}

#[test]
fn faults_that_are_asked_for_happen() {
    let served = Served::new(&["--fault", "429:4,cut:7"]);
    let summary = served.run(&["sync", "--format", "json"]).exits(0).json();
    let throttled = |list: &serde_json::Value| list["throttled"].as_u64().unwrap_or(0);
    assert!(summary["tables"].as_array().expect("lists").iter().map(throttled).sum::<u64>() > 0, "{summary}");
    let forbidden = Served::new(&["--fault", "403:1"]);
    forbidden.run(&["sync"]).exits(3).says(&["apps", "workspace:apps:list"]);
}

#[test]
fn a_tenant_that_moves_between_requests_is_read_and_nothing_is_lost() {
    let served = Served::new(&["--moving", "--seed", "3"]);
    for _ in 0..2 {
        let code = served.run(&["sync"]).code;
        assert!([0, 3].contains(&code), "{code}");
    }
}

#[test]
fn it_ends_well_when_it_is_stopped() {
    for name in ["-TERM", "-INT", "-HUP"] {
        let mut served = Served::new(&[]);
        signal(&served.child, name);
        assert_eq!(served.child.wait().expect("ends").code(), Some(0), "{name}");
    }
}

#[test]
fn an_address_that_others_reach_and_an_unknown_fault_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let refused = |args: &[&str]| Ran::of(program(&folder, &[&["emulator"], args].concat()).output().expect("starts"));
    refused(&["--listen", "0.0.0.0:0"]).exits(2).says(&["not of this machine alone"]);
    refused(&["--fault", "418"]).exits(2).says(&["write one of 429"]);
    refused(&["--fault", "429:0"]).exits(2).says(&["after the colon"]);
}
