//! A hostile server: its answers are limited, its redirects are not followed, and only the owner can read what is kept.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use hclake::base::clock::SystemClock;
use hclake::base::credentials::Credentials;
use hclake::base::secret::Secret;
use hclake::catalog::Catalog;
use hclake::catalog::services::built_in;
use hclake::catalog::spec::Method;
use hclake::cloud::BODY_BYTES_MAX;
use hclake::cloud::Reply;
use hclake::cloud::{Call, Client, ClientSettings, EndpointOverrides, Error, RateSettings, RetryLimits};
use hclake::sweep::Envelope;

use crate::support::{Tenant, small_world};

/// A server on loopback that gives every request the same bytes, and counts them.
struct Hostile {
    url: String,
    requests: Arc<AtomicUsize>,
}

impl Hostile {
    fn answering(answer: Vec<u8>) -> Hostile {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let requests = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                answer_one(stream, &answer);
            }
        });
        Hostile { url, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// Reads the head of a request and answers. The other side may hang up in the middle, as it should.
fn answer_one(mut stream: TcpStream, answer: &[u8]) {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) => return,
            Ok(n) => head.extend_from_slice(&buffer[..n]),
        }
    }
    drop(stream.write_all(answer));
}

/// A gzip stream that unpacks to at least so many zeros: one literal, then copies of 258 bytes from one back, thirteen
/// bits each.
fn bomb(unpacked_bytes: u64) -> Vec<u8> {
    let mut bits: Vec<bool> = vec![true, true, false];
    bits.extend([false, false, true, true, false, false, false, false]);
    let copy = [true, true, false, false, false, true, false, true, false, false, false, false, false];
    (0..=unpacked_bytes / 258).for_each(|_| bits.extend(copy));
    bits.extend([false; 7]);
    let header = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let body = bits.chunks(8).map(|byte| byte.iter().rev().fold(0, |value, bit| value << 1 | u8::from(*bit)));
    header.into_iter().chain(body).collect()
}

#[test]
fn an_answer_that_unpacks_to_too_much_is_cut_off_at_the_limit_and_not_retried() {
    let packed = bomb(8 * BODY_BYTES_MAX);
    assert!((packed.len() as u64) < BODY_BYTES_MAX / 4);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n", packed.len());
    let hostile = Hostile::answering([head.into_bytes(), packed].concat());
    let tenant = Tenant::of(small_world(), Default::default());
    let ran = tenant.run_with(&["sync", "--only", "image_jobs"], &[("HCLAKE_ENDPOINT_URL", &hostile.url)]);
    ran.exits(1).says(&[&format!("a body over {BODY_BYTES_MAX} bytes")]);
    assert_eq!(hostile.requests(), 1);
    assert!(!tenant.store().exists());
}

#[test]
fn signed_requests_do_not_follow_redirects() {
    let elsewhere = Hostile::answering(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec());
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let answer =
            format!("HTTP/1.1 {status}\r\nlocation: {}/v3/projects\r\ncontent-length: 0\r\n\r\n", elsewhere.url);
        let pointing = Hostile::answering(answer.into_bytes());
        let tenant = Tenant::of(small_world(), Default::default());
        let ran = tenant.run_with(&["sync", "--only", "image_jobs"], &[("HCLAKE_ENDPOINT_URL", &pointing.url)]);
        ran.exits(1).says(&["which is not followed"]);
        assert_eq!(pointing.requests(), 1, "{status}");
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_endless_headers_is_refused() {
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    (0..10_000).for_each(|n| answer.extend_from_slice(format!("x-filler-{n}: {n}\r\n").as_bytes()));
    answer.extend_from_slice(b"content-length: 2\r\n\r\n{}");
    let hostile = Hostile::answering(answer);
    let credentials = Credentials::AkSk { ak: "ak".into(), sk: Secret::new("sk"), security_token: None };
    let rate = RateSettings { rate_per_s: BTreeMap::new(), in_flight: 1 };
    let settings = ClientSettings {
        overrides: EndpointOverrides { all: Some(hostile.url.clone()), ..Default::default() },
        retry: RetryLimits { attempts_max: 1, ..RetryLimits::default() },
        ..ClientSettings::new(credentials, rate, Duration::from_secs(10), Duration::from_secs(35))
    };
    let call = Call {
        service: built_in("workspace"),
        region: "ap-southeast-3".into(),
        method: Method::Get,
        path: "/v1".into(),
        query: Vec::new(),
        body: None,
        project_id: None,
        permission: None,
    };
    let client = Client::new(settings, SystemClock::shared()).expect("sound settings");
    let sent = client.send(&call, |_| Ok(())).await;
    let Err(error @ Error::Unreachable { .. }) = sent.result else { panic!("{:?}", sent.result) };
    assert!(error.to_string().contains("the answer has more than 100 headers"), "{error}");
}

#[test]
fn a_very_deeply_nested_page_is_refused_or_read_without_a_crash() {
    let deep = "[".repeat(1_000_000);
    let catalog = Catalog::builtin().expect("sound");
    let envelope = Envelope::new(catalog.get("image_jobs").expect("built in"));
    for body in [deep.clone(), format!("{{\"other\":{deep}"), format!("{{\"items\":[{{\"id\":{deep}")] {
        assert!(envelope.read(&Reply::of_body(&Bytes::from(body))).is_err());
    }
    let closed = format!("{{\"items\":[{{\"id\":{}{}}}]}}", "[".repeat(100_000), "]".repeat(100_000));
    if let Ok((page, facts)) = envelope.read(&Reply::of_body(&Bytes::from(closed))) {
        assert_eq!((facts.rows.len(), facts.rows[0].key), (1, None));
        assert_eq!(envelope.key_of(page.row(0)), None);
    }
}

#[test]
fn only_the_owner_can_read_each_file_and_the_folder_keeps_its_mode() {
    let tenant = Tenant::new();
    let mode = |path: &std::path::Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    fs::set_permissions(tenant.folder(), fs::Permissions::from_mode(0o755)).expect("set");
    tenant.sync().exits(0);
    tenant.advance();
    tenant.sync().exits(0);
    assert_eq!(mode(tenant.folder()), 0o755);
    for entry in fs::read_dir(tenant.folder()).expect("the folder") {
        let path = entry.expect("readable").path();
        let is_ours = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("hclake.duckdb"));
        assert!(!is_ours || mode(&path) == 0o600, "{}: {:o}", path.display(), mode(&path));
    }
}
