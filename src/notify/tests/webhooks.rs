//! Webhooks on this machine that take a message, refuse it, hang, or break off.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::channel::{Form, Webhook};
use super::*;
use crate::base::secret::Secret;

const TOKEN: &str = "T0123456789/canary-0123456789abcdef";

/// What a server does with a request that it has read.
#[derive(Clone)]
enum Act {
    /// Status line, headers and body.
    Answer(String),
    /// Sends this and closes the connection.
    Cut(&'static str),
    Hang,
}

fn answer(status: &str, headers: &str, body: &str) -> Act {
    Act::Answer(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()))
}

/// A server that does one thing after another, a connection for each, and keeps what was asked.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn of(acts: &[Act]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server { address: listener.local_addr().unwrap(), requests: Arc::default() };
        let (acts, requests) = (acts.to_vec(), server.requests.clone());
        tokio::spawn(async move {
            let mut open = Vec::new();
            for act in acts {
                let (mut stream, _) = listener.accept().await.unwrap();
                let read = request(&mut stream).await;
                requests.lock().unwrap().push(read);
                match act {
                    Act::Answer(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                    Act::Cut(text) => stream.write_all(text.as_bytes()).await.unwrap(),
                    Act::Hang => open.push(stream),
                }
            }
            std::future::pending::<()>().await;
        });
        server
    }

    fn channel(&self, form: Form, sign: Option<&str>) -> Channel {
        let url = Secret::new(format!("http://{}/services/{TOKEN}?access_token=canary-query", self.address));
        Channel::Webhook(Webhook { form, url, sign: sign.map(Secret::new) })
    }

    /// Delivers, and says the waits and how many requests there were.
    async fn gets(acts: &[Act], form: Form) -> (Delivery, Vec<u64>, usize) {
        let server = Server::of(acts).await;
        let (delivery, waits) = delivered(&server.channel(form, None), &[], &SHORT).await;
        let requests = server.requests.lock().unwrap().len();
        (delivery, waits, requests)
    }
}

/// A whole request.
async fn request(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 8192];
        let more = stream.read(&mut buffer).await.unwrap();
        read.extend_from_slice(&buffer[..more]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if more == 0 {
                return text;
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
        if more == 0 || body.len() >= length.unwrap_or(0) {
            return text;
        }
    }
}

#[tokio::test]
async fn a_webhook_gets_one_post_with_the_message() {
    let server = Server::of(&[answer("204 No Content", "", "")]).await;
    let (delivery, waits) = delivered(&server.channel(Form::Json, None), &[], &SHORT).await;
    assert_eq!((delivery, waits), (Delivery::Sent, Vec::new()));
    let request = server.requests.lock().unwrap().concat();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with(&format!("POST /services/{TOKEN}?access_token=canary-query HTTP/1.1\r\n")), "{head}");
    assert!(head.contains("content-type: application/json; charset=utf-8"), "{head}");
    let read: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(read, serde_json::to_value(message()).unwrap());
}

#[tokio::test]
async fn what_was_certainly_not_taken_is_tried_again_a_few_times() {
    let (down, ok) = (answer("500 Internal Server Error", "", "down"), answer("200 OK", "", "ok"));
    let (delivery, waits, requests) = Server::gets(&[down.clone(), ok.clone()], Form::Slack).await;
    assert_eq!((delivery, waits, requests), (Delivery::Sent, vec![2], 2));
    let (delivery, waits, requests) = Server::gets(&[down.clone(), down.clone(), down], Form::Slack).await;
    assert_eq!(failed(delivery), "127.0.0.1: answered 500: down (attempt 3 of 3)");
    assert_eq!((waits, requests), (vec![2, 4], 3));
    let later = |seconds| answer("429 Too Many Requests", &format!("Retry-After: {seconds}\r\n"), "");
    let (delivery, waits, requests) = Server::gets(&[later(7), ok.clone()], Form::Slack).await;
    assert_eq!((delivery, waits, requests), (Delivery::Sent, vec![7], 2));
    let (delivery, waits, requests) = Server::gets(&[later(3600), ok.clone()], Form::Slack).await;
    assert_eq!(failed(delivery), "127.0.0.1: answered 429; it asks to wait 3600 s");
    assert_eq!((waits, requests), (Vec::new(), 1));
    let (fast, taken) = (r#"{"errcode":130101,"errmsg":"send too fast"}"#, r#"{"errcode":0,"errmsg":"ok"}"#);
    let acts = [answer("200 OK", "", fast), answer("200 OK", "", taken)];
    assert_eq!(Server::gets(&acts, Form::DingTalk).await, (Delivery::Sent, vec![2], 2));
}

#[tokio::test]
async fn no_connection_is_tried_again_and_then_reported() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server { address: listener.local_addr().unwrap(), requests: Arc::default() };
    drop(listener);
    let (delivery, waits) = delivered(&server.channel(Form::Json, None), &[], &SHORT).await;
    assert_eq!(failed(delivery), "127.0.0.1: no connection: Connection refused (os error 111) (attempt 3 of 3)");
    assert_eq!(waits, [2, 4]);
}

#[tokio::test]
async fn a_server_without_tls_gets_nothing_over_https() {
    let server = Server::of(&[Act::Cut("HTTP/1.1 400 Bad Request\r\n\r\n"), Act::Cut("\r\n"), Act::Cut("")]).await;
    let url = Secret::new(format!("https://{}/{TOKEN}", server.address));
    let channel = Channel::Webhook(Webhook { form: Form::Json, url, sign: None });
    let (delivery, waits) = delivered(&channel, &[], &SHORT).await;
    let why = failed(delivery);
    assert!(why.starts_with("127.0.0.1: no connection: ") && !why.contains("canary"), "{why}");
    assert_eq!(waits, [2, 4]);
    assert!(!server.requests.lock().unwrap().concat().contains("run 12"));
}

#[tokio::test]
async fn what_another_attempt_would_not_change_fails_at_once() {
    let moved = "Location: http://127.0.0.1:9/elsewhere\r\n";
    let wrong = r#"{"errcode":310000,"errmsg":"sign not match"}"#;
    for (act, form, why) in [
        (answer("404 Not Found", "", "no_service"), Form::Slack, "answered 404: no_service"),
        (answer("302 Found", moved, ""), Form::Json, "answered 302: a redirect, which is not followed"),
        (answer("200 OK", "", wrong), Form::DingTalk, "refused with errcode 310000: sign not match"),
    ] {
        let (delivery, waits, requests) = Server::gets(&[act.clone(), act], form).await;
        assert_eq!(failed(delivery), format!("127.0.0.1: {why}"));
        assert_eq!((waits, requests), (Vec::new(), 1));
    }
}

#[tokio::test]
async fn what_may_have_arrived_is_never_sent_again() {
    let half = "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n{\"errcode\":0";
    let gateway = answer("504 Gateway Timeout", "", "");
    for (act, form, why) in [
        (Act::Hang, Form::Json, "no answer within 3 s"),
        (Act::Cut(""), Form::Json, "no answer: connection closed before message completed"),
        (Act::Cut("HTTP/1.1 20"), Form::Json, "no answer: connection closed before message completed"),
        (Act::Cut(half), Form::WeCom, "the answer 200 was cut off"),
        (gateway, Form::Slack, "answered 504"),
        (answer("200 OK", "", "<html>sign in"), Form::Feishu, "answered 200 without `code`: a web page"),
    ] {
        let (delivery, waits, requests) = Server::gets(&[act.clone(), act], form).await;
        assert_eq!(unknown(delivery), format!("127.0.0.1: {why}"));
        assert_eq!((waits, requests), (Vec::new(), 1));
    }
    let (delivery, _, _) = Server::gets(&[Act::Cut(half)], Form::Slack).await;
    assert_eq!(delivery, Delivery::Sent, "the status came");
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let long = "x".repeat(10_000_000);
    let (delivery, _, _) =
        Server::gets(&[Act::Answer(format!("HTTP/1.1 403 Forbidden\r\n\r\n{long}"))], Form::Slack).await;
    assert!(failed(delivery).len() < 300);
}

#[tokio::test]
async fn messages_are_signed_where_the_service_wants_it() {
    let server = Server::of(&[answer("200 OK", "", r#"{"errcode":0}"#), answer("200 OK", "", r#"{"code":0}"#)]).await;
    for form in [Form::DingTalk, Form::Feishu] {
        let (delivery, _) = delivered(&server.channel(form, Some("SEC0123456789abcdef")), &[], &SHORT).await;
        assert_eq!(delivery, Delivery::Sent);
    }
    let requests = server.requests.lock().unwrap().clone();
    let query =
        "?access_token=canary-query&timestamp=1764122400123&sign=wuLupK%2F6gxAtun3rNkqadWOtE1Q04HnMHASWogPTygk%3D ";
    assert!(requests[0].contains(query), "{}", requests[0]);
    let body: serde_json::Value = serde_json::from_str(requests[1].split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(
        (&body["timestamp"], &body["sign"]),
        (&"1764122400".into(), &"u8xNa4DxWE4+H8BDqqn8D1ngKuQ846D6I2Az56ImRnQ=".into())
    );
}

#[tokio::test]
async fn the_address_is_shown_nowhere() {
    let echo =
        format!("no route /services/{TOKEN} for access_token=canary-query, canary-0123456789abcdef, SEC-canary-key");
    let server = Server::of(&[answer("404 Not Found", "", &echo)]).await;
    let channel = server.channel(Form::DingTalk, Some("SEC-canary-key"));
    let why = failed(delivered(&channel, &[], &SHORT).await.0);
    assert!(why.starts_with("127.0.0.1: answered 404: no route ***"), "{why}");
    assert!(!why.contains("canary") && !format!("{channel:?}").contains("canary"), "{why} {channel:?}");
}

#[tokio::test]
async fn addresses_that_cannot_be_used_are_refused_without_being_repeated() {
    for (url, why) in [
        ("http://hooks.example/canary-1", "hooks.example: plain http is for this machine itself; use https"),
        ("http://127.0.0.1.example/canary-1", "127.0.0.1.example: plain http is for this machine itself; use https"),
        ("ftp://127.0.0.1/canary-1", "the address must begin with https:"),
        ("canary-1", "the address is no URL (relative URL without a base)"),
        ("https:", "the address is no URL (empty host)"),
    ] {
        let channel = Channel::Webhook(Webhook { form: Form::Json, url: Secret::new(url), sign: None });
        assert_eq!(failed(delivered(&channel, &[], &SHORT).await.0), why);
    }
}

#[tokio::test]
async fn a_delivery_can_run_beside_others() {
    let server = Server::of(&[answer("200 OK", "", "ok")]).await;
    let channel = server.channel(Form::Slack, None);
    let clock: SharedClock = Quick::new();
    let task = tokio::spawn(async move { deliver(&channel, &message(), &[], &SHORT, &clock).await });
    assert_eq!(task.await.unwrap(), Delivery::Sent);
}
