//! `hclake query` without a statement: a person at a terminal with keys, history and completion, or statements from
//! standard input, each in turn.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::{Ran, Tenant, signal};

/// No row for a very long time.
const SILENT: &str = "SELECT a.range FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1;";
const PATIENCE: Duration = Duration::from_secs(30);
const CTRL_C: &str = "\x03";
const CTRL_D: &str = "\x04";

fn synced() -> Tenant {
    let tenant = Tenant::new();
    tenant.sync().exits(0);
    fs::create_dir(tenant.path("tmp")).expect("made");
    tenant
}

/// The program on a terminal of its own. What it shows is kept, and its questions for the cursor's place are answered.
struct Terminal {
    child: Child,
    keys: File,
    shown: Arc<Mutex<Vec<u8>>>,
    /// How much of what was shown the test has waited for.
    at: usize,
}

impl Terminal {
    fn with(tenant: &Tenant, args: &[&str], variables: &[(&str, &str)]) -> Terminal {
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&keys).and_then(|()| unlockpt(&keys)).expect("mine");
        let size = Winsize { ws_row: 40, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&keys, size).expect("sized");
        let name = ptsname(&keys, Vec::new()).expect("a name");
        let screen =
            || File::from(rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opens"));
        let mut command = tenant.command(args);
        command.env("TERM", "xterm-256color").env("HOME", tenant.path("home")).env("TMPDIR", tenant.path("tmp"));
        command.envs(variables.iter().copied()).stdin(screen()).stdout(screen()).stderr(screen());
        let child = command.spawn().expect("starts");
        let keys = File::from(keys);
        let shown = Arc::new(Mutex::new(Vec::new()));
        let (mut output, mut answers, kept) =
            (keys.try_clone().expect("two"), keys.try_clone().expect("three"), shown.clone());
        thread::spawn(move || {
            let mut piece = [0; 4096];
            // Linux reports the end of a terminal as an error.
            while let Ok(length @ 1..) = output.read(&mut piece) {
                kept.lock().expect("whole").extend_from_slice(&piece[..length]);
                for _ in piece[..length].windows(4).filter(|bytes| *bytes == b"\x1b[6n") {
                    answers.write_all(b"\x1b[1;1R").expect("answered");
                }
            }
        });
        Terminal { child, keys, shown, at: 0 }
    }

    fn type_keys(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("typed");
    }

    fn all_shown(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().expect("whole")).into_owned()
    }

    /// Waits until the text is shown after what was waited for before.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        let begun = Instant::now();
        loop {
            let shown = self.shown.lock().expect("whole").clone();
            let found = shown[self.at..].windows(text.len()).position(|bytes| bytes == text.as_bytes());
            if let Some(found) = found {
                self.at += found + text.len();
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "`{text}` was not shown, but:\n{}",
                String::from_utf8_lossy(&shown[self.at..])
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[track_caller]
    fn asks(&mut self, keys: &str, answer: &str) {
        self.type_keys(keys);
        self.wait_for(answer);
        self.wait_for("hclake");
    }

    fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    #[track_caller]
    fn ended(mut self) -> (ExitStatus, String) {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return (status, self.all_shown());
            }
            assert!(begun.elapsed() < PATIENCE, "it goes on, and showed:\n{}", self.all_shown());
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Where a test failed.
        let _ = self.child.kill();
    }
}

fn left_in_tmp(tenant: &Tenant) -> usize {
    fs::read_dir(tenant.path("tmp")).expect("a folder").count()
}

#[test]
fn a_person_asks_makes_mistakes_stops_what_takes_long_and_goes_on() {
    let tenant = synced();
    let mut terminal = Terminal::with(&tenant, &["query"], &[]);
    terminal.wait_for("Ctrl-D ends");
    terminal.wait_for("hclake");
    terminal.type_keys("SELECT 41 *\r");
    terminal.wait_for("...>");
    terminal.asks("271 AS product;\r", "11111");
    terminal.asks("SELECT nope;\r", "Binder Error");
    terminal.asks("DELETE FROM apps;\r", "a query only reads");
    terminal.asks(".tabels\r", "did you mean `.tables`?");
    terminal.type_keys("SELECT bad");
    terminal.wait_for("bad");
    terminal.type_keys(CTRL_C);
    terminal.wait_for("hclake");
    terminal.asks("SELECT 3 * 37 AS n, count(*) > 0 AS has FROM app_install_jobs_ver\t;\r", "111");
    terminal.type_keys(&format!("{SILENT}\r"));
    thread::sleep(Duration::from_millis(700));
    terminal.signal("-INT");
    terminal.wait_for("interrupted");
    terminal.wait_for("hclake");
    terminal.asks(".format csv\r", "hclake");
    terminal.asks("SELECT 5 * 1111 AS a, 'x' AS b;\r", "5555,x");
    tenant.advance();
    tenant.sync().exits(0);
    terminal.asks("SELECT 1000 + count(*) FROM runs;\r", "1002");
    assert!(terminal.all_shown().contains("a newer run has replaced the store"));
    terminal.type_keys(CTRL_D);
    let (status, shown) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(shown.contains("\x1b[1;34m"), "keywords have a colour: {shown}");
    assert_eq!(left_in_tmp(&tenant), 0);
    let history = tenant.path("home/.local/state/hclake/history");
    assert_eq!(fs::metadata(&history).expect("kept").permissions().mode() & 0o777, 0o600);
    let history = fs::read_to_string(history).expect("text");
    assert!(history.starts_with("SELECT 41 *<\\n>271 AS product;\n"), "{history}");
    assert!(history.contains(".format csv\n") && !history.contains("SELECT bad"), "{history}");
}

#[test]
fn a_session_has_the_statements_of_the_one_before_and_no_colours_where_none_are_wanted() {
    let tenant = synced();
    let up_twice = "\x1b[A\x1b[A\r";
    for keys in ["SELECT 7 * 1111 AS seven;\r", up_twice] {
        let variables = [("NO_COLOR", "1"), ("XDG_STATE_HOME", "state")];
        let mut terminal = Terminal::with(&tenant, &["query", "--format", "jsonl"], &variables);
        terminal.wait_for("Ctrl-D ends");
        terminal.wait_for("hclake> ");
        terminal.asks(keys, "{\"seven\":7777}");
        terminal.type_keys("quit\r");
        let (status, shown) = terminal.ended();
        assert_eq!(status.code(), Some(0), "{shown}");
        assert!(!shown.contains("\x1b[1;34m") && !shown.contains("\x1b[34m"), "{shown}");
    }
}

#[test]
fn a_simple_terminal_gets_a_prompt_and_no_signs_that_it_cannot_show() {
    let tenant = synced();
    let mut terminal = Terminal::with(&tenant, &["query"], &[("TERM", "dumb")]);
    terminal.wait_for("Ctrl-D ends");
    terminal.wait_for("hclake> ");
    terminal.type_keys("SELECT 9 *\n");
    terminal.wait_for("   ...> ");
    terminal.asks("1111 AS n;\n", "9999");
    terminal.asks("SELECT nope;\n", "Binder Error");
    terminal.type_keys("SELECT not finished\n");
    terminal.wait_for("   ...> ");
    terminal.signal("-INT");
    terminal.wait_for("hclake> ");
    terminal.asks("SELECT 6 * 1111 AS n;\n", "6666");
    terminal.type_keys(CTRL_D);
    let (status, shown) = terminal.ended();
    assert_eq!(status.code(), Some(0), "{shown}");
    assert!(!shown.contains('\x1b'), "{shown:?}");
}

#[test]
fn a_session_that_is_told_to_end_ends_and_leaves_nothing() {
    let tenant = synced();
    for (term, statement) in [("xterm", ""), ("dumb", ""), ("xterm", SILENT), ("dumb", SILENT)] {
        let mut terminal = Terminal::with(&tenant, &["query"], &[("TERM", term)]);
        terminal.wait_for("Ctrl-D ends");
        terminal.wait_for("hclake");
        if !statement.is_empty() {
            terminal.type_keys(&format!("{statement}\r"));
            thread::sleep(Duration::from_millis(700));
        }
        terminal.signal("-TERM");
        let (status, shown) = terminal.ended();
        assert_eq!(status.code(), Some(130), "{term} {statement}: {shown}");
        assert_eq!(left_in_tmp(&tenant), 0, "{term} {statement}");
    }
}

#[test]
fn a_session_whose_terminal_is_gone_ends_and_leaves_nothing() {
    let tenant = synced();
    // Of the terminal that is gone, the program must not hold this end.
    let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
    grantpt(&keys).and_then(|()| unlockpt(&keys)).expect("mine");
    let name = ptsname(&keys, Vec::new()).expect("a name");
    let screen = || File::from(rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("opens"));
    let mut command = tenant.command(&["query"]);
    command.env("TERM", "xterm").env("HOME", tenant.path("home")).env("TMPDIR", tenant.path("tmp"));
    let mut child = command.stdin(screen()).stdout(screen()).stderr(screen()).spawn().expect("starts");
    let mut keys = File::from(keys);
    let (mut shown, mut piece) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&shown).contains("Ctrl-D ends") {
        let length = keys.read(&mut piece).expect("shown");
        shown.extend_from_slice(&piece[..length]);
    }
    drop(keys);
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        if begun.elapsed() > PATIENCE {
            child.kill().expect("killed");
            panic!("it goes on without a terminal");
        }
        thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(130));
    assert_eq!(left_in_tmp(&tenant), 0);
}

/// The program with this standard input.
fn fed(tenant: &Tenant, args: &[&str], input: &str) -> Ran {
    let mut command = tenant.command(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("written");
    Ran::of(child.wait_with_output().expect("ended"))
}

#[test]
fn statements_of_standard_input_run_in_turn() {
    let tenant = synced();
    let input = "-- two on one line\nSELECT 1 AS a; SELECT ';' AS b;\n.format jsonl\nSELECT 2\n  AS c";
    let ran = fed(&tenant, &["query", "--format", "csv"], input).exits(0);
    assert_eq!(ran.stdout, "a\n1\nb\n;\n{\"c\":2}\n");
    assert_eq!(ran.stderr, "");
    let tables = fed(&tenant, &["query"], "SELECT 1 AS a;\nSELECT 2 AS b;\n").exits(0);
    assert_eq!(tables.stdout, "a\n─\n1\n\nb\n─\n2\n");
    let listed = fed(&tenant, &["query"], ".tables\n.reports\n.schema runs\n.quit\nSELECT nope;").exits(0);
    for piece in ["apps_as_of(ts)", "install_failures", "CREATE TABLE runs ("] {
        assert!(listed.stdout.contains(piece), "{piece} is not in:\n{}", listed.stdout);
    }
    assert_eq!(fed(&tenant, &["query"], "").exits(0).stdout, "");
}

#[test]
fn the_first_statement_of_standard_input_that_fails_is_the_last() {
    let tenant = synced();
    let ran = fed(&tenant, &["query", "--format", "csv"], "SELECT 1 AS a;\nSELECT nope;\nSELECT 3 AS c;").exits(2);
    assert_eq!(ran.stdout, "a\n1\n");
    ran.says(&["Binder Error", "hint: it is statement 2 of standard input; none after it was run"]);
    let late = "SELECT error('too late') FROM range(10) WHERE range > 5;";
    fed(&tenant, &["query"], late).exits(2).says(&["too late"]);
    fed(&tenant, &["query"], "SELECT 'open;").exits(2).says(&["error:"]);
    fed(&tenant, &["query"], ".tabels").exits(2).says(&["did you mean `.tables`?"]);
    for write in [
        "DELETE FROM apps;",
        "CREATE TABLE t (i INT);",
        "COPY apps TO 'apps.csv';",
        "ATTACH 'other.duckdb';",
        "SET lock_configuration = false;",
        "FROM read_csv('/etc/passwd');",
    ] {
        let ran = fed(&tenant, &["query"], write);
        assert!(ran.code != 0, "{write}: {}", ran.stdout);
    }
    fed(&tenant, &["query", "--out", "a.csv"], "SELECT 1;").exits(2).says(&["--out takes one statement", "hint:"]);
    fed(&tenant, &["query", "--format", "parquet"], "SELECT 1;").exits(2).says(&["hint:", "--out"]);
}
