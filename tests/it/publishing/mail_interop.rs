//! Mails as a real mail server gets them, over TLS and with a password. The server must be installed, which
//! `make test-interop` does.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use hclake::base::clock::{SystemClock, Timestamp};
use hclake::base::secret::Secret;
use hclake::notify::{Attachment, Channel, Delivery, Email, Limits, Message, Tls, Trouble, deliver};
use serde_json::Value;

use super::interop::{environment, script};

/// Names the folder of a server that runs.
const FOLDER: &str = "HCLAKE_MAIL_SERVER";
const STARTED_WITHIN: Duration = Duration::from_secs(60);

/// Ends the server when the test does.
struct Server(Child);

impl Server {
    fn start(folder: &Path) -> Server {
        let mut command = Command::new(environment().join("bin/python"));
        command.arg(script("mail_server.py")).arg(folder).stdin(Stdio::piped());
        let server = Server(command.spawn().expect("python starts"));
        let begun = Instant::now();
        while !folder.join("port").exists() {
            assert!(begun.elapsed() < STARTED_WITHIN, "the mail server does not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait();
    }
}

/// The test again, in a process whose environment names the authorities that it trusts.
fn runs_again(folder: &Path, test: &str, authorities: &Path) {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args(["--ignored", "--exact", "--nocapture", test]).env(FOLDER, folder).env("SSL_CERT_FILE", authorities);
    assert!(command.status().expect("starts").success(), "{test} with the server in {}", folder.display());
}

#[test]
#[ignore = "needs a mail server: make test-interop installs it"]
fn a_real_mail_server_takes_a_mail_over_tls_and_refuses_another() {
    const THIS: &str = "publishing::mail_interop::a_real_mail_server_takes_a_mail_over_tls_and_refuses_another";
    if let Some(folder) = std::env::var_os(FOLDER) {
        return meets_the_server(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let _server = Server::start(folder.path());
    runs_again(folder.path(), THIS, &folder.path().join("ca.pem"));
}

#[test]
#[ignore = "needs a mail server: make test-interop installs it"]
fn a_mail_server_with_a_certificate_of_nobody_known_gets_neither_password_nor_mail() {
    const THIS: &str =
        "publishing::mail_interop::a_mail_server_with_a_certificate_of_nobody_known_gets_neither_password_nor_mail";
    if let Some(folder) = std::env::var_os(FOLDER) {
        let why = failed(handed_over(Path::new(&folder), "correct horse", "ops@example.com"));
        assert!(why.starts_with("localhost: no connection: ") && why.contains("certificate"), "{why}");
        return;
    }
    let (folder, other) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (_server, _stranger) = (Server::start(folder.path()), Server::start(other.path()));
    runs_again(folder.path(), THIS, &other.path().join("ca.pem"));
    assert!(!folder.path().join("mail.json").exists());
}

fn meets_the_server(folder: &Path) {
    let why = failed(handed_over(folder, "wrong horse", "ops@example.com"));
    assert!(why.starts_with("localhost: answered 535") && !why.contains("horse"), "{why}");
    let why = failed(handed_over(folder, "correct horse", "nobody@example.com"));
    assert_eq!(why, "localhost: answered 550: no such user here");
    assert!(!folder.join("mail.json").exists(), "nothing is taken yet");
    assert_eq!(handed_over(folder, "correct horse", "Ana Müller <ana@example.com>"), Delivery::Sent);
    let taken: Value = serde_json::from_slice(&fs::read(folder.join("mail.json")).expect("a mail")).expect("JSON");
    for (pointer, wanted) in [
        ("/tls", Value::from(true)),
        ("/from", "hclake@example.com".into()),
        ("/to", vec!["ana@example.com"].into()),
        ("/headers/From", "hclake 夜 <hclake@example.com>".into()),
        ("/headers/To", "Ana Müller <ana@example.com>".into()),
        ("/headers/Subject", "运行 12 failed\\r\\nBcc: all@example.com".into()),
        ("/headers/Date", "Wed, 26 Nov 2025 02:00:00 +0000".into()),
        ("/headers/Message-ID", "<run-12@example.com>".into()),
        ("/headers/Auto-Submitted", "auto-generated".into()),
        ("/defects", Value::Array(Vec::new())),
        ("/attachments/dashboard.html", "<p>办公</p>\n.\nend".into()),
    ] {
        assert_eq!(taken.pointer(pointer), Some(&wanted), "{pointer}");
    }
    let plain = taken["plain"].as_str().expect("text").replace("\r\n", "\n");
    assert!(plain.contains("\n- failed: deploy_tasks: 办公 <b>\n  hint: look at it\n"), "{plain}");
    assert!(plain.contains("\n- .\n") && plain.contains(&"x".repeat(1_000)), "{plain}");
    assert!(taken["html"].as_str().expect("text").contains("deploy_tasks: 办公 &lt;b&gt;"), "{taken}");
}

fn handed_over(folder: &Path, password: &str, to: &str) -> Delivery {
    let port = fs::read_to_string(folder.join("port")).expect("a port").parse().expect("a number");
    let channel = Channel::Email(Email {
        host: "localhost".into(),
        port,
        tls: Tls::StartTls,
        user: Some("hclake".into()),
        password: Some(Secret::new(password)),
        from: "hclake 夜 <hclake@example.com>".into(),
        to: vec![to.into()],
    });
    let page = "<p>办公</p>\n.\nend";
    let page =
        Attachment { name: "dashboard.html".into(), media_type: "text/html; charset=utf-8".into(), bytes: page.into() };
    let trouble =
        Trouble { kind: "failed".into(), text: "deploy_tasks: 办公 <b>".into(), hint: Some("look at it".into()) };
    let message = Message {
        id: "run-12".into(),
        at: Timestamp(1_764_122_400_000_000),
        store: "hclake.duckdb".into(),
        title: "运行 12 failed\r\nBcc: all@example.com".into(),
        run: None,
        alerts: Vec::new(),
        troubles: vec![trouble],
        digest: vec![".".into(), "x".repeat(5_000)],
    };
    let limits = Limits { attempts: 1, ..Limits::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(deliver(&channel, &message, &[page], &limits, &SystemClock::shared()))
}

fn failed(delivery: Delivery) -> String {
    match delivery {
        Delivery::Failed { why } => why,
        other => panic!("not failed, but {other:?}"),
    }
}
