//! Every source of credentials: from an empty home folder to a first complete sync, and the messages where credentials
//! cannot be used.

use hclake::base::secret::Secret;
use hclake::emulator::{EmulatedMetadata, EmulatedUser, EmulatorSettings, Fault, When};

use crate::support::{REGION, Ran, Tenant, lists_in_a_run, small_world};

const AK: &str = "AKEMULATOR0000000000";
const SK: &str = "canary-sk-41d7";
const PASSWORD: &str = "canary-password-b3e9";
const READY_TOKEN: &str = "canary-ready-token-c551";
const SYNC: [&str; 3] = ["sync", "--format", "json"];
const TOKENS: &str = "/v3/auth/tokens";
const SDK_FILE: &str = ".huaweicloud/credentials";
const KOOCLI_FILE: &str = ".hcloud/config.json";

/// A cloud that accepts keys, a token or a user's password, and is the metadata service too.
fn tenant() -> Tenant {
    tenant_with(|_| {})
}

fn tenant_with(change: impl Fn(&mut EmulatorSettings)) -> Tenant {
    let mut settings = EmulatorSettings {
        ak: AK.to_owned(),
        sk: Secret::new(SK),
        auth_token: Some(Secret::new(READY_TOKEN)),
        user: Some(EmulatedUser { password: Secret::new(PASSWORD), ..EmulatedUser::default() }),
        metadata: Some(EmulatedMetadata::default()),
        ..EmulatorSettings::default()
    };
    change(&mut settings);
    Tenant::of(small_world(), settings)
}

fn password(password: &str) -> [(&'static str, &str); 3] {
    [("HW_USER_NAME", "nightly"), ("HW_USER_PASSWORD", password), ("HW_DOMAIN_NAME", "emulator")]
}

fn koocli(sk: &str, is_encrypted: bool) -> String {
    format!(
        r#"{{"language":"en","offline":"false","agreePrivacy":"true","authEncrypt":"{is_encrypted}","current":"nightly",
        "profiles":[
        {{"name":"default","mode":"SSO","accessKeyId":"","secretAccessKey":"","region":""}},
        {{"name":"nightly","mode":"AKSK","accessKeyId":"{AK}","secretAccessKey":"{sk}","securityToken":"",
          "region":"{REGION}","projectId":"","domainId":"d","skipSecureVerify":"false","readTimeout":10,
          "connectTimeout":5,"retryCount":0}}]}}"#
    )
}

fn sdk_file(section: &str, sk: &str) -> String {
    format!("# keys of the nightly user\n[{section}]\nak = {AK}\nsk = {sk}\n")
}

/// Requests for a token, answered or not.
fn token_requests(tenant: &Tenant) -> usize {
    tenant.requests_for(TOKENS)
}

#[track_caller]
fn assert_complete(ran: Ran) {
    let summary = ran.exits(0).json();
    assert_eq!((&summary["outcome"], &summary["run_id"]), (&"complete".into(), &1.into()));
    assert_eq!(summary["tables"].as_array().expect("tables").len(), lists_in_a_run());
}

#[test]
fn every_source_alone_leads_to_a_first_complete_sync() {
    type Source<'a> = (&'a str, &'a [(&'a str, &'a str)], fn(&Tenant));
    let elsewhere: fn(&Tenant) = |tenant| tenant.write("keys.ini", &sdk_file("basic", SK));
    let sources: [Source; 10] = [
        ("sdk", &[("HUAWEICLOUD_SDK_AK", AK), ("HUAWEICLOUD_SDK_SK", SK)], |_| {}),
        ("hw", &[("HW_ACCESS_KEY", AK), ("HW_SECRET_KEY", SK)], |_| {}),
        ("samples", &[("CLOUD_SDK_AK", AK), ("CLOUD_SDK_SK", SK)], |_| {}),
        ("token", &[("HW_AUTH_TOKEN", READY_TOKEN)], |_| {}),
        ("password", &password(PASSWORD), |_| {}),
        ("basic", &[], |tenant| tenant.write_at_home(SDK_FILE, &sdk_file("basic", SK))),
        ("global", &[], |tenant| tenant.write_at_home(SDK_FILE, &sdk_file("global", SK))),
        ("elsewhere", &[("HUAWEICLOUD_SDK_CREDENTIALS_FILE", "keys.ini")], elsewhere),
        ("koocli", &[], |tenant| tenant.write_at_home(KOOCLI_FILE, &koocli(SK, false))),
        ("metadata", &[], |tenant| {
            let url = tenant.cloud.base_url();
            let table = format!("[credentials]\necs_metadata = true\necs_metadata_url = \"{url}\"\n");
            tenant.configure("", &table);
        }),
    ];
    let tenant = tenant();
    for (name, variables, prepare) in sources {
        let _ = std::fs::remove_dir_all(tenant.path("home"));
        prepare(&tenant);
        let store = format!("{name}.duckdb");
        assert_complete(tenant.run_at_home(&["--store", &store, "sync", "--format", "json"], variables));
    }
}

#[test]
fn the_first_source_wins_and_none_are_mixed() {
    let tenant = tenant();
    tenant.write_at_home(SDK_FILE, &sdk_file("basic", SK));
    let wrong = [("HW_ACCESS_KEY", AK), ("HW_SECRET_KEY", "wrong")];
    tenant.run_at_home(&SYNC, &wrong).exits(2).says(&["401", "check HW_ACCESS_KEY and HW_SECRET_KEY"]);
    assert_eq!(tenant.cloud.requests().len(), 1, "keys that are wrong are not replaced by others");
    let shown = tenant.run_at_home(&["sync", "--dry-run"], &wrong).exits(0).stdout;
    assert!(shown.contains("credentials from HW_ACCESS_KEY and HW_SECRET_KEY"), "{shown}");
    let shown = tenant.run_at_home(&["sync", "--dry-run"], &[]).exits(0).stdout;
    assert!(shown.contains("credentials from [basic] of "), "{shown}");
}

#[test]
fn half_of_a_pair_names_the_other_half_and_asks_nothing() {
    let tenant = tenant();
    tenant.write_at_home(KOOCLI_FILE, &koocli(SK, false));
    tenant
        .run_at_home(&SYNC, &[("HW_USER_NAME", "nightly"), ("HW_USER_PASSWORD", PASSWORD)])
        .exits(2)
        .says(&["half a pair of keys: HW_USER_NAME is set, HW_DOMAIN_NAME is not", "hint: set HW_DOMAIN_NAME too"]);
    tenant.write_at_home(SDK_FILE, &sdk_file("basic", ""));
    tenant.run_at_home(&SYNC, &[]).exits(2).says(&["half a pair of keys: ak in [basic] of ", "sk is not"]);
    assert_eq!(tenant.cloud.requests().len(), 0);
}

#[test]
fn keys_that_koocli_has_encrypted_are_reported_as_such() {
    let tenant = tenant();
    tenant.write_at_home(KOOCLI_FILE, &koocli("T1VSUw==", true));
    tenant.run_at_home(&SYNC, &[]).exits(2).says(&[
        "error: no credentials were found; profile nightly of ",
        "its keys are encrypted, so only KooCLI can read them",
        "hint: set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK",
    ]);
    assert_eq!(tenant.cloud.requests().len(), 0);
}

#[test]
fn a_credentials_file_that_cannot_be_read_is_named() {
    let tenant = tenant();
    tenant.write_at_home(SDK_FILE, "[basic]\nak canary\n");
    let ran = tenant.run_at_home(&SYNC, &[]).exits(2).says(&["credentials: cannot be read: line 2", "hint:"]);
    assert!(!ran.stderr.contains("canary"), "{}", ran.stderr);
}

#[test]
fn koocli_alone_also_sets_the_region() {
    let tenant = tenant();
    tenant.write_at_home(KOOCLI_FILE, &koocli(SK, false));
    assert_complete(tenant.run_at_home(&SYNC, &[("HCLAKE_REGION", "")]));
}

#[test]
fn the_project_beside_the_keys_saves_the_look_up() {
    let tenant = tenant();
    let project = tenant.cloud.with_world(|w| w.settings().iam_project_ids[0].clone());
    tenant.write_at_home(SDK_FILE, &format!("{}project_id = {project}\n", sdk_file("basic", SK)));
    assert_complete(tenant.run_at_home(&SYNC, &[]));
    assert_eq!(tenant.requests_for("/v3/projects"), 0);
}

#[test]
fn temporary_keys_need_their_security_token() {
    let tenant = tenant_with(|settings| settings.security_token = Some(Secret::new("canary-st-0d")));
    tenant.write_at_home(SDK_FILE, &sdk_file("basic", SK));
    tenant.run_at_home(&SYNC, &[]).exits(2).says(&["401", "security token"]);
    assert_eq!(tenant.cloud.requests().len(), 1);
    tenant.write_at_home(SDK_FILE, &format!("{}security_token = canary-st-0d\n", sdk_file("basic", SK)));
    assert_complete(tenant.run_at_home(&SYNC, &[]));
}

#[test]
fn the_metadata_service_is_asked_only_where_it_is_switched_on() {
    let tenant = tenant_with(|settings| {
        settings.metadata = Some(EmulatedMetadata { has_sessions: false, ..EmulatedMetadata::default() });
    });
    let url = tenant.cloud.base_url();
    tenant.configure("", &format!("[credentials]\necs_metadata_url = \"{url}\"\n"));
    tenant.run_at_home(&SYNC, &[]).exits(2).says(&["no credentials were found"]);
    assert_eq!(tenant.cloud.requests().len(), 0);
    tenant.configure("", &format!("[credentials]\necs_metadata = true\necs_metadata_url = \"{url}\"\n"));
    assert_complete(tenant.run_at_home(&SYNC, &[]));
    assert_eq!(tenant.requests_for("/openstack/latest/securitykey"), 1);
}

#[test]
fn a_metadata_service_elsewhere_is_refused() {
    let tenant = tenant();
    tenant.configure("", "[credentials]\necs_metadata = true\necs_metadata_url = \"http://192.0.2.1\"\n");
    tenant.run_at_home(&SYNC, &[]).exits(2).says(&["credentials.ecs_metadata_url is \"http://192.0.2.1\""]);
}

#[test]
fn a_token_that_ends_during_a_sweep_is_renewed_exactly_once() {
    let tenant = tenant();
    tenant.cloud.faults.add("app-center/jobs", When::Nth(3), Fault::RevokeTokens);
    assert_complete(tenant.run_at_home(&SYNC, &password(PASSWORD)));
    // One for the region, one for its project, one in place of that.
    assert_eq!((token_requests(&tenant), tenant.cloud.tokens_issued().len()), (3, 3));
    let seen = tenant.cloud.requests().len() as i64;
    assert_eq!(tenant.number("SELECT count(*) FROM requests"), seen, "tokens are in the ledger as well");
    tenant.assert_sound();
}

#[test]
fn a_user_that_gets_no_other_token_fails_the_list_without_a_loop() {
    let tenant = tenant();
    tenant.cloud.faults.add("app-center/jobs", When::Nth(3), Fault::DisableUser);
    let args = ["sync", "--only", "app_install_jobs", "--format", "json"];
    let ran = tenant.run_at_home(&args, &password(PASSWORD)).exits(2).says(&[
        "iam answered 401: The username or password is wrong.",
        "hint: check HW_USER_NAME and HW_USER_PASSWORD",
    ]);
    assert_eq!(ran.json()["tables"][0]["error"]["class"], "auth");
    assert_eq!(token_requests(&tenant), 3, "two that were had and one that was not");
    assert!(!tenant.store().exists());
}

#[test]
fn a_token_that_is_never_accepted_is_not_fetched_again_and_again() {
    let tenant = tenant();
    let refused = Fault::gateway(401, "APIGW.0307", "The token must be updated.");
    tenant.cloud.faults.add("/v1/", When::Always, refused.clone());
    tenant.cloud.faults.add("/v2/", When::Always, refused);
    let args = ["sync", "--only", "app_install_jobs,apps", "--format", "json"];
    tenant.run_at_home(&args, &password(PASSWORD)).exits(2).says(&["belongs to the project"]);
    assert_eq!(token_requests(&tenant), 2);
    assert!(tenant.cloud.requests().len() <= 6, "{:?}", tenant.cloud.requests());
}

#[test]
fn a_wrong_password_costs_one_request() {
    let tenant = tenant();
    tenant.run_at_home(&SYNC, &password("wrong")).exits(2).says(&["iam answered 401", "hint: check HW_USER_NAME"]);
    assert_eq!(tenant.cloud.requests().len(), 1);
}

#[test]
fn a_given_token_that_has_expired_ends_the_run_at_once() {
    let tenant = tenant();
    let stale = [("HW_AUTH_TOKEN", "stale")];
    tenant.run_at_home(&SYNC, &stale).exits(2).says(&["401", "hint: the token has run out"]);
    assert_eq!(tenant.cloud.requests().len(), 1);
}

#[test]
fn an_expired_token_is_refused_by_the_emulator_and_soon_no_longer_sent() {
    let user = EmulatedUser { password: Secret::new(PASSWORD), token_life_s: -1, ..EmulatedUser::default() };
    let tenant = tenant_with(move |settings| settings.user = Some(user.clone()));
    tenant.run_at_home(&SYNC, &password(PASSWORD)).exits(2).says(&["token expired"]);
    assert_eq!(token_requests(&tenant), 1, "a token that is stale from the start is not replaced by another such");
}

#[test]
fn a_password_that_ends_soon_is_warned_of_each_night_and_sent_once() {
    const DAY_S: i64 = 86_400;
    for (days, is_near) in [(10, true), (40, false)] {
        let user = EmulatedUser {
            password: Secret::new(PASSWORD),
            password_life_s: Some(days * DAY_S),
            ..EmulatedUser::default()
        };
        let tenant = tenant_with(move |settings| settings.user = Some(user.clone()));
        let keep = format!("cat >> {0}; echo >> {0}", tenant.path("heard").display());
        tenant.configure("", &format!("[[notify]]\nname = \"me\"\nkind = \"command\"\ncommand = [\"sh\", \"-c\", {keep:?}]\non = [\"expiring\"]\n"));
        for _ in 0..2 {
            let ran = tenant.run_at_home(&SYNC, &password(PASSWORD)).exits(0);
            assert_eq!(ran.stderr.contains("the password of the IAM user nightly expires at 20"), is_near);
            assert_eq!(ran.json()["expiring"].as_array().map(Vec::len), Some(usize::from(is_near)));
        }
        let heard = std::fs::read_to_string(tenant.path("heard")).unwrap_or_default();
        assert_eq!(heard.matches("\"kind\":\"expiring\"").count(), usize::from(is_near), "{heard}");
    }
}

#[test]
fn no_secret_of_any_source_is_in_output_or_store_at_the_most_verbose_level() {
    let tenant = tenant();
    let mut secrets = vec![SK.to_owned(), PASSWORD.to_owned(), READY_TOKEN.to_owned()];
    let mut runs = Vec::new();
    let mut run = |store: &str, variables: &[(&str, &str)]| {
        for format in ["text", "json"] {
            let args = ["-vvv", "--log-format", format, "--store", store, "sync"];
            let ran = tenant.run_at_home(&args, variables).exits(0);
            assert!(ran.stderr.len() > 2_000, "the log is talkative");
            runs.push(ran);
        }
    };
    run("token.duckdb", &[("HW_AUTH_TOKEN", READY_TOKEN)]);
    tenant.cloud.faults.add("app-center/jobs", When::Nth(3), Fault::RevokeTokens);
    run("password.duckdb", &password(PASSWORD));
    tenant.write_at_home(KOOCLI_FILE, &koocli(SK, false));
    run("koocli.duckdb", &[]);
    let echo = Fault::gateway(401, "APIGW.0301", &format!("{SK}, {PASSWORD} and {READY_TOKEN} are not known"));
    tenant.cloud.faults.add("", When::Always, echo);
    runs.push(tenant.run_at_home(&["-vvv", "sync"], &[]).exits(2));
    runs.push(tenant.run_at_home(&["-vvv", "sync"], &password(PASSWORD)).exits(2));
    secrets.extend(tenant.cloud.tokens_issued());
    assert!(secrets.len() > 6);
    let holds = |bytes: &[u8], secret: &str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
    for ran in &runs[..runs.len() - 2] {
        for secret in &secrets {
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "a secret was printed");
        }
    }
    // Secrets that a service repeats are redacted where this run knows them.
    assert!(!runs[runs.len() - 2].stderr.contains(SK) && !runs[runs.len() - 1].stderr.contains(PASSWORD));
    for entry in std::fs::read_dir(tenant.folder()).expect("the folder") {
        let path = entry.expect("readable").path();
        if path.is_file() {
            let bytes = std::fs::read(&path).expect("readable");
            assert!(!secrets.iter().any(|secret| holds(&bytes, secret)), "a secret is in {}", path.display());
        }
    }
}

#[test]
fn a_named_profile_comes_before_the_environment() {
    let tenant = tenant();
    tenant.write_at_home(SDK_FILE, &sdk_file("prod", SK));
    tenant.write_at_home(KOOCLI_FILE, &koocli(SK, false));
    let wrong = [("HUAWEICLOUD_SDK_AK", AK), ("HUAWEICLOUD_SDK_SK", "wrong"), ("HUAWEICLOUD_SDK_PROJECT_ID", "other")];
    let mut args = vec!["--profile", "prod"];
    args.extend(SYNC);
    assert_complete(tenant.run_at_home(&args, &wrong));
    tenant.configure("profile = \"nightly\"", "");
    tenant.run_at_home(&SYNC, &wrong).exits(0);
    tenant
        .run_at_home(&["--profile", "staging", "sync"], &[])
        .exits(2)
        .says(&["profile `staging` cannot be used", "hint: the profiles are prod, default, nightly"]);
    tenant.run_at_home(&["--profile", "default", "sync"], &[]).exits(2).says(&["its mode is SSO, not AKSK"]);
}

#[test]
fn a_clock_that_is_off_is_corrected_and_reported_once() {
    for (seconds, off) in [(-10_800, "3 h"), (3600, "60 min")] {
        let tenant = tenant();
        tenant.cloud.faults.add("", When::Always, Fault::SkewedClock { seconds });
        let ran = tenant.run(&["sync", "--format", "json"]).exits(0);
        let side = if seconds > 0 { "behind that of the cloud" } else { "ahead of that of the cloud" };
        assert_eq!(ran.stderr.matches("this machine's clock is").count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(&format!("this machine's clock is {off} {side}")), "{}", ran.stderr);
        assert_eq!(tenant.number("SELECT count(*) FROM requests WHERE status = 401"), 1);
    }
    let tenant = tenant();
    tenant.cloud.faults.add("", When::Always, Fault::SkewedClock { seconds: 40 });
    let ran = tenant.run(&["sync"]).exits(0);
    assert!(!ran.stderr.contains("clock"), "a harmless difference is not reported: {}", ran.stderr);
}

#[test]
fn a_clock_that_is_too_far_off_to_correct_is_an_error_that_names_both_times() {
    let tenant = tenant();
    tenant.cloud.faults.add("", When::Always, Fault::SkewedClock { seconds: 3600 });
    tenant.cloud.faults.add("", When::Always, Fault::NoDate);
    let ran = tenant.run(&["sync"]).exits(2).says(&["signature expired, signature time: 20", ", server time: 20"]);
    assert!(ran.stderr.contains("hint: this machine's clock said 20"), "{}", ran.stderr);
    assert!(ran.stderr.contains("Z, the service's 20"), "{}", ran.stderr);
    assert_eq!(tenant.cloud.requests().len(), 1);
}
