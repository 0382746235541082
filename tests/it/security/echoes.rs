//! A cloud that repeats what it was sent: each secret, in every spelling, in every header and every field of every kind
//! of answer. None is in the program's output or in its files.

use std::fs;
use std::path::Path;

use hclake::base::secret::Secret;
use hclake::emulator::{EmulatedMetadata, EmulatedUser, EmulatorSettings, Fault, When};
use serde_json::{Value, json};

use crate::support::{Ran, Tenant, small_world};

const AK: &str = "AKCANARY0000000000QX";
const SK: &str = "Canary/SK+7f3a=\"Zq%9w&x";
const SECURITY_TOKEN: &str = "canaryTOKEN/91bc+Xy==";
const AUTH_TOKEN: &str = "MIIcanaryREADY/token+c551";
const PASSWORD: &str = "Canary PASS/word+b3e9!";

/// Sources of credentials: name, variables, and the secrets that must not appear anywhere.
struct WayIn {
    name: &'static str,
    variables: Vec<(&'static str, String)>,
    secrets: Vec<String>,
}

fn ways_in() -> Vec<WayIn> {
    let of = |name, variables: &[(&'static str, &str)], secrets: &[&str]| WayIn {
        name,
        variables: variables.iter().map(|(name, value)| (*name, value.to_string())).collect(),
        secrets: secrets.iter().map(ToString::to_string).collect(),
    };
    vec![
        of(
            "temporary keys",
            &[
                ("HUAWEICLOUD_SDK_AK", AK),
                ("HUAWEICLOUD_SDK_SK", SK),
                ("HUAWEICLOUD_SDK_SECURITY_TOKEN", SECURITY_TOKEN),
            ],
            &[SK, SECURITY_TOKEN],
        ),
        of("a ready token", &[("HW_AUTH_TOKEN", AUTH_TOKEN)], &[AUTH_TOKEN]),
        of(
            "a password",
            &[("HW_USER_NAME", "nightly"), ("HW_USER_PASSWORD", PASSWORD), ("HW_DOMAIN_NAME", "emulator")],
            &[PASSWORD],
        ),
    ]
}

fn tenant() -> Tenant {
    let settings = EmulatorSettings {
        ak: AK.to_owned(),
        sk: Secret::new(SK),
        auth_token: Some(Secret::new(AUTH_TOKEN)),
        user: Some(EmulatedUser { password: Secret::new(PASSWORD), ..EmulatedUser::default() }),
        metadata: Some(EmulatedMetadata::default()),
        ..EmulatorSettings::default()
    };
    Tenant::of(small_world(), settings)
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(text: &str) -> String {
    let shown = |byte: u8| byte.is_ascii_alphanumeric();
    text.bytes().map(|b| if shown(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).map(|chunk| {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |at: usize| char::from(DIGITS[(bits >> (18 - 6 * at) & 63) as usize]);
        (0..4).map(|at| if at <= chunk.len() { digit(at) } else { '=' }).collect::<String>()
    });
    digits.collect()
}

/// The secret as a service may write it.
fn spellings(secret: &str) -> Vec<String> {
    let escaped = secret.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect();
    vec![
        secret.to_owned(),
        secret.to_uppercase(),
        secret.to_lowercase(),
        percent(secret),
        percent(&percent(secret)),
        base64(secret.as_bytes()),
        base64(format!("u:{secret}").as_bytes()),
        hexadecimal(secret.as_bytes()),
        hexadecimal(secret.as_bytes()).to_uppercase(),
        escaped,
    ]
}

/// Pieces that reveal a secret: enough of it, in each of its spellings.
fn traces(secret: &str) -> Vec<String> {
    let whole = base64(secret.as_bytes());
    let behind = base64(format!("u:{secret}").as_bytes());
    let inner = |text: &str| text[4..text.len() - 4].to_owned();
    let escaped = serde_json::to_string(secret).expect("text");
    let encoded = [percent(secret), inner(&whole), inner(&behind), hexadecimal(secret.as_bytes())];
    let plain = [secret.to_owned(), escaped.trim_matches('"').to_owned()];
    plain.into_iter().chain(encoded).map(|text| text.to_lowercase()).collect()
}

#[track_caller]
fn assert_clean(what: &str, way: &WayIn, bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).to_lowercase();
    for secret in &way.secrets {
        for trace in traces(secret) {
            if let Some(at) = text.find(&trace) {
                let before: String = text[..at].chars().rev().take(200).collect();
                let before: String = before.chars().rev().collect();
                panic!("{}: `{trace}` is in {what}, behind: {before}", way.name);
            }
        }
    }
    assert!(!text.contains("zccf-emulator-"), "{}: a token of IAM is in {what}", way.name);
    // An icon's URL has its own signature, as a parameter.
    let text = text.replace("&signature=", "");
    let signed = text.split("signature=").skip(1).find(|rest| rest.starts_with(|c: char| c.is_ascii_hexdigit()));
    assert_eq!(signed.map(|rest| &rest[..rest.len().min(20)]), None, "{}: a signature is in {what}", way.name);
}

fn assert_files_are_clean(way: &WayIn, folder: &Path) {
    for entry in fs::read_dir(folder).expect("the folder") {
        let path = entry.expect("readable").path();
        match path.is_dir() {
            true => assert_files_are_clean(way, &path),
            false => assert_clean(&path.display().to_string(), way, &fs::read(&path).expect("readable")),
        }
    }
}

/// Asserts that a run's output has no secret.
fn assert_says_nothing(way: &WayIn, ran: &Ran) {
    assert_clean("standard output", way, ran.stdout.as_bytes());
    assert_clean("standard error", way, ran.stderr.as_bytes());
}

/// Asserts the same of everything that runs leave behind: each row of each table, and each file.
fn assert_leaves_nothing(tenant: &Tenant, way: &WayIn) {
    if tenant.store().exists() {
        let tables = "SELECT table_name FROM duckdb_tables() WHERE NOT internal";
        for table in tenant.texts(tables) {
            let rows = tenant.texts(&format!("SELECT CAST(t AS VARCHAR) FROM \"{table}\" AS t"));
            assert_clean(&format!("table {table}"), way, rows.join("\n").as_bytes());
        }
    }
    assert_files_are_clean(way, tenant.folder());
}

/// Headers that hold the secret, in spellings that a header can carry.
fn headers(echo: &[String]) -> Vec<(String, String)> {
    let is_sendable = |text: &&String| text.chars().all(|c| ('!'..='~').contains(&c) || c == ' ');
    let text = echo.iter().filter(is_sendable).cloned().collect::<Vec<_>>().join(" ");
    let names = ["X-Request-Id", "X-IAM-Trace-Id", "Location", "Retry-After", "Content-Range", "Server", "Set-Cookie"];
    names.map(|name| (name.to_owned(), text.clone())).to_vec()
}

/// The secret in all its spellings, as a text inside JSON. One spelling is an escape of JSON itself.
fn in_json(echo: &[String]) -> String {
    let escape = |text: &String| match text.starts_with("\\u") {
        true => text.clone(),
        false => json!(text).to_string().trim_matches('"').to_owned(),
    };
    echo.iter().map(escape).collect::<Vec<_>>().join(" ") + " {authorization} {token}"
}

fn answer(status: u16, headers: &[(String, String)], body: String) -> Fault {
    Fault::Answer { status, headers: headers.to_vec(), body }
}

/// Every kind of answer, with secrets in every possible place.
fn answers(secrets: &[String]) -> Vec<(&'static str, Fault)> {
    let echo: Vec<String> = secrets.iter().flat_map(|secret| spellings(secret)).collect();
    let (headers, text) = (headers(&echo), in_json(&echo));
    let bare: Vec<_> = headers.iter().filter(|(name, _)| name != "X-Request-Id").cloned().collect();
    let error = |status: u16, body: &str| answer(status, &headers, body.replace("TEXT", &text));
    let denied = r#"{"error_code":"APIGW.0302","error_msg":"TEXT","request_id":"TEXT"}"#.replace("TEXT", &text);
    let record = r#"{"id":"1 TEXT","name":"TEXT","job_status":"TEXT","error_message":"TEXT","TEXT":"TEXT"}"#;
    let bad = r#"{"id":"2 TEXT","create_time":"TEXT","sub_jobs_total":"TEXT"}"#;
    let page = format!(r#"{{"items":[{record},{bad}],"count":2}}"#);
    let wrong_total = r#"{"items":[],"count":"TEXT","total_num":"TEXT","result":[],"projects":[],"total":"TEXT"}"#;
    vec![
        ("Workspace", error(400, r#"{"error_code":"TEXT","error_msg":"TEXT","encoded_authorization_message":"TEXT"}"#)),
        ("the gateway", answer(403, &bare, denied)),
        ("CodeArts", error(404, r#"{"error":{"code":"TEXT","message":"TEXT"},"status":"TEXT"}"#)),
        ("records", error(200, &page)),
        ("SWR", error(403, r#"{"errors":[{"errorCode":"TEXT","errorMessage":"TEXT","detail":"TEXT"}]}"#)),
        ("IAM", error(403, r#"{"error":{"code":"TEXT","message":"TEXT","title":"TEXT"}}"#)),
        ("an error as a good answer", error(200, r#"{"error_code":"TEXT","error_msg":"TEXT"}"#)),
        (
            "a member of the wrong type",
            error(200, r#"{"items":"TEXT","result":"TEXT","projects":"TEXT","total":"TEXT"}"#),
        ),
        ("a total of the wrong type", error(200, wrong_total)),
        ("a web page", error(502, "<html><title>TEXT</title>TEXT</html>")),
        ("a text", error(400, "TEXT")),
        ("another place", error(302, "TEXT")),
        ("too many requests", error(429, r#"{"error_code":"APIGW.0308","error_msg":"limit:1,time:1 second TEXT"}"#)),
        ("a refusal", error(401, r#"{"error_code":"APIGW.0301","error_msg":"TEXT"}"#)),
    ]
}

const LISTS: [&str; 4] = ["image-server-jobs", "app-center/apps", "tasks/list", "app-center/jobs"];

/// Kinds of answers after which a request is made again.
const MAY_PASS: [&str; 5] = [
    "an error as a good answer",
    "a member of the wrong type",
    "a total of the wrong type",
    "a web page",
    "too many requests",
];

#[test]
fn no_secret_that_a_list_repeats_is_printed_or_stored() {
    for way in ways_in() {
        let tenant = tenant();
        for (round, answers) in answers(&way.secrets).chunks(LISTS.len()).enumerate() {
            tenant.cloud.faults.clear();
            for (path, (kind, fault)) in LISTS.iter().zip(answers) {
                // A sync retries for long where a fault may pass; a check soon gives up and reports it.
                let when = if MAY_PASS.contains(kind) { When::First(1) } else { When::Always };
                tenant.cloud.faults.add(*path, when, fault.clone());
            }
            let kinds: Vec<&str> = answers.iter().map(|(kind, _)| *kind).collect();
            let log = if round % 2 == 0 { "json" } else { "text" };
            let ran = run(&tenant, &way, &["-vvv", "--log-format", log, "sync", "--format", "json"]);
            assert!(ran.stderr.contains("***"), "{kinds:?}: {}", ran.stderr);
            assert_says_nothing(&way, &ran);
            tenant.cloud.faults.clear();
            for (path, (_, fault)) in LISTS.iter().zip(answers) {
                tenant.cloud.faults.add(*path, When::Always, fault.clone());
            }
            assert_says_nothing(&way, &run(&tenant, &way, &["-v", "check", "--format", "json"]));
        }
        assert!(tenant.number("SELECT count(*) FROM quarantine WHERE CAST(raw AS VARCHAR) LIKE '%***%'") > 0);
        assert!(tenant.number("SELECT count(*) FROM app_install_jobs_versions WHERE error_message LIKE '***%'") > 0);
        for args in
            [&["quarantine", "list"][..], &["report", "runs"], &["publish", "parquet", "--to", "bi"], &["status"]]
        {
            assert_says_nothing(&way, &run(&tenant, &way, args));
        }
        let published = tenant.path("bi/**/*.parquet").display().to_string();
        let files = tenant.texts(&format!("SELECT file FROM glob('{published}')"));
        assert!(files.len() > 10, "{files:?}");
        for file in files {
            let rows = tenant.texts(&format!("SELECT CAST(t AS VARCHAR) FROM read_parquet('{file}') AS t"));
            assert_clean(&file, &way, rows.join("\n").as_bytes());
        }
        let waiting = run(&tenant, &way, &["quarantine", "list", "--format", "json"]).json();
        let id = waiting[0]["id"].as_str().expect("an id");
        assert_says_nothing(&way, &run(&tenant, &way, &["quarantine", "show", id]));
        assert_leaves_nothing(&tenant, &way);
    }
}

#[test]
fn no_secret_that_iam_or_codearts_repeats_is_printed() {
    let paths = ["/v3/projects", "/v4/projects", "/v3/auth/tokens"];
    for way in ways_in() {
        let tenant = tenant();
        let answers: Vec<_> =
            answers(&way.secrets).into_iter().filter(|(kind, _)| *kind != "too many requests").collect();
        let mut starred = 0;
        for at in 0..answers.len() {
            tenant.cloud.faults.clear();
            // The token is refused last, since nothing is asked without one.
            let refused = if at % 2 == 0 { &paths[..2] } else { &paths[..] };
            for (path, (_, fault)) in refused.iter().zip(answers.iter().cycle().skip(at)) {
                tenant.cloud.faults.add(*path, When::Always, fault.clone());
            }
            let ran = run(&tenant, &way, &["-v", "check"]).exits(1);
            starred += usize::from(ran.stdout.contains("***"));
            assert_says_nothing(&way, &ran);
        }
        assert!(starred * 2 > answers.len(), "{}: {starred} answers were quoted", way.name);
        assert_leaves_nothing(&tenant, &way);
    }
}

#[test]
fn keys_of_the_metadata_service_are_redacted_like_any_others() {
    let tenant = tenant();
    let url = tenant.cloud.base_url();
    tenant.configure("", &format!("[credentials]\necs_metadata = true\necs_metadata_url = \"{url}\"\n"));
    let way = WayIn { name: "metadata", variables: Vec::new(), secrets: vec![SK.to_owned()] };
    let (_, fault) = answers(&way.secrets).remove(0);
    tenant.cloud.faults.add("app-center", When::Always, fault);
    let ran = run(&tenant, &way, &["-vvv", "sync", "--format", "json"]).exits(3);
    assert!(ran.stdout.contains("***"), "{}", ran.stdout);
    assert_says_nothing(&way, &ran);
    assert_leaves_nothing(&tenant, &way);
}

fn run(tenant: &Tenant, way: &WayIn, args: &[&str]) -> Ran {
    let variables: Vec<(&str, &str)> = way.variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    tenant.run_at_home(args, &variables)
}

#[test]
fn a_secret_too_short_to_be_redacted_is_warned_of_and_other_texts_stay() {
    let settings = EmulatorSettings { sk: Secret::new("e"), ..EmulatorSettings::default() };
    let tenant = Tenant::of(small_world(), settings);
    let ran = tenant.run(&["sync", "--format", "json"]).exits(0).says(&[
        "warning: HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK: a secret of fewer than 8 characters cannot be hidden",
    ]);
    assert!(!ran.stderr.contains("***"), "{}", ran.stderr);
    assert_eq!(tenant.number("SELECT count(*) FROM apps WHERE CAST(apps AS VARCHAR) LIKE '%***%'"), 0);
    let checked = tenant.run(&["check"]).exits(0).stdout;
    assert!(
        checked.contains("warning  credentials: HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK; a secret of"),
        "{checked}"
    );
}

#[test]
fn records_that_mention_an_access_key_are_kept_as_they_came() {
    let tenant = tenant();
    let body: Value = json!({ "items": [{ "id": "1", "name": format!("application of {AK}") }], "count": 1 });
    tenant.cloud.faults.add("app-center/apps", When::Always, answer(200, &[], body.to_string()));
    let way = &ways_in()[0];
    run(&tenant, way, &["sync", "--only", "apps"]).exits(0);
    assert_eq!(tenant.texts("SELECT name FROM apps"), [format!("application of {AK}")]);
}
