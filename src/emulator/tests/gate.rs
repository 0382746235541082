//! The gate: signatures, tokens, clocks and the rate limit.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::Utc;
use serde_json::{Value, json};

use super::{IAM_PROJECT, Signer, TOKEN, answer, client, get, running, small_world};
use crate::base::clock::Timestamp;
use crate::base::secret::Secret;
use crate::emulator::server::settings::RateLimit;
use crate::emulator::server::signature::{Signed, check};
use crate::emulator::*;

const PATH: &str = "/v1/0a1b2c3d4e5f60718293a4b5c6d7e8f9/app-center/apps";
const QUERY: &str = "limit=1&offset=2";

async fn signed(emulator: &Running, signer: Signer) -> (u16, Value) {
    let headers = signer.sign("GET", PATH, QUERY, b"");
    let mut request = client().get(format!("{}{PATH}?{QUERY}", emulator.base_url()));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    answer(request.send().await).await
}

#[track_caller]
fn refused((status, body): (u16, Value), message: &str) {
    assert_eq!((status, &body["error_code"]), (401, &json!("APIGW.0301")));
    assert!(body["error_msg"].as_str().unwrap().contains(message), "{body}");
    assert!(body["request_id"].is_string());
}

#[tokio::test]
async fn a_valid_signature_is_accepted_and_an_invalid_one_is_not() {
    let emulator = running().await;
    assert_eq!(signed(&emulator, Signer::new()).await.0, 200);
    assert_eq!(signed(&emulator, Signer::new().with("x-project-id", IAM_PROJECT)).await.0, 200);
    refused(signed(&emulator, Signer { ak: "OTHER".to_owned(), ..Signer::new() }).await, "AK not found");
    refused(signed(&emulator, Signer { sk: "other".to_owned(), ..Signer::new() }).await, "verify signature failed");
    let unsigned = client().get(format!("{}{PATH}", emulator.base_url())).send().await;
    refused(answer(unsigned).await, "no token found");
}

#[tokio::test]
async fn a_signature_over_a_quarter_of_an_hour_old_or_early_has_expired() {
    let emulator = running().await;
    for minutes in [-16, 16] {
        let at = Utc::now() + chrono::TimeDelta::minutes(minutes);
        refused(signed(&emulator, Signer { at, ..Signer::new() }).await, "signature expired, signature time: 20");
    }
    let at = Utc::now() - chrono::TimeDelta::minutes(14);
    assert_eq!(signed(&emulator, Signer { at, ..Signer::new() }).await.0, 200);
}

#[tokio::test]
async fn a_skewed_server_clock_shows_in_the_date_and_in_what_it_refuses() {
    let emulator = running().await;
    emulator.faults.add("", When::Always, Fault::SkewedClock { seconds: 3600 });
    refused(signed(&emulator, Signer::new()).await, "server time: ");
    let date = get(&emulator, PATH).await.unwrap().headers()["date"].to_str().unwrap().to_owned();
    let server = chrono::DateTime::parse_from_rfc2822(&date).unwrap();
    assert!((3590..3610).contains(&(server.to_utc() - Utc::now()).num_seconds()));
    assert_eq!(signed(&emulator, Signer { at: server.to_utc(), ..Signer::new() }).await.0, 200);
}

#[tokio::test]
async fn a_security_token_must_come_where_the_keys_are_temporary() {
    let settings = EmulatorSettings { security_token: Some(Secret::new("temporary")), ..Default::default() };
    let emulator = Emulator::start(small_world(), settings).await.unwrap();
    refused(signed(&emulator, Signer::new()).await, "security token");
    refused(signed(&emulator, Signer::new().with("x-security-token", "other")).await, "security token");
    assert_eq!(signed(&emulator, Signer::new().with("x-security-token", "temporary")).await.0, 200);
}

#[tokio::test]
async fn a_project_of_others_or_a_stale_token_is_refused() {
    let emulator = running().await;
    assert_eq!(signed(&emulator, Signer::new().with("x-project-id", "other")).await.0, 403);
    let stale = client().get(format!("{}{PATH}", emulator.base_url())).header("X-Auth-Token", "stale").send().await;
    let (status, body) = answer(stale).await;
    assert_eq!((status, &body["error_code"]), (401, &json!("APIGW.0307")));
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_a_date_and_every_request_is_logged() {
    let emulator = running().await;
    let ids: Vec<_> = {
        let (found, lost) = (get(&emulator, PATH).await.unwrap(), get(&emulator, "/v9/x?a=b").await.unwrap());
        [found, lost].iter().map(|r| (r.headers()["x-request-id"].clone(), r.headers().contains_key("date"))).collect()
    };
    assert!(ids[0].0 != ids[1].0 && ids[0].1 && ids[1].1);
    let log: Vec<_> = emulator.requests().into_iter().map(|r| (r.number, r.method, r.target, r.status)).collect();
    let logged = |number, target: &str, status| (number, "GET".to_owned(), target.to_owned(), Some(status));
    assert_eq!(log, [logged(0, PATH, 200), logged(1, "/v9/x?a=b", 404)]);
    assert_eq!(emulator.in_flight_max(), 1);
}

#[tokio::test]
async fn more_requests_than_the_rate_limit_are_throttled_with_the_limit_in_the_text() {
    let emulator = running().await;
    emulator.set_rate_limit(Some(RateLimit { limit: 2, window_s: 120 }));
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(answer(get(&emulator, PATH).await).await);
    }
    assert_eq!(statuses.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [200, 200, 429]);
    assert_eq!(statuses[2].1["error_code"], "APIGW.0308");
    assert!(statuses[2].1["error_msg"].as_str().unwrap().ends_with("over ratelimit, limit:2,time:2 minute"));
    emulator.set_rate_limit(Some(RateLimit { limit: 1, window_s: 1 }));
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert!(answer(get(&emulator, PATH).await).await.1["error_msg"].as_str().unwrap().ends_with("time:1 second"));
    emulator.set_rate_limit(None);
    assert_eq!(get(&emulator, PATH).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_stopped_emulator_does_not_answer() {
    let emulator = running().await;
    let url = format!("{}{PATH}", emulator.base_url());
    drop(emulator);
    tokio::task::yield_now().await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    assert!(client().get(url).header("X-Auth-Token", TOKEN).send().await.is_err());
}

/// Signatures made by the vendor's own signer.
#[test]
fn signatures_of_the_official_signer_are_accepted() {
    type Vector = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str, &'static str);
    const VECTORS: [Vector; 7] = [
        (
            "GET",
            "/v1/0a1b2c3d4e5f60718293a4b5c6d7e8f9/app-center/jobs?job_status=FAIL&limit=100&offset=100",
            &[
                ("content-type", "application/json"),
                ("host", "workspace.ap-southeast-3.myhuaweicloud.com"),
                ("user-agent", "huaweicloud-usdk-python/3.0"),
                ("x-project-id", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
            ],
            r#""#,
            "73ecdc903ce014fe8b9eba2d3303aa7435e5cd00b060bb4c059f05699ff5a3b0",
        ),
        (
            "GET",
            "/v1/0a1b2c3d4e5f60718293a4b5c6d7e8f9/app-center/apps?limit=10&name=a%20b%2Bc%2Fd%2Ae~f%3Dg%26h%25i%20%E5%BE%AE%E4%BF%A1&offset=0",
            &[
                ("content-type", "application/json"),
                ("host", "workspace.ap-southeast-3.myhuaweicloud.com"),
                ("x-project-id", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
            ],
            r#""#,
            "6181eb85919a9701fb0588b777a5ddeecbf2d5857ff26775872eea2582a13b87",
        ),
        (
            "POST",
            "/v1/applications/list",
            &[
                ("content-type", "application/json"),
                ("host", "codearts-deploy.ap-southeast-3.myhuaweicloud.com"),
                ("x-project-id", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
            ],
            r#"{"project_id": "332f53cbabc44863a46ce6b4f82a9fe7", "page": 1, "size": 100, "sort_name": "startTime", "sort_by": "ASC", "note": "应用"}"#,
            "8233a48eabc8ed344984abf6a176a95214471c314e384ae9280de00023ad327d",
        ),
        (
            "GET",
            "/v2/0a1b2c3d4e5f60718293a4b5c6d7e8f9/desktops?Zeta=1&alpha=2&empty=&flag=true&status=ACTIVE&status=RUNNING",
            &[
                ("host", "workspace.ap-southeast-3.myhuaweicloud.com"),
                ("x-project-id", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
            ],
            r#""#,
            "deedb4cab8db36f8a4a166e7ee6cd6d9cc9765c49620dec215d505b2b8609a2a",
        ),
        (
            "GET",
            "/v1/0a1b2c3d4e5f60718293a4b5c6d7e8f9/app-center/apps/a%20b~%E5%BE%AE",
            &[
                ("host", "workspace.ap-southeast-3.myhuaweicloud.com"),
                ("x-project-id", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
            ],
            r#""#,
            "20567a8ed53e98219d76bbd811fe3e8ae7ccc984d75a26e0d51df70979c670ad",
        ),
        (
            "GET",
            "/v2/0a1b2c3d4e5f60718293a4b5c6d7e8f9/tasks/list?page=1&size=100",
            &[
                ("host", "127.0.0.1:18080"),
                ("x-project-id", "0a1b2c3d4e5f60718293a4b5c6d7e8f9"),
                ("x-test", "two  spaces"),
            ],
            r#""#,
            "5e8a638daae4ad07fd45cb52e311460d94b9de16ff403691695ce8a7419d0501",
        ),
        (
            "POST",
            "/v1/form",
            &[
                ("content-type", "application/x-www-form-urlencoded"),
                ("host", "service.region.example.com"),
                ("x-sdk-content-sha256", "UNSIGNED-PAYLOAD"),
            ],
            r#"a=1&b=2"#,
            "8c8f0a1c9cae7c84f4a708d093982450ed4c3d13f641763eee8fd2c1fd9bcaa8",
        ),
    ];
    let sk = Secret::new("sKeXaMpLe+/0123456789abcdefGHIJKLMNOPQR=");
    let ak = "AKEXAMPLE0123456789A";
    let now = Timestamp(1_768_465_800_000_000);
    for (method, target, listed, body, signature) in VECTORS {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers: BTreeMap<String, String> =
            listed.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        headers.insert("x-sdk-date".to_owned(), "20260115T083000Z".to_owned());
        let names = headers.keys().cloned().collect::<Vec<_>>().join(";");
        let authorization = format!("SDK-HMAC-SHA256 Access={ak}, SignedHeaders={names}, Signature={signature}");
        headers.insert("authorization".to_owned(), authorization);
        let request = |body| Signed { method, path, query, headers: &headers, body };
        assert_eq!(check(&request(body.as_bytes()), ak, &sk, now), Ok(()), "{method} {target}");
        if !listed.iter().any(|(name, _)| *name == "x-sdk-content-sha256") {
            let altered = check(&request(b"{}"), ak, &sk, now);
            assert_eq!(altered, Err("verify signature failed".to_owned()), "{method} {target}");
        }
    }
}
