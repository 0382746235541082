//! Alerts after a sync: a row fires once and is over once, each channel hears of it once, and what goes wrong with a message
//! changes neither the run nor its exit code.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use hclake::emulator::{Fault, When};
use serde_json::Value;

use crate::support::{Ran, Tenant, signal};

/// A script that appends each message to a file, a line each.
const KEEP: &str = "#!/bin/sh\ncat >> \"$1\"; echo >> \"$1\"\n";
/// Fires for each application that has failed installations.
const FAILING: &str = "[[alert]]\nname = \"failing\"\nreport = \"install_failures\"\nwhen = \"failed >= 1\"\n";

struct Heard {
    tenant: Tenant,
}

impl Heard {
    /// A tenant whose messages a script keeps.
    fn new(blocks: &str) -> Heard {
        let tenant = Tenant::new();
        tenant.write("keep.sh", KEEP);
        fs::set_permissions(tenant.path("keep.sh"), fs::Permissions::from_mode(0o755)).expect("executable");
        let (script, file) = (tenant.path("keep.sh"), tenant.path("heard"));
        let notify = format!(
            "[[notify]]\nname = \"team\"\nkind = \"command\"\ncommand = [{script:?}, {file:?}]\n\
             on = [\"alert\", \"failed\", \"partial\"]\n"
        );
        tenant.configure("", &format!("{blocks}\n{notify}"));
        Heard { tenant }
    }

    fn messages(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.tenant.path("heard")).unwrap_or_default();
        text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

#[test]
fn a_row_fires_once_and_is_over_once() {
    let heard = Heard::new(FAILING);
    let tenant = &heard.tenant;
    let ran = tenant.sync().exits(0);
    assert!(ran.stderr.contains("alert failing fires for"), "{}", ran.stderr);
    let first = heard.messages();
    assert_eq!(first.len(), 1);
    let alert = &first[0]["alerts"][0];
    assert_eq!((&alert["name"], &alert["state"]), (&"failing".into(), &"fired".into()));
    let rows = alert["rows"].as_array().expect("rows");
    assert!(!rows.is_empty() && rows.iter().all(|row| row["failed"].as_i64().expect("a count") >= 1), "{rows:?}");
    let open = tenant.number("SELECT count(*) FROM alerts WHERE over_run_id IS NULL");
    assert_eq!(open, tenant.number("SELECT count(DISTINCT subject) FROM alerts"));
    assert_eq!(tenant.texts("SELECT state FROM sent_messages"), ["sent"]);

    tenant.sync().exits(0);
    assert_eq!(heard.messages().len(), 1, "nothing is new, so nothing is sent");

    let jobs: Vec<_> = tenant.cloud.with_world(|world| world.lists_of("app_install_jobs"));
    tenant.cloud.with_world(|world| jobs.iter().map(|list| world.clear(list)).sum::<usize>());
    tenant.run(&["sync", "--allow-gone"]).exits(0);
    assert_eq!(tenant.number("SELECT count(*) FROM alerts WHERE over_run_id IS NULL"), 0);
    let after = heard.messages();
    assert_eq!(after.len(), 2);
    assert_eq!(after[1]["alerts"][0]["state"], "over");
    tenant.assert_sound();
}

#[test]
fn what_is_shown_of_alerts_is_what_fires() {
    let heard = Heard::new(FAILING);
    let tenant = &heard.tenant;
    tenant.run(&["alerts"]).exits(0).says(&["no store"]);
    tenant.sync().exits(0);
    let shown = tenant.run(&["alerts", "--format", "json"]).exits(0).json();
    let rows = shown["alerts"][0]["rows"].as_array().expect("rows");
    assert_eq!(rows.len() as i64, tenant.number("SELECT count(*) FROM alerts"));
    assert!(rows.iter().all(|row| row["since"].is_string()), "{rows:?}");
    assert_eq!(shown["messages"][0]["state"], "sent");
    let text = tenant.run(&["alerts"]).exits(0).stdout;
    assert!(text.contains("fires for") && text.contains("failed >= 1"), "{text}");
}

#[test]
fn a_test_message_reaches_the_channels_of_its_alert_and_is_no_event() {
    let heard = Heard::new(FAILING);
    let tenant = &heard.tenant;
    tenant.sync().exits(0);
    let before = tenant.number("SELECT count(*) FROM sent_messages");
    for name in ["failing", "team"] {
        assert_eq!(tenant.run(&["alerts", "--test", name]).exits(0).stdout, "team: sent\n");
    }
    assert_eq!(heard.messages().len(), 3);
    assert_eq!(tenant.number("SELECT count(*) FROM sent_messages"), before);
    tenant.run(&["alerts", "--test", "faling"]).exits(2).says(&["no [[alert]] and no [[notify]]", "failing"]);
}

#[test]
fn a_run_that_fails_or_is_partly_done_is_reported() {
    let heard = Heard::new("");
    let tenant = &heard.tenant;
    tenant.sync().exits(0);
    assert!(heard.messages().is_empty(), "nothing to say of a good night");
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::forbidden("workspace:apps:list"));
    tenant.sync().exits(3);
    let partly = heard.messages();
    assert_eq!((partly.len(), &partly[0]["run"]["outcome"]), (1, &"partial".into()));
    assert!(partly[0]["troubles"][0]["text"].as_str().expect("a text").starts_with("apps ["), "{partly:?}");
    tenant.cloud.faults.add("", When::Always, Fault::denied());
    tenant.sync();
    let failed = heard.messages();
    assert_eq!((failed.len(), &failed[1]["run"]["outcome"]), (2, &"failed".into()));
    assert_eq!(failed[1]["run"]["run_id"], Value::Null);
}

#[test]
fn an_alert_that_cannot_be_judged_is_named_and_the_others_are_judged() {
    let wrong = "[[alert]]\nname = \"wrong\"\nreport = \"install_failures\"\nwhen = \"faild >= 1\"\n";
    let heard = Heard::new(&format!("{wrong}{FAILING}"));
    let ran = heard.tenant.sync().exits(0);
    assert!(
        ran.stderr.contains("the alert wrong could not be judged") && ran.stderr.contains("failed"),
        "{}",
        ran.stderr
    );
    let message = &heard.messages()[0];
    assert_eq!(message["alerts"][0]["name"], "failing");
    assert!(message["troubles"][0]["text"].as_str().expect("a text").contains("wrong"), "{message}");
    let shown = heard.tenant.run(&["alerts"]).exits(1).stdout;
    assert!(shown.contains("cannot be judged"), "{shown}");
}

#[test]
fn a_signal_ends_the_judging_of_alerts_and_the_run_stays_stored() {
    let endless = "(SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1) = 0";
    for name in ["-INT", "-TERM", "-HUP"] {
        let heard = Heard::new(&FAILING.replace("failed >= 1", endless));
        let tenant = &heard.tenant;
        fs::create_dir(tenant.path("tmp")).expect("new");
        let mut command = tenant.command(&["sync"]);
        let child = command
            .env("TMPDIR", tenant.path("tmp"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("starts");
        while !tenant.store().exists() {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::thread::sleep(Duration::from_millis(700));
        let begun = Instant::now();
        signal(&child, name);
        let ran = Ran::of(child.wait_with_output().expect("ended")).exits(0);
        assert!(begun.elapsed() < Duration::from_secs(20), "{name}: {:?}", begun.elapsed());
        ran.says(&["run 1 complete", "the alert failing could not be judged: interrupted"]);
        assert_eq!(tenant.number("SELECT count(*) FROM runs WHERE outcome = 'complete'"), 1, "{name}");
        assert!(heard.messages()[0].to_string().contains("could not be judged: interrupted"), "{name}");
        assert!(fs::read_dir(tenant.path("tmp")).expect("a folder").next().is_none(), "{name}");
        tenant.assert_sound();
    }
}

#[test]
fn a_condition_is_one_expression_and_changes_nothing() {
    for when in ["1; DROP TABLE runs", "failed) OR (1=1", "", "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0"] {
        let heard = Heard::new(&FAILING.replace("failed >= 1", when));
        let ran = heard.tenant.sync();
        let is_named = ran.stderr.contains("could not be judged") || ran.stderr.contains("when is missing");
        assert!(is_named, "{when}: {}", ran.stderr);
    }
}

#[test]
fn a_message_that_fails_changes_no_exit_code_and_is_tried_again_by_the_next_run() {
    let heard = Heard::new(FAILING);
    let tenant = &heard.tenant;
    fs::set_permissions(tenant.path("keep.sh"), fs::Permissions::from_mode(0o600)).expect("not executable");
    tenant.sync().exits(0).says(&["is failed"]);
    assert_eq!(tenant.texts("SELECT state FROM sent_messages"), ["failed"]);
    fs::set_permissions(tenant.path("keep.sh"), fs::Permissions::from_mode(0o755)).expect("executable");
    tenant.sync().exits(0);
    assert_eq!(heard.messages().len(), 1);
    assert_eq!(tenant.texts("SELECT state FROM sent_messages"), ["sent"]);
    assert_eq!(tenant.number("SELECT attempts FROM sent_messages"), 2);
    tenant.sync().exits(0);
    assert_eq!(heard.messages().len(), 1);
}

/// Takes one request, and closes without an answer.
fn silent_server() -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("an address").port();
    let taken = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut bytes = [0; 65536];
        let _ = stream.read(&mut bytes);
        let _ = stream.flush();
    });
    (port, taken)
}

#[test]
fn a_message_that_may_have_arrived_is_never_sent_again() {
    let tenant = Tenant::new();
    let (port, taken) = silent_server();
    let notify = "[[notify]]\nname = \"hook\"\nkind = \"webhook\"\nurl_env = \"HOOK\"\n";
    tenant.configure("", &format!("{FAILING}{notify}"));
    let url = format!("http://127.0.0.1:{port}/canary-path");
    let ran = tenant.run_with(&["-vv", "sync"], &[("HOOK", &url)]).exits(0);
    taken.join().expect("one request came");
    assert_eq!(tenant.texts("SELECT state FROM sent_messages"), ["unknown"]);
    assert!(!ran.stderr.contains("canary-path"), "the address is a secret: {}", ran.stderr);
    assert!(tenant.texts("SELECT error FROM sent_messages").iter().all(|why| !why.contains("canary-path")));
    tenant.run_with(&["sync"], &[("HOOK", &url)]).exits(0);
    assert_eq!(tenant.number("SELECT count(*) FROM sent_messages WHERE state = 'unknown'"), 1, "nothing more was sent");
}

#[test]
fn a_secret_that_cannot_be_had_is_a_fault_of_the_message_alone() {
    let tenant = Tenant::new();
    tenant.write("url", "http://127.0.0.1:9/x");
    fs::set_permissions(tenant.path("url"), fs::Permissions::from_mode(0o644)).expect("set");
    let hook = |rest: &str| format!("[[notify]]\nname = \"hook\"\nkind = \"webhook\"\n{rest}\n");
    for (rest, why) in
        [("url_env = \"HOOK\"", "the variable HOOK is not set"), ("url_file = \"url\"", "others may read")]
    {
        tenant.configure("", &format!("{FAILING}{}", hook(rest)));
        let _ = fs::remove_file(tenant.store());
        tenant.sync().exits(0).says(&[why]);
        assert_eq!(tenant.texts("SELECT state FROM sent_messages"), ["failed"], "{rest}");
    }
}

#[test]
fn a_digest_comes_after_every_run_and_has_sentences() {
    let heard = Heard::new("");
    let tenant = &heard.tenant;
    let text = fs::read_to_string(tenant.path("hclake.toml")).expect("there");
    tenant.write("hclake.toml", &format!("{text}digest = true\n"));
    tenant.sync().exits(0);
    let message = &heard.messages()[0];
    let digest = message["digest"].as_array().expect("sentences");
    assert!(digest.len() > 2 && digest.iter().all(Value::is_string), "{digest:?}");
    assert!(message["alerts"].as_array().expect("none").is_empty());
}
