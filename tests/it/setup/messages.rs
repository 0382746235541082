//! The messages for the likeliest mistakes of a new user, word for word: what happened, where, and what to do next.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use hclake::base::secret::Secret;
use hclake::emulator::{EmulatorSettings, Fault, When};

use crate::support::{Ran, Tenant, lists_in_a_run, small_world};

/// The output of a session, with placeholders for what differs between runs.
struct Session<'t> {
    tenant: &'t Tenant,
    text: String,
}

impl<'t> Session<'t> {
    fn with(tenant: &'t Tenant) -> Session<'t> {
        Session { tenant, text: String::new() }
    }

    /// Runs the program and records its output; an empty value unsets a variable.
    fn run(&mut self, situation: &str, args: &[&str], variables: &[(&str, &str)]) -> &mut Self {
        let ran = self.tenant.run_with(args, variables);
        self.add(situation, args, &ran)
    }

    fn add(&mut self, situation: &str, args: &[&str], ran: &Ran) -> &mut Self {
        let shown = plain(self.tenant, &format!("{}{}", ran.stdout, ran.stderr));
        let shown: String = shown.lines().map(|line| format!("    {}\n", line.trim_end())).collect();
        let _ = writeln!(self.text, "{situation}\n  $ hclake {}\n{shown}  exit {}\n", args.join(" "), ran.code);
        self
    }
}

/// The text with placeholders for folders, ports, ids, times and sizes.
pub fn plain(tenant: &Tenant, text: &str) -> String {
    let folder = tenant.folder().canonicalize().expect("the folder is there");
    let text = text.replace(&folder.display().to_string(), "FOLDER");
    let text = text.replace(&tenant.folder().display().to_string(), "FOLDER");
    let text = after_each(&text, "127.0.0.1:", |c| c.is_ascii_digit(), "PORT");
    let text = after_each(&text, "request id ", |c| c.is_ascii_hexdigit() || c == '_', "ID");
    let text = after_each(&text, "process ", |c| c.is_ascii_digit(), "PID");
    let text = after_each(&text, "process PID on ", |c| c.is_alphanumeric() || "-._".contains(c), "HOST");
    let text = after_each(&text, "failed after ", |c| c.is_ascii_digit() || c == '.', "N");
    let text = after_each(&text, " in ", |c| c.is_ascii_digit() || c == '.', "N");
    let text = after_each(&text, "started at ", |c| c.is_ascii_alphanumeric() || ":.-".contains(c), "TIME");
    let text = after_each(&text, "server time: ", |c| c.is_ascii_alphanumeric(), "TIME");
    let text = after_each(&text, "signature time: ", |c| c.is_ascii_alphanumeric(), "TIME");
    let line = |line: &str| match line.split_once("disk: ").and_then(|(_, free)| free.split_once(" free, ")) {
        Some((size, _)) => line.replacen(size, "SIZE", 1),
        None => line.to_owned(),
    };
    text.split_inclusive('\n').map(line).collect()
}

/// `text` with the characters after each `mark` replaced, as long as they are such characters.
fn after_each(text: &str, mark: &str, is_part: impl Fn(char) -> bool, word: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(mark) {
        let tail = after.trim_start_matches(&is_part);
        let replaced = if tail.len() < after.len() { word } else { "" };
        plain.extend([before, mark, replaced]);
        rest = tail;
    }
    plain + rest
}

fn project(tenant: &Tenant) -> String {
    tenant.cloud.with_world(|world| world.settings().iam_project_ids[0].clone())
}

const APPS: &[&str] = &["sync", "--only", "apps"];

#[test]
fn credentials_that_are_missing_wrong_or_worn_out() {
    let tenant = Tenant::new();
    let keys = |ak, sk| [("HUAWEICLOUD_SDK_AK", ak), ("HUAWEICLOUD_SDK_SK", sk)];
    let mut session = Session::with(&tenant);
    session
        .run("no credentials", &["sync"], &keys("", ""))
        .run("half a pair", &["sync"], &[("HUAWEICLOUD_SDK_AK", "")])
        .run("a profile that is not there", &["--profile", "nightly", "sync"], &[("HCLAKE_REGION", "")])
        .run("a wrong access key, or one of the other site", &["sync"], &[("HUAWEICLOUD_SDK_AK", "AKINTERNATIONAL")])
        .run("a wrong secret key", &["sync"], &[("HUAWEICLOUD_SDK_SK", "SK-IS-WRONG")])
        .run(
            "a worn-out token",
            &["sync"],
            &[("HUAWEICLOUD_SDK_AK", ""), ("HUAWEICLOUD_SDK_SK", ""), ("HW_AUTH_TOKEN", "a-token-worn-out")],
        );
    let temporary =
        EmulatorSettings { security_token: Some(Secret::new("the-new-token")), ..EmulatorSettings::default() };
    let temporary = Tenant::of(small_world(), temporary);
    let ran = temporary.run_with(&["sync"], &[("HUAWEICLOUD_SDK_SECURITY_TOKEN", "the-old-token")]);
    session.add("temporary keys with another pair's token", &["sync"], &ran);
    let expired = "Incorrect IAM authentication information: the signature has expired";
    temporary.cloud.faults.add("", When::Always, Fault::gateway(401, "APIGW.0301", expired));
    let ran = temporary.run_with(&["sync"], &[("HUAWEICLOUD_SDK_SECURITY_TOKEN", "the-new-token")]);
    session.add("temporary keys that have run out", &["sync"], &ran);
    insta::assert_snapshot!(session.text);
}

#[test]
fn regions_that_are_misspelt_or_lack_a_service() {
    let tenant = Tenant::new();
    let in_region =
        |region| [("HCLAKE_ENDPOINT_URL", ""), ("HCLAKE_REGION", region), ("HUAWEICLOUD_SDK_PROJECT_ID", "0a1b")];
    let mut session = Session::with(&tenant);
    session
        .run("no region", &["sync"], &[("HCLAKE_REGION", "")])
        .run("a misspelt region", APPS, &in_region("ap-southest-3"))
        .run("a region that lacks the service", APPS, &in_region("cn-north-1"))
        .run("a region without a project", APPS, &[("HCLAKE_REGION", "ap-southeast-2")])
        .run("plain http", APPS, &[("HCLAKE_ENDPOINT_URL", "http://192.0.2.1:80")])
        .run("an address without https", APPS, &[("HCLAKE_ENDPOINT_URL", "workspace.example.com")]);
    insta::assert_snapshot!(session.text);
}

#[test]
fn accounts_and_users_that_may_not() {
    let tenant = Tenant::new();
    let mut session = Session::with(&tenant);
    let refusals = [
        ("an account without the service", "APIGW.0801", "The service is unavailable in the current region"),
        (
            "a user who may not use the region",
            "APIGW.0802",
            "The IAM user is forbidden in the currently selected region",
        ),
        ("a frozen project, or one of another region", "APIGW.0310", "The project is unavailable"),
        ("a caller who is not allowed", "APIGW.0302", "The IAM user is not allowed to access the API"),
    ];
    for (situation, code, message) in refusals {
        tenant.cloud.faults.clear();
        tenant.cloud.faults.add("app-center/apps", When::Always, Fault::gateway(403, code, message));
        session.run(situation, APPS, &[]);
    }
    tenant.cloud.faults.clear();
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::forbidden("workspace:appcenter:listApps"));
    session.run("a missing permission", APPS, &[]);
    insta::assert_snapshot!(session.text);
}

#[test]
fn a_refusal_of_every_list_stores_nothing_and_of_one_list_stores_the_rest() {
    let tenant = Tenant::new();
    let known = project(&tenant);
    let variables = [("HUAWEICLOUD_SDK_PROJECT_ID", known.as_str())];
    tenant.cloud.faults.add("", When::Always, Fault::denied());
    let ran = tenant.run_with(&["sync", "--format", "json"], &variables).exits(1);
    let verdicts = ran.json()["tables"].as_array().expect("lists").clone();
    assert!(verdicts.iter().all(|list| list["verdict"] == "failed" && list["error"]["class"] == "forbidden"));
    assert!(!tenant.store().exists(), "nothing was stored");
    tenant.cloud.faults.clear();
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::denied());
    tenant.run_with(&["sync"], &variables).exits(3).says(&[&format!("run 1 partly done: {} lists", lists_in_a_run())]);
    assert!(tenant.store().exists(), "the rest was stored");
}

#[test]
fn ids_of_one_kind_in_the_place_of_another() {
    let tenant = Tenant::new();
    let iam = project(&tenant);
    let codearts = tenant.cloud.with_world(|world| world.settings().codearts_project_ids[0].clone());
    let mut session = Session::with(&tenant);
    session
        .run(
            "an IAM project as CodeArts project",
            &["sync", "--only", "deploy_tasks"],
            &[("HCLAKE_CODEARTS_PROJECTS", &iam)],
        )
        .run("a CodeArts project as IAM project", APPS, &[("HUAWEICLOUD_SDK_PROJECT_ID", &codearts)])
        .run("the project of another region", APPS, &[("HUAWEICLOUD_SDK_PROJECT_ID", "0123456789abcdef")]);
    insta::assert_snapshot!(session.text);
}

#[test]
fn the_six_shapes_of_an_error_body() {
    let tenant = Tenant::new();
    let mut session = Session::with(&tenant);
    let shapes = [
        (
            "Workspace",
            400,
            r#"{"error_code":"WKS.00000002","error_msg":"The parameter offset is wrong","encoded_authorization_message":"x"}"#,
        ),
        (
            "the gateway",
            404,
            r#"{"error_code":"APIGW.0101","error_msg":"The API does not exist","request_id":"{request_id}"}"#,
        ),
        ("CodeArts Deploy", 400, r#"{"error":{"code":"Deploy.00011020","message":"Invalid page"},"status":"failed"}"#),
        (
            "SWR Enterprise",
            400,
            r#"{"errors":[{"errorCode":"SVCSTG.SWR.4000001","errorMessage":"bad limit","detail":"d"}],"error_code":"SVCSTG.SWR.4000001","error_msg":"bad limit","details":[]}"#,
        ),
        ("older SWR", 400, r#"[{"errorCode":"SVCSTG.SWR.4001","errorMessage":"bad namespace","detail":""}]"#),
        ("IAM", 404, r#"{"error":{"code":404,"message":"Could not find project","title":"Not Found"}}"#),
    ];
    for (whose, status, body) in shapes {
        tenant.cloud.faults.clear();
        let fault = Fault::Answer { status, headers: Vec::new(), body: body.to_owned() };
        tenant.cloud.faults.add("app-center/apps", When::Always, fault);
        session.run(&format!("as {whose} says it"), APPS, &[]);
    }
    insta::assert_snapshot!(session.text);
}

#[test]
fn a_clock_that_is_twenty_minutes_off() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("", When::Always, Fault::SkewedClock { seconds: 1200 });
    let ran = tenant.run_with(&["-q", "sync"], &[]).exits(0);
    assert_eq!(ran.stderr, "");
    let spoken = tenant.run(APPS).exits(0);
    let warning = spoken.stderr.lines().find(|line| line.contains("clock")).expect("a warning");
    insta::assert_snapshot!(warning);
}

/// A proxy on loopback that answers every CONNECT with this status.
fn proxy(status: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    format!("http://{address}")
}

#[test]
fn proxies_in_the_way() {
    let tenant = Tenant::new();
    let mut session = Session::with(&tenant);
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::html(407));
    session.run("a proxy that wants a log-in", APPS, &[]);
    tenant.cloud.faults.clear();
    tenant.cloud.faults.add("app-center/apps", When::Always, Fault::html(200));
    tenant.cloud.faults.add("app-center/jobs", When::Always, Fault::html(502));
    tenant.write("hclake.toml", "tables = [\"apps\", \"app_install_jobs\"]\n");
    session.run("pages meant for people", &["check"], &[]);
    for status in ["407 Proxy Authentication Required", "403 Forbidden"] {
        let proxy = proxy(status);
        let variables =
            [("HCLAKE_ENDPOINT_URL", ""), ("HTTPS_PROXY", proxy.as_str()), ("HUAWEICLOUD_SDK_PROJECT_ID", "0a1b")];
        session.run(&format!("a proxy that answers {status}"), &["check"], &variables);
    }
    insta::assert_snapshot!(session.text);
}

#[test]
fn configurations_that_cannot_be_used() {
    let tenant = Tenant::new();
    std::fs::create_dir(tenant.path("folder.toml")).expect("made");
    let mut session = Session::with(&tenant);
    session.run("a folder in the place of the file", &["--config", "folder.toml", "sync"], &[]).run(
        "a file that is not there",
        &["--config", "missing.toml", "sync"],
        &[],
    );
    let texts = [
        ("an unknown setting", "regoin = \"ap-southeast-3\"\n"),
        ("a setting of the wrong type", "[rate]\nworkspace = \"fast\"\n"),
        ("values out of range", "[rate]\nswr = -1\nin_flight = 0\n[time]\ncodearts_zone = \"Shanghai\"\n"),
        ("an unknown table", "tables = [\"app_instal_jobs\"]\n"),
    ];
    for (situation, text) in texts {
        tenant.write("hclake.toml", text);
        session.run(situation, &["sync"], &[]);
    }
    session.run("the same in a check", &["check"], &[]);
    insta::assert_snapshot!(session.text);
}

#[test]
fn names_that_are_misspelt() {
    let tenant = Tenant::new();
    tenant.run(APPS).exits(0);
    let mut session = Session::with(&tenant);
    session
        .run("a table", &["sync", "--only", "app_instal_jobs"], &[])
        .run("a report", &["report", "instal_failures"], &[])
        .run("a grouping", &["report", "install_failures", "--by", "verson"], &[])
        .run("an instant", &["report", "install_failures", "--since", "yesterday"], &[])
        .run("a command", &["snyc"], &[])
        .run("an age", &["status", "--max-age", "soon"], &[]);
    insta::assert_snapshot!(session.text);
}

#[test]
fn stores_that_cannot_be_used() {
    let tenant = Tenant::new();
    std::fs::create_dir(tenant.path("folder.duckdb")).expect("made");
    tenant.write("letter.duckdb", "a letter to my landlord, long enough to be taken for a file header");
    let newer = include_bytes!("../../fixtures/store/duckdb_2_0_1.head");
    std::fs::write(tenant.path("newer.duckdb"), newer).expect("written");
    std::fs::write(tenant.path("cut.duckdb"), &newer[..4096]).expect("written");
    std::os::unix::fs::symlink("gone.duckdb", tenant.path("link.duckdb")).expect("made");
    let mut session = Session::with(&tenant);
    session
        .run("a folder in the place of the store", &["--store", "folder.duckdb", "sync", "--only", "apps"], &[])
        .run("the same, asked", &["--store", "folder.duckdb", "query", "SELECT 1"], &[])
        .run("a file of another kind", &["--store", "letter.duckdb", "sync"], &[])
        .run("a file of a newer DuckDB", &["--store", "newer.duckdb", "query", "SELECT 1"], &[])
        .run("a store that was cut", &["--store", "cut.duckdb", "sync"], &[])
        .run("a link that leads nowhere", &["--store", "link.duckdb", "sync"], &[])
        .run("a slash at the end", &["--store", "x.duckdb/", "sync"], &[])
        .run("a store in memory", &["--store", ":memory:", "demo"], &[])
        .run("a folder that is not there", &["--store", "no/such/x.duckdb", "sync"], &[])
        .run("no store yet", &["report", "runs"], &[])
        .run("no store yet, watched", &["status", "--max-age", "26h"], &[]);
    insta::assert_snapshot!(session.text);
}

#[test]
fn a_sync_that_is_run_twice_at_once() {
    let tenant = Tenant::new();
    tenant.cloud.faults.add("app-center/apps", When::First(1), Fault::Stall(Duration::from_secs(3)));
    let mut first = tenant.command(APPS).stderr(std::process::Stdio::null()).spawn().expect("started");
    while tenant.cloud.requests().is_empty() {
        std::thread::yield_now();
    }
    let mut session = Session::with(&tenant);
    session.run("while another run is under way", APPS, &[]);
    first.kill().expect("killed");
    first.wait().expect("ended");
    insta::assert_snapshot!(session.text);
}

/// A separate small disk, removed with the value. Only the administrator can make one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mounted(at: std::path::PathBuf, size: &str) -> Option<SmallDisk> {
        std::fs::create_dir(&at).expect("made");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(&at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(SmallDisk(at))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[test]
fn a_store_on_a_full_disk() {
    let tenant = Tenant::new();
    let Some(disk) = SmallDisk::mounted(tenant.path("disk"), "1m") else {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    };
    let mut session = Session::with(&tenant);
    session.run("a disk that fills up", &["--store", "disk/x.duckdb", "sync", "--quiet"], &[]);
    let left: Vec<_> =
        std::fs::read_dir(&disk.0).expect("readable").map(|e| e.expect("readable").file_name()).collect();
    assert_eq!(left, ["x.duckdb.lock"], "nothing of the run is left but its lock file");
    insta::assert_snapshot!(session.text);
}
