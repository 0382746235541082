//! Tokens and temporary keys through the client, against a server on loopback: fetched once, renewed in time, and no
//! longer used after a rejection.

use serde_json::Value;

use super::*;
use crate::catalog::services::built_in;
use crate::catalog::spec::{Method, Service};
use crate::cloud::call::Sent;
use crate::cloud::client::{Client, ClientSettings};
use crate::cloud::error::ErrorClass;
use crate::cloud::testing::{Reply, Server, TestClock, settings};

const GOOD: &str = r#"{"items":[]}"#;
/// Two days after the test clock's start.
const IN_TWO_DAYS: &str = "2026-01-17T08:30:00.000000Z";
/// An hour after it.
const IN_AN_HOUR: &str = "2026-01-15T09:30:00.000000Z";

fn call(service: Service) -> Call {
    Call {
        service,
        region: "ap-southeast-3".into(),
        method: Method::Get,
        path: "/v1/0a1b/list".into(),
        query: Vec::new(),
        body: None,
        project_id: Some("0a1b".into()),
        permission: None,
    }
}

fn issued(token: &str, expires_at: &str) -> Reply {
    let body = format!(r#"{{"token":{{"expires_at":"{expires_at}","methods":["password"]}}}}"#);
    Reply::new(201, &[("x-subject-token", token)], body.as_bytes())
}

fn run_out() -> Reply {
    Reply::json(401, r#"{"error_code":"APIGW.0307","error_msg":"The token must be updated."}"#)
}

fn good() -> Reply {
    Reply::json(200, GOOD)
}

fn client_of(server: &Server, credentials: Credentials) -> Arc<Client> {
    let settings = ClientSettings { credentials, source: "HW_USER_NAME".into(), ..settings(server.port) };
    Arc::new(Client::new(settings, TestClock::shared()).unwrap())
}

fn user(server: &Server) -> Arc<Client> {
    let password = Secret::new("canary-password");
    client_of(server, Credentials::Password { user: "nightly".into(), password, domain: "acme".into() })
}

async fn send(client: &Client) -> Sent<()> {
    client.send(&call(built_in("workspace")), |_| Ok(())).await
}

/// Paths asked for, each with the token it came with.
fn asked(server: &Server) -> Vec<(String, Option<String>)> {
    let seen = |r: crate::cloud::testing::Received| (r.target.clone(), r.header("x-auth-token").map(str::to_owned));
    server.requests().into_iter().map(seen).collect()
}

fn token_request() -> (String, Option<String>) {
    ("/v3/auth/tokens?nocatalog=true".to_owned(), None)
}

fn list_request(token: &str) -> (String, Option<String>) {
    ("/v1/0a1b/list".to_owned(), Some(token.to_owned()))
}

async fn in_parallel(client: &Arc<Client>, count: usize) -> Vec<Sent<()>> {
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let client = Arc::clone(client);
            tokio::spawn(async move { send(&client).await })
        })
        .collect();
    let mut sent = Vec::new();
    for task in tasks {
        sent.push(task.await.unwrap());
    }
    sent
}

#[tokio::test]
async fn a_token_is_fetched_once_and_sent_with_every_call() {
    let mut replies = vec![issued("t1", IN_TWO_DAYS)];
    replies.extend(vec![good(); 8]);
    let server = Server::start(replies).await;
    let client = user(&server);
    for sent in in_parallel(&client, 8).await {
        sent.result.unwrap();
    }
    let mut expected = vec![token_request()];
    expected.extend(vec![list_request("t1"); 8]);
    assert_eq!(asked(&server), expected);
    let body: Value = serde_json::from_str(&server.requests()[0].body).unwrap();
    let user = &body["auth"]["identity"]["password"]["user"];
    assert_eq!(body["auth"]["identity"]["methods"], serde_json::json!(["password"]));
    assert_eq!(
        *user,
        serde_json::json!({"name": "nightly", "password": "canary-password", "domain": {"name": "acme"}})
    );
    assert_eq!(body["auth"]["scope"]["project"], serde_json::json!({"id": "0a1b"}));
}

#[tokio::test]
async fn each_project_has_its_own_token_and_the_regions_project_goes_by_name() {
    let server =
        Server::start(vec![issued("t1", IN_TWO_DAYS), good(), issued("t2", IN_TWO_DAYS), good(), good()]).await;
    let client = user(&server);
    let of_region = Call { project_id: None, ..call(built_in("iam")) };
    for call in [&call(built_in("workspace")), &of_region, &call(built_in("swr"))] {
        client.send(call, |_| Ok(())).await.result.unwrap();
    }
    let tokens: Vec<_> = asked(&server).into_iter().map(|(_, token)| token).collect();
    let some = |token: &str| Some(token.to_owned());
    assert_eq!(tokens, [None, some("t1"), None, some("t2"), some("t1")]);
    let body: Value = serde_json::from_str(&server.requests()[2].body).unwrap();
    assert_eq!(body["auth"]["scope"]["project"], serde_json::json!({"name": "ap-southeast-3"}));
}

#[tokio::test]
async fn a_token_is_renewed_before_it_ends() {
    let server = Server::start(vec![issued("t1", IN_AN_HOUR), good(), issued("t2", IN_TWO_DAYS), good()]).await;
    let clock = TestClock::shared();
    let password = Secret::new("p");
    let credentials = Credentials::Password { user: "u".into(), password, domain: "d".into() };
    let client = Client::new(ClientSettings { credentials, ..settings(server.port) }, clock.clone()).unwrap();
    send(&client).await.result.unwrap();
    clock.sleep(Duration::from_secs(51 * 60)).await;
    send(&client).await.result.unwrap();
    assert_eq!(asked(&server)[2..], [token_request(), list_request("t2")]);
}

#[tokio::test]
async fn after_a_failed_renewal_the_token_is_used_until_it_expires() {
    let refused = Reply::json(400, "{}");
    let server = Server::start(vec![issued("t1", IN_AN_HOUR), good(), refused, good(), good()]).await;
    let clock = TestClock::shared();
    let password = Secret::new("p");
    let credentials = Credentials::Password { user: "u".into(), password, domain: "d".into() };
    let client = Client::new(ClientSettings { credentials, ..settings(server.port) }, clock.clone()).unwrap();
    send(&client).await.result.unwrap();
    clock.sleep(Duration::from_secs(51 * 60)).await;
    send(&client).await.result.unwrap();
    send(&client).await.result.unwrap();
    assert_eq!(asked(&server)[2..], [token_request(), list_request("t1"), list_request("t1")]);
}

#[tokio::test]
async fn a_token_that_expires_during_a_run_is_renewed_once_for_all_calls_in_flight() {
    let mut replies = vec![issued("t1", IN_TWO_DAYS), good()];
    replies.extend(vec![run_out().after_ms(20); 4]);
    replies.push(issued("t2", IN_TWO_DAYS));
    replies.extend(vec![good(); 4]);
    let server = Server::start(replies).await;
    let client = user(&server);
    send(&client).await.result.unwrap();
    for sent in in_parallel(&client, 4).await {
        let statuses: Vec<_> =
            sent.attempts.iter().filter(|a| a.service != built_in("iam")).map(|attempt| attempt.status).collect();
        assert_eq!(statuses, [Some(401), Some(200)]);
        sent.result.unwrap();
    }
    let asked = asked(&server);
    assert_eq!(asked.iter().filter(|request| **request == token_request()).count(), 2);
    assert_eq!(asked[7..], vec![list_request("t2"); 4]);
}

#[tokio::test]
async fn a_fresh_token_that_is_refused_is_not_replaced_and_no_call_follows() {
    let server = Server::start(vec![issued("t1", IN_TWO_DAYS), run_out(), good()]).await;
    let client = user(&server);
    for _ in 0..3 {
        let error = send(&client).await.result.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Auth);
        assert!(error.hint().unwrap().contains("belongs to the project"), "{:?}", error.hint());
    }
    assert_eq!(asked(&server), [token_request(), list_request("t1")]);
}

#[tokio::test]
async fn a_renewed_token_that_is_refused_is_not_replaced_again() {
    let replies = vec![issued("t1", IN_TWO_DAYS), good(), run_out(), issued("t2", IN_TWO_DAYS), run_out(), good()];
    let server = Server::start(replies).await;
    let client = user(&server);
    send(&client).await.result.unwrap();
    assert_eq!(send(&client).await.result.unwrap_err().class(), ErrorClass::Auth);
    assert_eq!(send(&client).await.result.unwrap_err().class(), ErrorClass::Auth);
    assert_eq!(asked(&server).len(), 5);
}

#[tokio::test]
async fn a_wrong_password_costs_one_request_for_all_calls() {
    let wrong = r#"{"error":{"code":401,"message":"The username or password canary-password is wrong.","title":"Unauthorized"}}"#;
    let server = Server::start(vec![Reply::json(401, wrong).after_ms(3); 9]).await;
    let client = user(&server);
    for sent in in_parallel(&client, 9).await {
        let error = sent.result.unwrap_err();
        assert_eq!(error.to_string(), "iam answered 401: The username or password *** is wrong.");
        assert!(error.hint().unwrap().starts_with("check HW_USER_NAME, and"), "{:?}", error.hint());
    }
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn an_echoed_token_is_redacted() {
    let echo = Reply::json(403, r#"{"error_code":"APIGW.0302","error_msg":"no permission for canary-token"}"#);
    let server = Server::start(vec![issued("canary-token", IN_TWO_DAYS), echo]).await;
    let sent = send(&user(&server)).await;
    assert!(!format!("{sent:?}").contains("canary"), "{sent:?}");
    assert_eq!(sent.result.unwrap_err().message(), "no permission for ***");
}

#[tokio::test]
async fn an_answer_without_a_token_is_no_token() {
    let bare = Reply::json(201, r#"{"token":{"expires_at":"2026-01-17T08:30:00.000000Z"}}"#);
    let server = Server::start(vec![bare; 5]).await;
    let error = send(&user(&server)).await.result.unwrap_err();
    assert!(error.to_string().ends_with("a body of the wrong shape: no header X-Subject-Token"), "{error}");
}

fn ecs(server: &Server) -> Arc<Client> {
    client_of(server, Credentials::EcsMetadata { base_url: format!("http://127.0.0.1:{}", server.port) })
}

fn keys(ak: &str, expires_at: &str) -> Reply {
    let body = serde_json::json!({"credential": {
        "access": ak, "secret": "canary-sk", "securitytoken": "canary-st", "expires_at": expires_at,
    }});
    Reply::json(200, &body.to_string())
}

#[tokio::test]
async fn keys_of_the_metadata_service_sign_with_their_security_token() {
    let replies = vec![Reply::new(200, &[], b"session"), keys("ak1", IN_TWO_DAYS), good(), good()];
    let server = Server::start(replies).await;
    let client = ecs(&server);
    send(&client).await.result.unwrap();
    send(&client).await.result.unwrap();
    let requests = server.requests();
    let targets: Vec<_> = requests.iter().map(|r| r.target.as_str()).collect();
    assert_eq!(
        targets,
        ["/meta-data/latest/api/token", "/openstack/latest/securitykey", "/v1/0a1b/list", "/v1/0a1b/list"]
    );
    assert_eq!(requests[0].header("x-metadata-token-ttl-seconds"), Some("21600"));
    assert_eq!(requests[1].header("x-metadata-token"), Some("session"));
    assert_eq!(requests[2].header("x-security-token"), Some("canary-st"));
    assert!(requests[2].header("authorization").unwrap().contains("Access=ak1,"));
}

#[tokio::test]
async fn a_metadata_service_without_session_tokens_is_asked_without_one() {
    for status in [404, 405, 503] {
        let server = Server::start(vec![Reply::new(status, &[], b""), keys("ak1", IN_TWO_DAYS), good()]).await;
        send(&ecs(&server)).await.result.unwrap();
        assert_eq!(server.requests()[1].header("x-metadata-token"), None);
    }
}

#[tokio::test]
async fn keys_are_renewed_when_forty_minutes_remain() {
    let session = || Reply::new(404, &[], b"");
    let expires_at = "2026-01-15T11:30:00.000000Z";
    let replies = vec![session(), keys("ak1", expires_at), good(), good(), session(), keys("ak2", IN_TWO_DAYS), good()];
    let server = Server::start(replies).await;
    let clock = TestClock::shared();
    let credentials = Credentials::EcsMetadata { base_url: format!("http://127.0.0.1:{}", server.port) };
    let client = Client::new(ClientSettings { credentials, ..settings(server.port) }, clock.clone()).unwrap();
    send(&client).await.result.unwrap();
    clock.sleep(Duration::from_secs(139 * 60)).await;
    send(&client).await.result.unwrap();
    clock.sleep(Duration::from_secs(2 * 60)).await;
    send(&client).await.result.unwrap();
    let requests = server.requests();
    let access = |at: usize| requests[at].header("authorization").unwrap().split([' ', ',']).nth(1).unwrap();
    assert_eq!([access(2), access(3), access(6)], ["Access=ak1", "Access=ak1", "Access=ak2"]);
}

#[tokio::test]
async fn a_metadata_service_that_gives_no_keys_is_named_and_asked_once() {
    let answers = [
        (Reply::new(403, &[], b""), "it answered 403"),
        (Reply::new(404, &[], b""), "it answered 404: this ECS has no agency"),
        (Reply::json(200, r#"{"credential":{"access":"canary"}}"#), "its answer holds no temporary keys"),
    ];
    for (answer, fault) in answers {
        let server = Server::start(vec![Reply::new(404, &[], b""), answer]).await;
        let client = ecs(&server);
        for _ in 0..2 {
            let error = send(&client).await.result.unwrap_err();
            assert_eq!(error.class(), ErrorClass::Auth);
            let text = error.to_string();
            assert!(text.starts_with("no keys came from the ECS metadata service at http://127.0.0.1"), "{text}");
            assert!(text.ends_with(fault), "{text}");
        }
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_token_that_expires_while_a_call_waits_for_its_turn_is_not_sent() {
    let replies = vec![issued("token-one", "2026-01-15T08:45:00Z"), good(), issued("token-two", IN_TWO_DAYS), good()];
    let server = Server::start(replies).await;
    let password = Secret::new("canary-password");
    let credentials = Credentials::Password { user: "nightly".into(), password, domain: "acme".into() };
    let mut settings = ClientSettings { credentials, ..settings(server.port) };
    // The second call waits for a thousand seconds.
    settings.rate.rate_per_s.insert(built_in("workspace"), 0.001);
    let client = Client::new(settings, TestClock::shared()).unwrap();
    send(&client).await.result.unwrap();
    send(&client).await.result.unwrap();
    let expected = [token_request(), list_request("token-one"), token_request(), list_request("token-two")];
    assert_eq!(asked(&server), expected);
}
