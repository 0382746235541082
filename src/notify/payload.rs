//! The body of a request to a webhook: a message in the form that a service reads, no longer than it takes. It sends
//! nothing.

use serde_json::{Value, json};

use super::channel::Form;
use super::markup::Markup;
use super::message::Message;
use super::shorten::shortened;
use super::text::{Part, parts, title};

/// Characters of a text.
const SLACK_CHARS_MAX: usize = 40_000;
/// Bytes of a whole body.
const DINGTALK_BYTES_MAX: usize = 20_000;
/// Bytes of the content.
const WECOM_BYTES_MAX: usize = 4_096;
/// Bytes of a whole body; the signature needs about a hundred of them.
const FEISHU_BYTES_MAX: usize = 20_000 - 200;
/// Bytes of a whole body.
const TEAMS_BYTES_MAX: usize = 28_000;

/// The body for a form, without a signature.
pub(super) fn payload(form: Form, message: &Message) -> Value {
    let title = title(message);
    let parts = parts(message);
    let lines = |markup: Markup| markup.lines(Some(&title), &parts);
    match form {
        Form::Json => json!(message),
        Form::Slack => slack(shortened(lines(Markup::Slack), |lines| text_chars(lines) <= SLACK_CHARS_MAX)),
        Form::WeCom => wecom(shortened(lines(Markup::Markdown), |lines| joined(lines).len() <= WECOM_BYTES_MAX)),
        Form::DingTalk => within(DINGTALK_BYTES_MAX, lines(Markup::Markdown), |lines| dingtalk(&title, lines)),
        Form::Feishu => within(FEISHU_BYTES_MAX, below_the_title(&parts), |lines| feishu(&title, lines)),
        Form::Teams => within(TEAMS_BYTES_MAX, below_the_title(&parts), |lines| teams(&title, lines)),
    }
}

/// For services whose cards have a title of their own.
fn below_the_title(parts: &[Part]) -> Vec<String> {
    Markup::Loose.lines(None, parts)
}

/// The body with as many of the lines as its size allows.
fn within(bytes_max: usize, lines: Vec<String>, body: impl Fn(&[String]) -> Value) -> Value {
    body(&shortened(lines, |lines| body(lines).to_string().len() <= bytes_max))
}

fn joined(lines: &[String]) -> String {
    lines.join("\n")
}

fn text_chars(lines: &[String]) -> usize {
    joined(lines).chars().count()
}

fn slack(lines: Vec<String>) -> Value {
    json!({
        "text": joined(&lines),
        "mrkdwn": true,
        "parse": "none",
        "link_names": false,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn wecom(lines: Vec<String>) -> Value {
    json!({ "msgtype": "markdown", "markdown": { "content": joined(&lines) } })
}

/// DingTalk joins lines that no empty line separates.
fn dingtalk(title: &str, lines: &[String]) -> Value {
    let text = lines.join("\n\n");
    json!({ "msgtype": "markdown", "markdown": { "title": title, "text": text }, "at": { "isAtAll": false } })
}

/// A card of plain text, in which nothing is a mention or a link.
fn feishu(title: &str, lines: &[String]) -> Value {
    json!({
        "msg_type": "interactive",
        "card": {
            "header": { "title": { "tag": "plain_text", "content": title } },
            "elements": [{ "tag": "div", "text": { "tag": "plain_text", "content": joined(lines) } }],
        },
    })
}

/// An Adaptive Card of text runs. Text blocks would read Markdown.
fn teams(title: &str, lines: &[String]) -> Value {
    let block = |text: &String| json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": text }] });
    let title = json!({ "type": "TextRun", "text": title, "weight": "Bolder", "size": "Medium" });
    let head = json!({ "type": "RichTextBlock", "inlines": [title] });
    let body: Vec<Value> = std::iter::once(head).chain(lines.iter().map(block)).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": body,
            },
        }],
    })
}
