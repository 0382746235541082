//! A mail server on this machine that takes a mail, refuses it, hangs, or breaks off at each step.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::super::channel::{Email, Tls};
use super::*;
use crate::base::secret::Secret;

/// In place of an answer: the server closes the connection.
const CUT: &str = "cut";
/// In place of an answer: the server says no more.
const HANG: &str = "hang";

/// What a server answers to each command.
#[derive(Clone, Copy)]
struct Script {
    greeting: &'static str,
    hello: &'static str,
    auth: &'static str,
    mail: &'static str,
    to: &'static str,
    data: &'static str,
    end: &'static str,
}

const FINE: Script = Script {
    greeting: "220 mail.example",
    hello: "250-mail.example\r\n250 AUTH PLAIN LOGIN",
    auth: "235 welcome",
    mail: "250 ok",
    to: "250 ok",
    data: "354 go on",
    end: "250 taken",
};

/// A server that follows one script a connection, and keeps the commands and the mails.
struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn of(scripts: &[Script]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Server { address: listener.local_addr().unwrap(), heard: Arc::default() };
        let (scripts, heard) = (scripts.to_vec(), server.heard.clone());
        tokio::spawn(async move {
            for script in scripts {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(talk(stream, script, heard.clone()));
            }
            std::future::pending::<()>().await;
        });
        server
    }

    fn email(&self) -> Email {
        Email {
            host: "127.0.0.1".into(),
            port: self.address.port(),
            tls: Tls::None,
            user: None,
            password: None,
            from: "hclake@example.com".into(),
            to: vec!["ops@example.com".into(), "ana@example.com".into()],
        }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// Delivers, and says the waits and how many mails were sent to their end.
    async fn gets(scripts: &[Script]) -> (Delivery, Vec<u64>, usize) {
        let server = Server::of(scripts).await;
        let (delivery, waits) = delivered(&Channel::Email(server.email()), &[], &SHORT).await;
        let mails = server.heard().iter().filter(|line| *line == ".").count();
        (delivery, waits, mails)
    }
}

async fn talk(stream: TcpStream, script: Script, heard: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    let (mut answer, mut is_content) = (script.greeting, false);
    loop {
        match answer {
            "" => {}
            CUT => return,
            HANG => std::future::pending().await,
            answer => stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await.unwrap(),
        }
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        let line = line.trim_end().to_owned();
        heard.lock().unwrap().push(line.clone());
        (answer, is_content) = match line.split([' ', ':']).next().unwrap_or_default() {
            _ if is_content => {
                if line == "." {
                    (script.end, false)
                } else {
                    ("", true)
                }
            }
            "EHLO" => (script.hello, false),
            "AUTH" => (script.auth, false),
            "MAIL" => (script.mail, false),
            "RCPT" => (script.to, false),
            "DATA" => (script.data, script.data.starts_with('3')),
            "QUIT" => ("221 bye", false),
            _ => ("500 what?", false),
        };
    }
}

#[tokio::test]
async fn a_mail_server_gets_the_mail_for_everyone_at_once() {
    let server = Server::of(&[FINE]).await;
    let page = Attachment { name: "dashboard.html".into(), media_type: "text/html".into(), bytes: b"<p>page".to_vec() };
    let (delivery, waits) = delivered(&Channel::Email(server.email()), &[page], &SHORT).await;
    assert_eq!((delivery, waits), (Delivery::Sent, Vec::new()));
    let heard = server.heard();
    assert_eq!(
        heard[1..5],
        ["MAIL FROM:<hclake@example.com>", "RCPT TO:<ops@example.com>", "RCPT TO:<ana@example.com>", "DATA"]
    );
    for line in [
        "Subject: run 12 is partial: 1 alert, 2 troubles",
        "Message-ID: <run-12=2Eops@example.com>",
        "To: ops@example.com, ana@example.com",
        "Content-Disposition: attachment; filename=\"dashboard.html\"",
        ".",
        "QUIT",
    ] {
        assert!(heard.iter().any(|found| found == line), "{line} in {heard:#?}");
    }
}

#[tokio::test]
async fn a_mail_that_was_certainly_not_taken_is_tried_again() {
    for busy in [
        Script { greeting: "421 busy", ..FINE },
        Script { greeting: CUT, ..FINE },
        Script { greeting: HANG, ..FINE },
        Script { hello: CUT, ..FINE },
        Script { to: "451 later", ..FINE },
        Script { data: CUT, ..FINE },
    ] {
        assert_eq!(Server::gets(&[busy, FINE]).await, (Delivery::Sent, vec![2], 1));
    }
    let full = Script { end: "452 the disk is full", ..FINE };
    assert_eq!(Server::gets(&[full, FINE]).await, (Delivery::Sent, vec![2], 2));
    let (delivery, waits, mails) = Server::gets(&[full, full, full]).await;
    assert_eq!(failed(delivery), "127.0.0.1: answered 452: the disk is full (attempt 3 of 3)");
    assert_eq!((waits, mails), (vec![2, 4], 3));
}

#[tokio::test]
async fn a_mail_that_is_refused_fails_at_once() {
    for (script, why) in [
        (Script { mail: "550 not you", ..FINE }, "answered 550: not you"),
        (Script { to: "550 no such user", ..FINE }, "answered 550: no such user"),
        (Script { end: "554 spam\u{1b}[31m", ..FINE }, "answered 554: spam\\u{1b}[31m"),
    ] {
        let (delivery, waits, _) = Server::gets(&[script, FINE]).await;
        assert_eq!(failed(delivery), format!("127.0.0.1: {why}"));
        assert_eq!(waits, Vec::<u64>::new());
    }
}

#[tokio::test]
async fn a_mail_that_may_have_been_taken_is_never_sent_again() {
    for (end, why) in
        [(CUT, "no answer after the mail: incomplete response"), (HANG, "no answer after the mail within 3 s")]
    {
        let (delivery, waits, mails) = Server::gets(&[Script { end, ..FINE }, FINE]).await;
        assert_eq!(unknown(delivery), format!("127.0.0.1: {why}"));
        assert_eq!((waits, mails), (Vec::new(), 1));
    }
}

#[tokio::test]
async fn a_password_is_used_and_never_shown() {
    let signed_in = |server: &Server| {
        let (user, password) = (Some("hclake".to_owned()), Some(Secret::new("canary-password")));
        Channel::Email(Email { user, password, ..server.email() })
    };
    let server = Server::of(&[FINE]).await;
    let channel = signed_in(&server);
    assert_eq!(delivered(&channel, &[], &SHORT).await.0, Delivery::Sent);
    // base64 of `\0hclake\0canary-password`.
    assert_eq!(server.heard()[1], "AUTH PLAIN AGhjbGFrZQBjYW5hcnktcGFzc3dvcmQ=");
    assert!(!format!("{channel:?}").contains("canary"), "{channel:?}");
    let echo = Script { auth: "535 wrong: AGhjbGFrZQBjYW5hcnktcGFzc3dvcmQ= is canary-password", ..FINE };
    let server = Server::of(&[echo]).await;
    let why = failed(delivered(&signed_in(&server), &[], &SHORT).await.0);
    assert!(why.starts_with("127.0.0.1: answered 535: wrong: ") && why.ends_with(" is ***"), "{why}");
    assert!(!why.contains("Y2FuYXJ5") && !why.contains("jYW5hcnkt"), "{why}");
}

#[tokio::test]
async fn without_the_protection_that_was_asked_for_nothing_is_sent() {
    let server = Server::of(&[FINE]).await;
    let (user, password) = (Some("hclake".to_owned()), Some(Secret::new("canary-password")));
    let email = Email { tls: Tls::StartTls, user, password, ..server.email() };
    let why = failed(delivered(&Channel::Email(email), &[], &SHORT).await.0);
    assert_eq!(why, "127.0.0.1: STARTTLS is not supported on this server");
    assert!(!server.heard().concat().contains("AUTH"));
    let plain = Email { host: "mail.example".into(), ..server.email() };
    let why = failed(delivered(&Channel::Email(plain), &[], &SHORT).await.0);
    assert_eq!(why, "mail.example: mail without TLS is for this machine itself; use STARTTLS");
    let nameless = Email { password: Some(Secret::new("canary-password")), ..server.email() };
    let why = failed(delivered(&Channel::Email(nameless), &[], &SHORT).await.0);
    assert_eq!(why, "127.0.0.1: a user and a password go together");
    let open = Server::of(&[FINE]).await;
    let implicit = Email { tls: Tls::Implicit, ..open.email() };
    let (delivery, _) = delivered(&Channel::Email(implicit), &[], &Limits { attempts: 1, ..SHORT }).await;
    let why = failed(delivery);
    assert!(why.starts_with("127.0.0.1: no connection: "), "{why}");
}
