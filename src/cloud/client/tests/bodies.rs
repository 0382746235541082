//! Bodies: compressed ones, cut ones, ones with bytes after their end, and how large and slow they may be.

use super::*;

#[tokio::test]
async fn a_gzipped_body_is_decompressed() {
    let packed = hex::decode(GOOD_GZIPPED).unwrap();
    let (sent, _) = sent(vec![Reply::new(200, &[("content-encoding", "gzip")], &packed)]).await;
    assert_eq!((sent.result.unwrap(), sent.attempts[0].bytes), (3, GOOD.len() as u64));
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    io::Write::write_all(&mut encoder, body).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_gzipped_body_with_bytes_after_its_end_is_broken_and_requested_again() {
    let good = packed(GOOD.as_bytes());
    let spoiled = |change: fn(&mut Vec<u8>)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    for (name, body) in [
        ("a second member", [good.clone(), good.clone()].concat()),
        ("a second member of blanks", [good.clone(), packed(b"  ")].concat()),
        ("a second member of nothing", [good.clone(), packed(b"")].concat()),
        ("garbage", [good.clone(), b"garbage".to_vec()].concat()),
        ("zeros", [good.clone(), vec![0; 8]].concat()),
        ("the start of a member", [good.clone(), vec![0x1f]].concat()),
        (
            "a wrong checksum",
            spoiled(|body| {
                let at = body.len() - 5;
                body[at] ^= 1;
            }),
        ),
        ("no end", spoiled(|body| body.truncate(body.len() - 9))),
        ("no checksum", spoiled(|body| body.truncate(body.len() - 8))),
        ("no gzip", GOOD.as_bytes().to_vec()),
    ] {
        let reply = || Reply::new(200, &[("content-encoding", "gzip")], &body);
        let (again, _) = sent(vec![reply(), Reply::json(200, GOOD)]).await;
        assert_eq!((again.attempts.len(), again.result.ok()), (2, Some(3)), "{name}");
        let (never, _) = sent(vec![reply(); 5]).await;
        let error = never.result.unwrap_err();
        let Error::UnusableBody { fault, .. } = &error else { panic!("{name}: {error}") };
        assert!(matches!(fault, BodyFault::Cut(_) | BodyFault::Contradictory(_)), "{name}: {error}");
    }
}

#[tokio::test]
async fn what_follows_a_body_is_never_taken_for_the_next_answer() {
    let forged = r#"{"items":[9],"count":1}"#;
    let splitting = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{GOOD}HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{forged}",
        GOOD.len(),
        forged.len()
    );
    for _ in 0..50 {
        let server = Server::start(vec![Reply::raw(splitting.clone()), Reply::json(200, GOOD)]).await;
        let client = client(&server);
        for _ in 0..2 {
            assert_eq!(client.send(&call(), items).await.result.unwrap(), 3);
        }
        assert_eq!(server.requests().len(), 2);
    }
}

#[tokio::test]
async fn a_body_in_an_encoding_that_was_not_requested_is_broken() {
    for name in ["br", "deflate", "gzip, gzip"] {
        let (sent, _) = sent(vec![Reply::new(200, &[("content-encoding", name)], GOOD.as_bytes()); 5]).await;
        let text = sent.result.unwrap_err().to_string();
        assert!(text.contains(&format!("packed as `{name}`")), "{text}");
    }
    let (plain, _) = sent(vec![Reply::new(200, &[("content-encoding", "identity")], GOOD.as_bytes())]).await;
    assert_eq!(plain.result.unwrap(), 3);
}

#[tokio::test]
async fn two_totals_in_the_headers_make_an_answer_broken() {
    let ranges = |one, other| {
        let headers = [("content-range", one), ("content-range", other)];
        vec![Reply::new(200, &headers, GOOD.as_bytes()), Reply::json(200, GOOD)]
    };
    assert_eq!(sent(ranges("0-2/3", "0-2/9")).await.0.attempts.len(), 2);
    assert_eq!(sent(ranges("0-2/3", "0-2/3")).await.0.attempts.len(), 1);
}

#[tokio::test]
async fn a_gzipped_error_is_read() {
    let body = packed(REFUSED.as_bytes());
    let (sent, _) = sent(vec![Reply::new(403, &[("content-encoding", "gzip")], &body)]).await;
    assert!(sent.result.unwrap_err().to_string().contains("verify aksk signature fail"));
}

#[tokio::test]
async fn a_body_over_the_limit_is_cut_off_and_not_requested_again() {
    let server = Server::start(vec![Reply::new(200, &[], &[b' '; 2000])]).await;
    let mut settings = settings(server.port);
    settings.body_bytes_max = 1999;
    let sent = Client::new(settings, TestClock::shared()).unwrap().send(&call(), items).await;
    let error = sent.result.unwrap_err();
    assert!(error.to_string().ends_with("answered 200 with a body over 1999 bytes"), "{error}");
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn the_limit_counts_the_decompressed_body() {
    let packed = hex::decode(BLANKS_GZIPPED).unwrap();
    let server = Server::start(vec![Reply::new(200, &[("content-encoding", "gzip")], &packed)]).await;
    let mut settings = settings(server.port);
    settings.body_bytes_max = 50_000;
    assert!(packed.len() < 50_000);
    let sent = Client::new(settings, TestClock::shared()).unwrap().send(&call(), items).await;
    assert!(matches!(sent.result, Err(Error::UnusableBody { fault: BodyFault::TooLarge { .. }, .. })));
}

#[tokio::test]
async fn a_body_that_drips_ends_with_the_budget_of_its_call() {
    let server = Server::start(vec![Reply::json(200, GOOD).dripping_ms(5)]).await;
    let mut settings = settings(server.port);
    settings.retry.budget = Duration::from_millis(60);
    let sent = Client::new(settings, TestClock::shared()).unwrap().send(&call(), items).await;
    assert_eq!(sent.attempts.len(), 1);
    match sent.result.unwrap_err() {
        Error::Timeout { after, .. } => assert!(after >= Duration::from_millis(60), "{after:?}"),
        other => panic!("{other:?}"),
    }
}
