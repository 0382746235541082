//! The client against a server on loopback that cuts, stalls, throttles, redirects and refuses.

mod bodies;

use std::io;
use std::sync::Mutex;

use serde_json::Value;

use super::*;
use crate::base::secret::Secret;
use crate::catalog::services::built_in;
use crate::cloud::testing::{Reply, Server, TestClock, client, plain_settings, settings};

const GOOD: &str = r#"{"items":[1,2,3],"count":3}"#;
const REFUSED: &str = r#"{"error_code":"APIGW.0301","error_msg":"verify aksk signature fail","request_id":"body-id"}"#;

fn call() -> Call {
    Call {
        service: built_in("workspace"),
        region: "ap-southeast-3".into(),
        method: Method::Get,
        path: "/v1/0a1b/app-center/jobs".into(),
        query: vec![("offset".into(), "0".into()), ("limit".into(), "100".into())],
        body: None,
        project_id: Some("0a1b".into()),
        permission: Some("workspace:appcenter:listJobs".into()),
    }
}

/// The number of items. Refuses what is no listing, as the reader of a sweep does.
fn items(reply: &super::Reply<'_>) -> Result<usize, String> {
    let body: Value = serde_json::from_slice(reply.body).map_err(|error| error.to_string())?;
    body["items"].as_array().map(Vec::len).ok_or_else(|| "no array `items`".to_owned())
}

/// Makes the call to a server with these replies.
async fn sent(replies: Vec<Reply>) -> (Sent<usize>, Server) {
    let server = Server::start(replies).await;
    let sent = client(&server).send(&call(), items).await;
    (sent, server)
}

/// The same with short time limits.
async fn sent_in_a_hurry(replies: Vec<Reply>) -> Sent<usize> {
    let server = Server::start(replies).await;
    let settings = ClientSettings { read_timeout: Duration::from_millis(40), ..settings(server.port) };
    Client::new(settings, TestClock::shared()).unwrap().send(&call(), items).await
}

fn statuses(sent: &Sent<usize>) -> Vec<Option<u16>> {
    sent.attempts.iter().map(|attempt| attempt.status).collect()
}

fn dated(status: u16, date: &str, body: &str) -> Reply {
    Reply::new(status, &[("date", date)], body.as_bytes())
}

#[tokio::test]
async fn a_good_answer_is_read_and_the_request_is_signed_as_sent() {
    let reply = Reply::new(200, &[("x-request-id", "head-id")], GOOD.as_bytes());
    let (sent, server) = sent(vec![reply]).await;
    assert_eq!(sent.result.unwrap(), 3);
    let attempt = &sent.attempts[0];
    assert_eq!((attempt.status, attempt.attempt, attempt.bytes), (Some(200), 1, GOOD.len() as u64));
    assert_eq!((attempt.request_id.as_deref(), attempt.fault.as_deref()), (Some("head-id"), None));
    assert_eq!(attempt.path, "/v1/0a1b/app-center/jobs?limit=100&offset=0");

    let request = server.requests().remove(0);
    assert_eq!(request.target, attempt.path);
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.header("x-project-id"), Some("0a1b"));
    assert_eq!(request.header("x-sdk-date"), Some("20260115T083000Z"));
    assert_eq!(request.header("user-agent"), Some(concat!("hclake/", env!("CARGO_PKG_VERSION"))));
    assert_eq!(request.header("accept-encoding"), Some("gzip"));
    let host = format!("127.0.0.1:{}", server.port);
    assert_eq!(request.header("host"), Some(host.as_str()));
    let expected = sign::sign(
        &sign::Request {
            method: "GET",
            host: &host,
            path: "/v1/0a1b/app-center/jobs",
            query: &call().query,
            headers: &[("content-type", "application/json"), ("x-project-id", "0a1b")],
            body: b"",
        },
        "canary-ak",
        "canary-sk",
        crate::cloud::testing::START,
    );
    assert_eq!(request.header("authorization"), Some(expected.authorization.as_str()));
}

#[tokio::test]
async fn a_post_sends_its_body_under_the_endpoints_prefix() {
    let server = Server::start(vec![Reply::json(200, GOOD)]).await;
    let mut settings = settings(server.port);
    settings.overrides.all = Some(format!("http://127.0.0.1:{}/lake/", server.port));
    let client = Client::new(settings, TestClock::shared()).unwrap();
    let body = r#"{"project_id":"332f","page":1,"size":100}"#;
    let post = Call { method: Method::Post, query: Vec::new(), body: Some(body.into()), ..call() };
    client.send(&post, items).await.result.unwrap();
    let request = server.requests().remove(0);
    assert_eq!((request.target.as_str(), request.body.as_str()), ("/lake/v1/0a1b/app-center/jobs", body));
}

#[tokio::test]
async fn a_token_is_sent_without_a_signature() {
    let server = Server::start(vec![Reply::json(200, GOOD)]).await;
    let mut settings = settings(server.port);
    settings.credentials = Credentials::Token(Secret::new("canary-token"));
    Client::new(settings, TestClock::shared()).unwrap().send(&call(), items).await.result.unwrap();
    let request = server.requests().remove(0);
    assert_eq!(request.header("x-auth-token"), Some("canary-token"));
    assert_eq!((request.header("authorization"), request.header("x-project-id")), (None, None));
}

#[tokio::test]
async fn a_security_token_is_sent_and_signed() {
    let server = Server::start(vec![Reply::json(200, GOOD)]).await;
    let mut settings = settings(server.port);
    settings.credentials = Credentials::AkSk {
        ak: "canary-ak".into(),
        sk: Secret::new("canary-sk"),
        security_token: Some(Secret::new("canary-token")),
    };
    Client::new(settings, TestClock::shared()).unwrap().send(&call(), items).await.result.unwrap();
    let request = server.requests().remove(0);
    assert_eq!(request.header("x-security-token"), Some("canary-token"));
    let names = "SignedHeaders=content-type;host;x-project-id;x-sdk-date;x-security-token,";
    assert!(request.header("authorization").unwrap().contains(names));
}

#[tokio::test]
async fn a_web_page_from_a_gateway_is_retried() {
    let html = Reply::new(502, &[("content-type", "text/html")], b"<html>bad gateway</html>");
    let (sent, _) = sent(vec![html, Reply::json(200, GOOD)]).await;
    assert_eq!(statuses(&sent), [Some(502), Some(200)]);
    assert_eq!(sent.attempts[0].fault.as_deref(), Some("workspace answered 502: a web page in place of JSON"));
    assert_eq!((sent.attempts[1].attempt, sent.result.unwrap()), (2, 3));
}

#[tokio::test]
async fn each_attempt_is_signed_with_the_time_it_is_made_at() {
    let busy = Reply::new(503, &[("retry-after", "7")], b"");
    let (sent, server) = sent(vec![busy, Reply::json(200, GOOD)]).await;
    assert_eq!(sent.result.unwrap(), 3);
    let dates: Vec<_> = server.requests().iter().map(|r| r.header("x-sdk-date").unwrap().to_owned()).collect();
    assert_eq!(dates, ["20260115T083000Z", "20260115T083007Z"]);
}

#[tokio::test]
async fn a_cut_body_is_retried_and_then_named() {
    let cut = || Reply::json(200, GOOD).cut_by(5);
    let (good, _) = sent(vec![cut(), Reply::json(200, GOOD)]).await;
    assert_eq!(good.result.unwrap(), 3);
    let (bad, _) = sent(vec![cut(), cut(), cut(), cut(), cut()]).await;
    assert_eq!(bad.attempts.len(), 5);
    let error = bad.result.unwrap_err();
    assert!(matches!(&error, Error::UnusableBody { fault: BodyFault::Cut(_), .. }), "{error}");
    assert_eq!(error.class().name(), "data");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_retried_and_named_for_what_they_are() {
    type Expected = fn(&BodyFault) -> bool;
    let cases: [(&[u8], Expected); 4] = [
        (b"", |fault| *fault == BodyFault::Empty),
        (b"  <!doctype html>", |fault| *fault == BodyFault::Html),
        (br#"{"rows":[]}"#, |fault| *fault == BodyFault::WrongShape("no array `items`".into())),
        (br#"{"items":[1,"#, |fault| matches!(fault, BodyFault::WrongShape(_))),
    ];
    for (body, expected) in cases {
        let (sent, _) = sent(vec![Reply::new(200, &[], body); 5]).await;
        assert_eq!(sent.attempts.len(), 5);
        match sent.result.unwrap_err() {
            Error::UnusableBody { fault, .. } => assert!(expected(&fault), "{fault}"),
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn an_error_that_comes_as_a_200_is_that_error() {
    let internal = r#"{"error_code":"WKS.500","error_msg":"internal"}"#;
    let (broken, _) = sent(vec![Reply::json(200, internal); 5]).await;
    assert_eq!(broken.result.unwrap_err().to_string(), "workspace answered 200 WKS.500: internal");
    assert_eq!(broken.attempts.len(), 5, "it is tried again, as any broken answer is");

    let refused = r#"{"error_code":"APIGW.0302","error_msg":"no"}"#;
    let (refused, _) = sent(vec![Reply::json(200, refused)]).await;
    assert_eq!((refused.result.unwrap_err().class(), refused.attempts.len()), (ErrorClass::Forbidden, 1));

    let limit = r#"{"error_code":"APIGW.0308","error_msg":"over ratelimit,limit:5,time:1 second"}"#;
    let (throttled, _) = sent(vec![Reply::json(200, limit), Reply::json(200, GOOD)]).await;
    assert_eq!((throttled.result.unwrap(), throttled.throttled), (3, 1));
}

#[tokio::test]
async fn a_silent_server_times_out_and_is_asked_again() {
    let silent = Reply::json(200, GOOD).after_ms(2_000);
    let sent = sent_in_a_hurry(vec![silent, Reply::json(200, GOOD)]).await;
    assert_eq!(statuses(&sent), [None, Some(200)]);
    assert!(sent.attempts[0].fault.as_ref().unwrap().contains("no whole answer from 127.0.0.1"));
    assert_eq!(sent.result.unwrap(), 3);
}

#[tokio::test]
async fn a_body_that_stalls_times_out_and_is_asked_again() {
    let stalled = Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"items\":");
    let sent = sent_in_a_hurry(vec![stalled, Reply::json(200, GOOD)]).await;
    assert_eq!(statuses(&sent), [Some(200), Some(200)]);
    assert_eq!(sent.attempts[0].bytes, 9);
    assert_eq!(sent.result.unwrap(), 3);
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_made_again() {
    let (sent, server) = sent(vec![Reply::raw("").closing(), Reply::json(200, GOOD)]).await;
    assert_eq!(statuses(&sent), [None, Some(200)]);
    assert_eq!(server.requests().len(), 2);
    assert_eq!(sent.result.unwrap(), 3);
}

#[tokio::test]
async fn a_refused_connection_names_host_and_cause() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let client = Client::new(settings(port), TestClock::shared()).unwrap();
    let sent = client.send(&call(), items).await;
    assert_eq!(sent.attempts.len(), 5);
    let error = sent.result.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("workspace: no connection to 127.0.0.1:{port}: ")), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    assert_eq!(error.class(), ErrorClass::Unreachable);
}

#[tokio::test]
async fn a_429_waits_for_its_retry_after() {
    let seconds = Reply::new(429, &[("retry-after", "30")], b"{}");
    let date = [("date", "Thu, 15 Jan 2026 08:30:00 GMT"), ("retry-after", "Thu, 15 Jan 2026 08:30:40 GMT")];
    for (reply, wait_s) in [(seconds, 30), (Reply::new(429, &date, b"{}"), 40)] {
        let (sent, _) = sent(vec![reply, Reply::json(200, GOOD)]).await;
        assert_eq!((sent.result.unwrap(), sent.throttled), (3, 1));
        let waited_s = sent.waited.as_secs_f64();
        assert!((f64::from(wait_s)..f64::from(wait_s) + 5.0).contains(&waited_s), "{waited_s}");
    }
}

#[tokio::test]
async fn a_429_without_a_header_waits_for_the_window_in_its_text_and_keeps_to_it() {
    let body = r#"{"error_code":"APIGW.0308","error_msg":"The throttling threshold has been reached: policy user over ratelimit,limit:30,time:1 minute"}"#;
    let server = Server::start(vec![Reply::json(429, body), Reply::json(200, GOOD), Reply::json(200, GOOD)]).await;
    let client = client(&server);
    let first = client.send(&call(), items).await;
    assert_eq!((first.result.unwrap(), first.waited.as_secs()), (3, 60));
    let second = client.send(&call(), items).await;
    assert_eq!(second.result.unwrap(), 3);
    // Two seconds, give or take what the calls themselves took.
    assert!((1.0..3.0).contains(&second.waited.as_secs_f64()), "{:?}", second.waited);
}

#[tokio::test]
async fn a_pause_delays_the_calls_of_its_limiter_and_no_other() {
    let busy = Reply::new(429, &[("retry-after", "20")], b"{}");
    let server = Server::start(vec![busy, Reply::json(200, GOOD), Reply::json(200, GOOD)]).await;
    let mut settings = settings(server.port);
    settings.retry.attempts_max = 1;
    let client = Client::new(settings, TestClock::shared()).unwrap();
    assert_eq!(client.send(&call(), items).await.result.unwrap_err().class(), ErrorClass::Throttled);
    let elsewhere = Call { service: built_in("swr"), ..call() };
    assert_eq!(client.send(&elsewhere, items).await.waited.as_secs(), 0);
    assert_eq!(client.send(&call(), items).await.waited.as_secs(), 19);
}

#[tokio::test]
async fn endless_throttling_ends_with_the_services_message() {
    let body = r#"{"error_code":"APIGW.0308","error_msg":"over ratelimit"}"#;
    let (sent, server) = sent(vec![Reply::json(429, body); 9]).await;
    assert_eq!((sent.throttled, server.requests().len()), (5, 5));
    assert_eq!(sent.result.unwrap_err().to_string(), "workspace answered 429 APIGW.0308: over ratelimit");
}

#[tokio::test]
async fn a_redirect_is_refused_and_not_followed() {
    let (sent, server) = sent(vec![Reply::new(302, &[("location", "http://elsewhere.example/")], b"")]).await;
    assert_eq!(server.requests().len(), 1);
    let error = sent.result.unwrap_err();
    assert!(
        matches!(&error, Error::RedirectRefused { status: 302, location, .. } if location == "http://elsewhere.example/")
    );
}

#[tokio::test]
async fn refusals_are_not_retried() {
    let cases = [(400, "upstream"), (403, "forbidden"), (404, "not_found"), (405, "upstream"), (501, "upstream")];
    for (status, class) in cases {
        let (sent, server) = sent(vec![Reply::json(status, r#"{"error_code":"WKS.1","error_msg":"no"}"#)]).await;
        assert_eq!(server.requests().len(), 1);
        assert_eq!(sent.result.unwrap_err().class().name(), class);
    }
}

#[tokio::test]
async fn a_401_rejects_the_key_after_one_request() {
    let server = Server::start(vec![Reply::json(401, REFUSED), Reply::json(200, GOOD)]).await;
    let client = client(&server);
    let first = client.send(&call(), items).await;
    assert_eq!(first.attempts[0].status, Some(401));
    let error = first.result.unwrap_err();
    assert_eq!((error.class(), error.request_id()), (ErrorClass::Auth, Some("body-id")));
    let second = client.send(&Call { service: built_in("swr"), ..call() }, items).await;
    assert_eq!(second.result.unwrap_err(), error);
    assert_eq!((second.attempts.len(), server.requests().len()), (0, 1));
}

#[tokio::test]
async fn a_401_among_many_calls_at_once_costs_one_request() {
    let server = Server::start(vec![Reply::json(401, REFUSED).after_ms(3); 20]).await;
    let client = Arc::new(client(&server));
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let client = Arc::clone(&client);
            let service = [built_in("workspace"), built_in("appstream")][n % 2];
            tokio::spawn(async move { client.send(&Call { service, ..call() }, items).await.result })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap_err().class(), ErrorClass::Auth);
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn calls_already_queued_when_the_key_is_rejected_send_nothing() {
    let server = Server::start(vec![Reply::json(200, GOOD), Reply::json(401, REFUSED).after_ms(10)]).await;
    let mut settings = settings(server.port);
    settings.rate.in_flight = 1;
    let client = Arc::new(Client::new(settings, TestClock::shared()).unwrap());
    client.send(&call(), items).await.result.unwrap();
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let client = Arc::clone(&client);
            tokio::spawn(async move { client.send(&call(), items).await.result })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().unwrap_err().class(), ErrorClass::Auth);
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_fails_its_call_and_rejects_nothing() {
    let server = Server::start(vec![Reply::json(401, REFUSED), Reply::json(200, GOOD)]).await;
    let mut settings = settings(server.port);
    settings.credentials = Credentials::Token(Secret::new("canary-token"));
    let client = Client::new(settings, TestClock::shared()).unwrap();
    assert_eq!(client.send(&call(), items).await.result.unwrap_err().class(), ErrorClass::Auth);
    assert_eq!(client.send(&call(), items).await.result.unwrap(), 3);
}

#[tokio::test]
async fn one_request_proves_the_credentials_before_the_others_start() {
    let mut replies = vec![Reply::json(502, "").after_ms(5), Reply::json(200, GOOD).after_ms(5)];
    replies.extend(vec![Reply::json(200, GOOD).after_ms(15); 8]);
    let server = Server::start(replies).await;
    let mut settings = settings(server.port);
    settings.rate.rate_per_s = [(built_in("workspace"), 0.0)].into();
    settings.rate.in_flight = 3;
    let client = Arc::new(Client::new(settings, TestClock::shared()).unwrap());
    let calls = |count: usize| -> Vec<_> {
        (0..count)
            .map(|_| {
                let client = Arc::clone(&client);
                tokio::spawn(async move { client.send(&call(), items).await.result.unwrap() })
            })
            .collect()
    };
    let before = calls(9);
    while server.requests().len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(server.most_open(), 1);
    for task in before {
        task.await.unwrap();
    }
    assert_eq!((server.requests().len(), server.most_open()), (10, 3));
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_from_the_first_answer_and_the_call_made_once_more() {
    let expired = r#"{"error_code":"APIGW.0301","error_msg":"signature expired"}"#;
    let date = "Thu, 15 Jan 2026 08:30:00 GMT";
    let server = Server::start(vec![dated(401, date, expired), dated(200, date, GOOD)]).await;
    let client = Client::new(settings(server.port), TestClock::off_by_s(-3600)).unwrap();
    let sent = client.send(&call(), items).await;
    assert_eq!(statuses(&sent), [Some(401), Some(200)]);
    let dates: Vec<_> = server.requests().iter().map(|r| r.header("x-sdk-date").unwrap().to_owned()).collect();
    assert_eq!(dates[0], "20260115T073000Z");
    assert!(dates[1].starts_with("20260115T0830") || dates[1].starts_with("20260115T0829"), "{dates:?}");
    assert_eq!((client.clock_offset_us() + 500_000) / 1_000_000, 3600);
}

#[tokio::test]
async fn a_401_after_the_clock_correction_rejects_the_key() {
    let date = "Thu, 15 Jan 2026 08:30:00 GMT";
    let server = Server::start(vec![dated(401, date, REFUSED); 5]).await;
    let client = Client::new(settings(server.port), TestClock::off_by_s(7200)).unwrap();
    let sent = client.send(&call(), items).await;
    assert_eq!(sent.result.unwrap_err().class(), ErrorClass::Auth);
    assert!(client.send(&call(), items).await.result.is_err());
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn an_expired_signature_is_a_clock_error_unless_the_clocks_agree() {
    let expired = r#"{"error_code":"APIGW.0301","error_msg":"signature expired"}"#;
    let (undated, _) = sent(vec![Reply::json(401, expired)]).await;
    assert_eq!(undated.result.unwrap_err().class(), ErrorClass::Clock);
    let (agreed, _) = sent(vec![dated(401, "Thu, 15 Jan 2026 08:30:10 GMT", expired)]).await;
    assert_eq!(agreed.result.unwrap_err().class(), ErrorClass::Auth);
}

/// [`GOOD`], compressed with gzip.
const GOOD_GZIPPED: &str =
    "1f8b0800000000000203ab56ca2c49cd2d56b28a36d431d2318ed5514ace2fcd2b51b232ae0500ae4c88341b000000";

/// 100,000 blanks, compressed with gzip.
const BLANKS_GZIPPED: &str = "1f8b0800000000000203edc13101000000c2a02aeb9fd21a1e4001000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000af062df079caa0860100";

#[tokio::test]
async fn what_cannot_be_sent_is_refused_before_anything_is() {
    let server = Server::start(Vec::new()).await;
    let client = client(&server);
    let dotted = Call { path: "/v1/../v2".into(), ..call() };
    let broken = Call { project_id: Some("a\nb".into()), ..call() };
    for call in [dotted, broken] {
        let sent = client.send(&call, items).await;
        assert_eq!(sent.result.unwrap_err().class(), ErrorClass::Usage);
    }
    assert!(server.requests().is_empty());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let refused = |change: fn(&mut ClientSettings)| {
        let mut settings = plain_settings();
        change(&mut settings);
        Client::new(settings, TestClock::shared()).err().expect("it was accepted").to_string()
    };
    assert_eq!(refused(|s| s.retry.attempts_max = 0), "attempts_max must be 1 or more");
    assert_eq!(refused(|s| s.rate.in_flight = 0), "rate.in_flight must be 1 or more");
    assert_eq!(refused(|s| s.credentials = Credentials::Token(Secret::new(""))), "the token is empty");
    let broken = refused(|s| s.credentials = Credentials::Token(Secret::new("canary\n")));
    assert_eq!(broken, "the token holds a character that no header can carry");
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn credentials_appear_in_no_log_debug_or_error_even_when_echoed() {
    // With only one subscriber, the thread of another test could switch an event off for this test too.
    let _second = tracing::Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);

    let echo = r#"{"error_code":"APIGW.0301","error_msg":"bad canary-ak, canary-sk with canary-token"}"#;
    let date = "Thu, 15 Jan 2026 08:30:00 GMT";
    let html = Reply::new(503, &[], b"<p>canary-ak canary-sk canary-token</p>");
    let server = Server::start(vec![html, dated(401, date, echo), dated(401, date, echo)]).await;
    let mut settings = settings(server.port);
    settings.credentials = Credentials::AkSk {
        ak: "canary-ak".into(),
        sk: Secret::new("canary-sk"),
        security_token: Some(Secret::new("canary-token")),
    };
    let shown_settings = format!("{settings:?}");
    let sent = Client::new(settings, TestClock::off_by_s(-3600)).unwrap().send(&call(), items).await;
    assert_eq!(sent.attempts.len(), 3);
    let error = sent.result.as_ref().unwrap_err();
    let shown = format!("{shown_settings} {sent:?} {error} {} {:?}", error.message(), error.hint());
    let logged = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("clock is off") && logged.contains("workspace answered 401"), "{logged}");
    assert!(!shown.contains("canary") && !logged.contains("canary"), "{shown}\n{logged}");
}

#[tokio::test]
async fn attempts_of_a_dropped_call_are_passed_on_with_the_one_in_flight() {
    let bad = Reply::json(500, "{}");
    let server = Server::start(vec![bad, Reply::json(200, GOOD).after_ms(60_000)]).await;
    let (client, abandoned) = (client(&server), Abandoned::default());
    let call = call();
    let sent = client.send_noting(&call, &abandoned, items);
    assert!(tokio::time::timeout(Duration::from_millis(300), sent).await.is_err());
    let attempts = abandoned.take();
    let recorded: Vec<_> = attempts.iter().map(|attempt| (attempt.attempt, attempt.status)).collect();
    assert_eq!(recorded, [(1, Some(500)), (2, None)]);
    let fault = attempts[1].fault.as_deref().unwrap();
    assert!(fault.starts_with("given up before it was answered"), "{fault}");
    assert!(attempts[1].elapsed >= Duration::from_millis(50), "{:?}", attempts[1].elapsed);
    assert!(abandoned.take().is_empty(), "each is returned once");
}

#[tokio::test]
async fn a_call_that_ends_leaves_nothing_behind() {
    let server = Server::start(vec![Reply::json(200, GOOD)]).await;
    let abandoned = Abandoned::default();
    let sent = client(&server).send_noting(&call(), &abandoned, items).await;
    assert_eq!((sent.attempts.len(), abandoned.take().len()), (1, 0));
}
