//! Faults of the network and of answers: each ends in a listing that is complete and right, or in a list that fails with
//! its reason while its table keeps its records.

use std::thread;
use std::time::{Duration, Instant, SystemTime};

use hclake::emulator::{EmulatorSettings, Fault, When, WorldSettings};

use crate::support::{Tenant, list_of, small_world};

const TABLE: &str = "app_install_jobs";
/// A page in the middle of the list.
const PAGE: &str = "app-center/jobs?limit=100&offset=198";
const SYNC: [&str; 5] = ["sync", "--only", TABLE, "--format", "json"];

fn answer(status: u16, headers: &[(&str, String)], body: &str) -> Fault {
    let headers = headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
    Fault::Answer { status, headers, body: body.to_owned() }
}

fn http_date_in(wait: Duration) -> String {
    let at: chrono::DateTime<chrono::Utc> = (SystemTime::now() + wait).into();
    at.format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn with_a_night() -> Tenant {
    let tenant = Tenant::of(small_world(), EmulatorSettings::default());
    tenant.configure("", "[http]\nread_timeout_s = 1\nconnect_timeout_s = 1\n");
    tenant.run(&SYNC).exits(0);
    tenant.advance();
    tenant
}

/// A fault that passes: the next run is complete and holds what the cloud holds.
fn passes(name: &str, when: When, fault: Fault) {
    passes_after(name, when, || fault, Duration::ZERO);
}

/// The same, where the fault delays the run. It is made when the run begins.
fn passes_after(name: &str, when: When, fault: impl FnOnce() -> Fault, waits: Duration) {
    let tenant = with_a_night();
    let started = Instant::now();
    tenant.cloud.faults.add(PAGE, when, fault());
    let ran = tenant.run(&SYNC);
    assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
    assert!(started.elapsed() >= waits, "{name}: asked again after {:?}", started.elapsed());
    let summary = ran.json();
    let proof = list_of(&summary, TABLE)["proof"].as_str().expect("a proof");
    assert!(proof.starts_with("seams"), "{name}: {proof}");
    assert!(tenant.cloud.faults.fired() > 0, "{name} never befell a request");
    let held = tenant.texts("SELECT id FROM app_install_jobs").into_iter().collect();
    assert_eq!(tenant.cloud_keys(&tenant.list_id(TABLE)), held, "{name}");
    tenant.assert_sound();
}

/// A fault that stays: the list fails with this class and this text, and its table is as it was.
fn fails(name: &str, fault: Fault, class: &str, reason: &str) {
    let tenant = with_a_night();
    let before = std::fs::read(tenant.store()).expect("the store");
    tenant.cloud.faults.add(PAGE, When::Always, fault);
    let ran = tenant.run(&SYNC);
    assert_eq!(ran.code, 1, "{name}: {}", ran.stderr);
    let summary = ran.json();
    let error = &list_of(&summary, TABLE)["error"];
    assert_eq!(error["class"], class, "{name}: {error}");
    let message = error["message"].as_str().expect("a message");
    assert!(message.contains(reason), "{name}: `{reason}` is not in: {message}");
    assert_eq!(std::fs::read(tenant.store()).expect("the store"), before, "{name}: the store has changed");
}

#[test]
fn a_throttled_request_is_sent_again_at_the_time_that_the_cloud_names() {
    let two_seconds = Duration::from_secs(2);
    let throttled = |wait: String| answer(429, &[("Retry-After", wait)], "{}");
    // A date has whole seconds: this one lies two to three seconds ahead.
    let dated = move || throttled(http_date_in(Duration::from_secs(3)));
    let in_text = || Fault::throttled(100, "2 second", None);
    thread::scope(|scope| {
        scope.spawn(|| passes("429 with nothing", When::First(2), answer(429, &[], "")));
        scope.spawn(|| passes_after("429 with seconds", When::First(1), || throttled("2".to_owned()), two_seconds));
        scope.spawn(|| passes_after("429 with a date", When::First(1), dated, two_seconds));
        scope.spawn(|| passes_after("429 with a window in its text", When::First(1), in_text, Duration::from_secs(1)));
    });
}

#[test]
fn faults_that_pass_cost_retries_and_nothing_else() {
    let stall = Duration::from_millis(1_500);
    let cases = [
        ("a burst of 503", When::First(3), Fault::gateway(503, "APIGW.0201", "Backend unavailable")),
        ("500 and a web page", When::First(2), Fault::html(500)),
        ("four times 502", When::First(4), Fault::html(502)),
        ("a reset before the answer", When::First(2), Fault::Reset),
        ("a reset within the body", When::First(2), Fault::CutBody),
        ("a reset after the body", When::Always, Fault::ResetAfter),
        ("a stall before the answer", When::First(1), Fault::Stall(stall)),
        ("a stall within the body", When::First(1), Fault::StalledBody(stall)),
        ("an empty body", When::First(1), Fault::EmptyBody),
        ("another shape", When::First(1), Fault::WrongShape),
        ("gzip that is none", When::First(1), Fault::GzipGarbage),
        ("a right body under text/html", When::Always, Fault::Mislabelled),
    ];
    thread::scope(|scope| {
        for (name, when, fault) in cases {
            scope.spawn(move || passes(name, when, fault));
        }
    });
}

#[test]
fn faults_that_stay_fail_the_list_with_their_reason() {
    let stall = Duration::from_millis(1_500);
    let error_object = r#"{"error_code":"WKS.00000001","error_msg":"Internal error, try later"}"#;
    let cases = [
        ("429 for ever", answer(429, &[], "{}"), "throttled", "429"),
        ("503 for ever", Fault::gateway(503, "APIGW.0201", "Backend unavailable"), "upstream", "APIGW.0201"),
        ("resets", Fault::Reset, "unreachable", "connection"),
        ("cut bodies", Fault::CutBody, "data", "cut"),
        ("stalls", Fault::Stall(stall), "unreachable", "after 1.0 s"),
        ("stalled bodies", Fault::StalledBody(stall), "unreachable", "after 1.0 s"),
        ("a web page under 200", Fault::html(200), "data", "a web page in place of JSON"),
        ("gzip that is none", Fault::GzipGarbage, "data", "cannot be unpacked"),
        ("an error under 200", answer(200, &[], error_object), "upstream", "WKS.00000001"),
        ("a redirect", answer(302, &[("Location", "http://127.0.0.1/".to_owned())], ""), "upstream", "302"),
    ];
    thread::scope(|scope| {
        for (name, fault, class, reason) in cases {
            scope.spawn(move || fails(name, fault, class, reason));
        }
    });
}

#[test]
fn a_host_without_an_address_is_named() {
    let tenant = with_a_night();
    let before = std::fs::read(tenant.store()).expect("the store");
    let ran = tenant.run_with(&SYNC, &[("HCLAKE_ENDPOINT_URL_WORKSPACE", "https://workspace.hclake.invalid")]);
    let ran = ran.exits(1).says(&["workspace.hclake.invalid", "hint:"]);
    assert_eq!(list_of(&ran.json(), TABLE)["error"]["class"], "unreachable");
    assert_eq!(std::fs::read(tenant.store()).expect("the store"), before);
}

#[test]
fn a_cloud_whose_clock_is_twenty_minutes_off_is_still_listed() {
    for seconds in [1_200, -1_200] {
        let tenant = Tenant::new();
        tenant.cloud.faults.add("", When::Always, Fault::SkewedClock { seconds });
        tenant.run(&SYNC).exits(0);
        let held = tenant.number("SELECT count(*) FROM app_install_jobs");
        assert_eq!(held as usize, tenant.cloud_keys(&tenant.list_id(TABLE)).len());
        tenant.assert_sound();
    }
}

#[test]
fn no_second_sees_more_requests_than_the_rate_allows() {
    const RATE_PER_S: usize = 20;
    /// Half a request's share of a second: loopback may hand one on so much later than the one after it.
    const JITTER: Duration = Duration::from_millis(25);
    let tenant = Tenant::of(WorldSettings { install_jobs: 6_000, ..small_world() }, EmulatorSettings::default());
    tenant.write("hclake.toml", &format!("[rate]\nworkspace = {RATE_PER_S}\nin_flight = 16\n"));
    tenant.run(&SYNC).exits(0);
    let came: Vec<Duration> =
        tenant.cloud.requests().iter().filter(|r| r.target.contains("app-center/jobs")).map(|r| r.mono).collect();
    assert!(came.len() >= 60, "{} requests", came.len());
    for (first, at) in came.iter().enumerate() {
        let within = came[first..].iter().take_while(|later| **later < *at + Duration::from_secs(1) - JITTER).count();
        assert!(within <= RATE_PER_S, "{within} requests in the second from {at:?}");
    }
}
