//! Each fault as a caller sees it on the wire.

use std::io::Read;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{CODEARTS_PROJECT, IAM_PROJECT, answer, client, get, post, running};
use crate::emulator::*;

const APPS: &str = "/v1/0a1b2c3d4e5f60718293a4b5c6d7e8f9/app-center/apps?limit=10";

fn apps(emulator: &Running) -> Vec<Value> {
    emulator.with_world(|world| world.records("apps"))
}

#[tokio::test]
async fn a_rule_affects_only_the_requests_that_it_names() {
    let emulator = running().await;
    emulator.faults.add("app-center/apps", When::Nth(2), Fault::gateway(503, "APIGW.0613", "IAM is not available"));
    emulator.faults.add("app-center/jobs", When::EveryNth(2), Fault::denied());
    emulator.faults.add("image-server-jobs", When::First(2), Fault::html(502));
    let jobs = format!("/v1/{IAM_PROJECT}/app-center/jobs");
    let images = format!("/v1/{IAM_PROJECT}/image-server-jobs?job_type=DELETE_SERVER");
    let mut seen = Vec::new();
    for target in [APPS, &jobs, &images] {
        for _ in 0..4 {
            seen.push(get(&emulator, target).await.unwrap().status().as_u16());
        }
    }
    assert_eq!(seen, [200, 503, 200, 200, 200, 403, 200, 403, 502, 502, 200, 200]);
    assert_eq!(emulator.faults.fired(), 5);
    emulator.faults.clear();
    assert_eq!(get(&emulator, &jobs).await.unwrap().status(), 200);
    assert_eq!(get(&emulator, &jobs).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_rule_can_name_a_page_by_the_body_of_the_request() {
    let emulator = running().await;
    emulator.faults.add("\"page\":2,", When::Always, Fault::denied());
    let mut seen = Vec::new();
    for page in 1..=3 {
        let body = json!({ "project_id": CODEARTS_PROJECT, "page": page, "size": 20 });
        seen.push(post(&emulator, "/v1/applications/list", body).await.unwrap().status().as_u16());
    }
    assert_eq!(seen, [200, 403, 200]);
}

#[tokio::test]
async fn throttling_has_a_retry_time_and_refusals_have_the_body_of_their_service() {
    let emulator = running().await;
    emulator.faults.add("", When::Nth(1), Fault::throttled(10, "1 second", Some(7)));
    emulator.faults.add("", When::Nth(2), Fault::forbidden("workspace:appcenter:listApps"));
    let throttled = get(&emulator, APPS).await.unwrap();
    assert_eq!(throttled.headers()["retry-after"], "7");
    let (id, (status, body)) = (throttled.headers()["x-request-id"].clone(), answer(Ok(throttled)).await);
    assert_eq!(
        (status, &body["error_code"], &body["request_id"]),
        (429, &json!("APIGW.0308"), &json!(id.to_str().unwrap()))
    );
    assert!(body["error_msg"].as_str().unwrap().ends_with("over ratelimit, limit:10,time:1 second"));
    let (status, body) = answer(get(&emulator, APPS).await).await;
    assert_eq!((status, body["error_code"].as_str().unwrap().starts_with("WKS.")), (403, true));
}

#[tokio::test]
async fn a_cut_body_starts_and_then_breaks_off() {
    let emulator = running().await;
    emulator.faults.add("", When::Nth(1), Fault::CutBody);
    let mut response = get(&emulator, APPS).await.unwrap();
    let promised = response.content_length().unwrap();
    let (mut came, mut broke_off) = (0, false);
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) => came += chunk.len() as u64,
            Ok(None) => break,
            Err(_) => {
                broke_off = true;
                break;
            }
        }
    }
    assert_eq!((came, broke_off), (promised / 2, true));
    assert_eq!(get(&emulator, APPS).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_reset_connection_answers_nothing_and_the_next_request_is_served() {
    let emulator = running().await;
    emulator.faults.add("", When::Nth(1), Fault::Reset);
    let error = get(&emulator, APPS).await.unwrap_err();
    assert!(error.status().is_none() && !error.is_timeout());
    let reset = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
    assert!(reset, "{error:?}");
    assert_eq!(emulator.requests()[0].status, None);
    assert_eq!(get(&emulator, APPS).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_stall_is_longer_than_the_callers_timeout() {
    let emulator = running().await;
    emulator.faults.add("", When::Nth(1), Fault::Stall(Duration::from_secs(60)));
    emulator.faults.add("", When::Nth(2), Fault::Stall(Duration::from_millis(20)));
    let request = client().get(format!("{}{APPS}", emulator.base_url())).timeout(Duration::from_millis(20));
    assert!(request.send().await.unwrap_err().is_timeout());
    let started = Instant::now();
    assert_eq!(get(&emulator, APPS).await.unwrap().status(), 200);
    assert!(started.elapsed() >= Duration::from_millis(20));
}

#[tokio::test]
async fn bodies_come_empty_misshapen_garbled_or_mislabelled() {
    let emulator = running().await;
    let faults = [Fault::EmptyBody, Fault::WrongShape, Fault::GzipGarbage, Fault::Mislabelled, Fault::html(200)];
    for (n, fault) in faults.into_iter().enumerate() {
        emulator.faults.add("", When::Nth(n as u64 + 1), fault);
    }
    let empty = get(&emulator, APPS).await.unwrap();
    assert_eq!((empty.status().as_u16(), empty.text().await.unwrap().as_str()), (200, ""));
    let (_, misshapen) = answer(get(&emulator, APPS).await).await;
    assert!(misshapen.is_object() && misshapen.get("items").is_none());
    let garbled = get(&emulator, APPS).await.unwrap();
    assert_eq!((garbled.status().as_u16(), garbled.headers()["content-encoding"].to_str().unwrap()), (200, "gzip"));
    let mut unpacked = Vec::new();
    let body = garbled.bytes().await.unwrap();
    assert!(flate2::read::GzDecoder::new(&body[..]).read_to_end(&mut unpacked).is_err(), "there is none");
    let mislabelled = get(&emulator, APPS).await.unwrap();
    assert_eq!(mislabelled.headers()["content-type"], "text/html");
    assert_eq!(answer(Ok(mislabelled)).await.1["items"].as_array().unwrap().len(), 10);
    assert!(get(&emulator, APPS).await.unwrap().text().await.unwrap().starts_with("<html>"));
}

#[tokio::test]
async fn a_page_can_repeat_or_be_short_and_a_total_can_be_off() {
    let emulator = running().await;
    let truth = apps(&emulator);
    emulator.faults.add("offset=20", When::Always, Fault::RepeatedPage);
    emulator.faults.add("offset=30", When::Always, Fault::ShortPage { without: 3 });
    emulator.faults.add("offset=40", When::Always, Fault::TotalOff { by: -2 });
    let page = async |offset: usize| answer(get(&emulator, &format!("{APPS}&offset={offset}")).await).await.1;
    assert_eq!(page(20).await["items"].as_array().unwrap()[..], truth[10..20]);
    assert_eq!(page(30).await["items"].as_array().unwrap()[..], truth[30..37]);
    let off = page(40).await;
    assert_eq!(off["items"].as_array().unwrap()[..], truth[40..50]);
    assert_eq!(off["count"].as_u64(), Some(truth.len() as u64 - 2));
}

#[tokio::test]
async fn the_world_can_change_between_two_pages() {
    let emulator = running().await;
    let truth = apps(&emulator);
    emulator.faults.add(
        "app-center/apps",
        When::Nth(1),
        Fault::change(|world| {
            let id = world.lists().find(|id| id.table == "apps").unwrap().clone();
            let oldest = world.listing(&id)[0]["id"].as_str().unwrap().to_owned();
            world.remove(&id, &oldest);
        }),
    );
    let (_, first) = answer(get(&emulator, APPS).await).await;
    let (_, second) = answer(get(&emulator, &format!("{APPS}&offset=10")).await).await;
    assert_eq!(first["count"].as_u64(), Some(truth.len() as u64));
    assert_eq!(second["count"].as_u64(), Some(truth.len() as u64 - 1));
    assert_eq!(first["items"].as_array().unwrap()[..], truth[..10]);
    assert_eq!(second["items"].as_array().unwrap()[..], truth[11..21], "one record was never shown");
}
