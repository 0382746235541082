//! What each service gets of a message, word for word, and how it is cut to what the service takes.

use serde_json::Value;

use super::super::channel::{Email, Form, Tls};
use super::super::letter::{Letter, letter};
use super::super::markup::Markup;
use super::super::payload::payload;
use super::super::text::{parts, title};
use super::super::{html, message::Message};
use super::*;

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

/// More than any service takes.
fn long() -> Message {
    Message { digest: (0..20_000).map(|n| format!("sentence <{n}> about 办公")).collect(), ..message() }
}

fn email() -> Email {
    Email {
        host: "127.0.0.1".into(),
        port: 25,
        tls: Tls::None,
        user: None,
        password: None,
        from: "hclake 夜 <hclake@example.com>".into(),
        to: vec!["ops@example.com".into(), "Ana Müller <ana@example.com>".into()],
    }
}

fn written(message: &Message, attachments: &[Attachment]) -> Letter {
    letter(&email(), message, attachments, &SHORT).unwrap()
}

#[test]
fn as_json() {
    insta::assert_snapshot!(serde_json::to_string_pretty(&message()).unwrap());
    assert_eq!(payload(Form::Json, &message()), serde_json::to_value(message()).unwrap());
}

/// What docs/notifications.md shows.
fn example() -> Message {
    let row = |app: &str, finished: u32, failed: u32| {
        json!({ "app": app, "finished": finished, "failed": failed }).as_object().cloned().unwrap()
    };
    Message {
        id: "/srv/hclake/hclake.duckdb@2025-11-26T01:56:00.123456Z".into(),
        at: NOW,
        store: "/srv/hclake/hclake.duckdb".into(),
        title: "hclake: run 12 partly done, 1 alert fired, 1 trouble".into(),
        run: message().run,
        alerts: vec![AlertNews {
            name: "failures".into(),
            state: AlertState::Fired,
            about: "Install failures by application".into(),
            since: Some(NOW),
            columns: ["app", "finished", "failed"].map(str::to_owned).to_vec(),
            rows: vec![row("Office", 40, 12)],
            rows_left_out: 3,
        }],
        troubles: vec![Trouble {
            kind: "partial".into(),
            text: "deploy_tasks [cn-north-4/0a1b2c] failed: codearts_deploy answered 403 Deploy.00011104".into(),
            hint: Some("the user needs the permission codeartsdeploy:task:list".into()),
        }],
        digest: vec!["3 applications are new".into()],
    }
}

#[test]
fn the_page_shows_the_json_of_a_real_message() {
    let page = include_str!("../../../docs/notifications.md");
    let json = serde_json::to_string_pretty(&example()).unwrap();
    assert!(page.contains(&format!("```json\n{json}\n```\n")), "docs/notifications.md must show:\n{json}");
}

#[test]
fn as_plain_text() {
    let message = message();
    insta::assert_snapshot!(Markup::Plain.lines(Some(&title(&message)), &parts(&message)).join("\n"));
}

#[test]
fn as_html() {
    let message = message();
    insta::assert_snapshot!(html::page(&title(&message), &parts(&message)).replace("><", ">\n<"));
}

#[test]
fn for_slack() {
    let body = payload(Form::Slack, &message());
    insta::assert_snapshot!(body["text"].as_str().unwrap().replace('\u{2060}', "^"));
    assert_eq!((&body["parse"], &body["link_names"]), (&"none".into(), &false.into()));
}

#[test]
fn for_dingtalk() {
    let body = payload(Form::DingTalk, &message());
    insta::assert_snapshot!(body["markdown"]["text"].as_str().unwrap());
    assert_eq!((&body["msgtype"], &body["at"]["isAtAll"]), (&"markdown".into(), &false.into()));
    assert_eq!(body["markdown"]["title"], message().title);
}

#[test]
fn for_wecom() {
    let body = payload(Form::WeCom, &message());
    insta::assert_snapshot!(body["markdown"]["content"].as_str().unwrap());
    assert_eq!(body["msgtype"], "markdown");
}

#[test]
fn for_feishu() {
    insta::assert_snapshot!(pretty(&payload(Form::Feishu, &message())));
}

#[test]
fn for_teams() {
    insta::assert_snapshot!(pretty(&payload(Form::Teams, &message())));
}

#[test]
fn without_a_run_and_without_anything_else() {
    let message = Message { run: None, alerts: Vec::new(), troubles: Vec::new(), digest: Vec::new(), ..message() };
    insta::assert_snapshot!(Markup::Plain.lines(Some(&title(&message)), &parts(&message)).join("\n"), @r"
    run 12 is partial: 1 alert, 2 troubles
    store: /srv/hclake/hclake.duckdb
    ");
}

/// The size that each service counts, its limit, and the text with the note.
#[test]
fn a_long_message_is_cut_to_what_each_service_takes_and_says_so() {
    let text = |body: &Value, path: &str| body.pointer(path).unwrap().as_str().unwrap().to_owned();
    let body = |form| payload(form, &long());
    let (slack, dingtalk, wecom) = (body(Form::Slack), body(Form::DingTalk), body(Form::WeCom));
    let (feishu, teams) = (body(Form::Feishu), body(Form::Teams));
    let slack_text = text(&slack, "/text");
    let wecom_text = text(&wecom, "/markdown/content");
    let teams_blocks = teams.pointer("/attachments/0/content/body").unwrap().as_array().unwrap();
    for (size, max, text) in [
        (slack_text.chars().count(), 40_000, slack_text.clone()),
        (dingtalk.to_string().len(), 20_000, text(&dingtalk, "/markdown/text")),
        (wecom_text.len(), 4_096, wecom_text.clone()),
        (feishu.to_string().len(), 20_000, text(&feishu, "/card/elements/0/text/content")),
        (teams.to_string().len(), 28_000, text(teams_blocks.last().unwrap(), "/inlines/0/text")),
    ] {
        assert!(size <= max && size > max - 300, "{size} of {max}");
        let note = text.lines().last().unwrap();
        assert!(note.starts_with("… ") && note.ends_with(" more lines left out: too long for this service"), "{note}");
    }
    assert_eq!(payload(Form::Json, &long()).pointer("/digest/19999").unwrap(), "sentence <19999> about 办公");
}

#[test]
fn one_endless_line_leaves_room_for_the_others() {
    let message = Message { title: "<".repeat(1_000_000), ..message() };
    for (_, form) in Form::ALL.into_iter().filter(|(_, form)| *form != Form::Json) {
        let body = payload(form, &message).to_string();
        assert!(body.contains("run 12") && body.len() < 40_000, "{form:?}: {} bytes", body.len());
    }
}

#[test]
fn a_mail_has_its_headers_both_texts_and_the_attachment() {
    let page =
        Attachment { name: "dash\r\nboard\".html".into(), media_type: "text/html".into(), bytes: b"<p>".to_vec() };
    let letter = written(&message(), &[page]);
    let text = String::from_utf8(letter.bytes.clone()).unwrap();
    assert!(text.is_ascii(), "any server takes it");
    let head: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    let is_random = |line: &&str| line.trim_start().starts_with("boundary=") || line.starts_with("Content-Type");
    let stable: Vec<&str> = head.into_iter().filter(|line| !is_random(line)).collect();
    insta::assert_snapshot!(stable.join("\n"));
    for piece in [
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "Content-Disposition: attachment; filename=\"dash_r_nboard_.html\"",
        "<p>",
    ] {
        assert!(text.contains(piece), "{piece} in {text}");
    }
    assert_eq!(
        letter.envelope.to().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["ops@example.com", "ana@example.com"]
    );
}

#[test]
fn no_text_becomes_a_header_of_a_mail() {
    let hostile = "a\r\nBcc: all@example.com\r\n\r\nbody";
    let message = Message { title: hostile.into(), id: hostile.into(), ..message() };
    let text = String::from_utf8(written(&message, &[]).bytes).unwrap();
    assert!(!text.lines().any(|line| line.starts_with("Bcc")), "{text}");
    let id = text.lines().find(|line| line.starts_with("Message-ID")).unwrap();
    assert_eq!(id, "Message-ID: <a=0D=0ABcc=3A=20all=40example=2Ecom=0D=0A=0D=0Abody@example.com>");
    for address in ["a@b.example\r\nBcc: c@d.example", "nobody", "ü@example.com", ""] {
        let email = Email { to: vec![address.into()], ..email() };
        let why = letter(&email, &message, &[], &SHORT).unwrap_err();
        assert!(why.contains("is no mail address"), "{why}");
    }
}

#[test]
fn attachments_that_are_too_large_are_left_out_and_named() {
    let attachment =
        |name: &str, bytes| Attachment { name: name.into(), media_type: "?".into(), bytes: vec![b'x'; bytes] };
    let letter = written(&message(), &[attachment("a", 600), attachment("b", 600), attachment("c", 400)]);
    let text = String::from_utf8(letter.bytes).unwrap();
    let named: Vec<&str> = text.lines().filter(|line| line.starts_with("Content-Disposition")).collect();
    assert_eq!(
        named,
        ["Content-Disposition: attachment; filename=\"a\"", "Content-Disposition: attachment; filename=\"c\""]
    );
    assert!(text.contains("left out, too large for a mail: b"), "{text}");
}
