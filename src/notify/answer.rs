//! What an answer of a webhook means: taken, not taken, or unknown. Some services answer 200 and put the error into the
//! body. It knows nothing of connections.

use std::time::Duration;

use serde_json::Value;

use super::attempt::Attempt;
use super::channel::Form;
use super::text::line;

/// Characters quoted of an answer.
const QUOTED_CHARS_MAX: usize = 200;

/// DingTalk: busy, sent too fast, too many calls.
const DINGTALK_LATER: [i64; 3] = [-1, 130_101, 410_100];
/// WeCom: busy, too many calls, too many at once.
const WECOM_LATER: [i64; 3] = [-1, 45_009, 45_033];
/// Feishu: too many calls, of the bot and of the application.
const FEISHU_LATER: [i64; 2] = [11_232, 99_991_400];

/// A whole answer, or the part of it that arrived.
pub(super) struct Answer<'a> {
    pub status: u16,
    /// The wait that it asks for.
    pub wait: Option<Duration>,
    pub body: &'a [u8],
    /// Whether the body ends before its end.
    pub is_cut: bool,
}

/// What the answer means to a message in this form.
pub(super) fn meaning(form: Form, answer: &Answer) -> Attempt {
    let status = answer.status;
    let why = || format!("answered {status}{}", quoted(answer.body));
    match status {
        200..300 => meaning_of_success(form, answer),
        300..400 => Attempt::Refused(format!("answered {status}: a redirect, which is not followed")),
        // A gateway waited for the service as long as it could: the same as a time-out of hclake's own.
        504 => Attempt::Unknown(why()),
        429 | 500.. => Attempt::Again { why: why(), wait: answer.wait },
        _ => Attempt::Refused(why()),
    }
}

fn meaning_of_success(form: Form, answer: &Answer) -> Attempt {
    let (codes, texts, later): (&[&str], &[&str], &[i64]) = match form {
        Form::Json | Form::Slack => return Attempt::Sent,
        Form::Teams => return meaning_of_teams(answer),
        Form::DingTalk => (&["errcode"], &["errmsg"], &DINGTALK_LATER),
        Form::WeCom => (&["errcode"], &["errmsg"], &WECOM_LATER),
        Form::Feishu => (&["code", "StatusCode"], &["msg", "StatusMessage"], &FEISHU_LATER),
    };
    if answer.is_cut {
        return Attempt::Unknown(format!("the answer {} was cut off", answer.status));
    }
    let body: Value = serde_json::from_slice(answer.body).unwrap_or_default();
    let Some(code) = codes.iter().find_map(|name| body[name].as_i64()) else {
        let why = format!("answered {} without `{}`{}", answer.status, codes[0], quoted(answer.body));
        return Attempt::Unknown(why);
    };
    let text = texts.iter().find_map(|name| body[name].as_str()).unwrap_or("no reason");
    let why = format!("refused with {} {code}: {}", codes[0], line(text, QUOTED_CHARS_MAX));
    match code {
        0 => Attempt::Sent,
        code if later.contains(&code) => Attempt::Again { why, wait: answer.wait },
        _ => Attempt::Refused(why),
    }
}

/// Workflows answer 202 and nothing. The older connectors answer 200 and `1`, or a sentence about what failed.
fn meaning_of_teams(answer: &Answer) -> Attempt {
    let text = String::from_utf8_lossy(answer.body);
    let why = || format!("answered {}{}", answer.status, quoted(answer.body));
    match text.contains("failed with error") {
        true if text.contains("429") => Attempt::Again { why: why(), wait: answer.wait },
        true => Attempt::Refused(why()),
        false if answer.is_cut => Attempt::Unknown(format!("the answer {} was cut off", answer.status)),
        false => Attempt::Sent,
    }
}

/// The start of a body, after a colon.
fn quoted(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match text.trim() {
        "" => String::new(),
        page if page.starts_with('<') => ": a web page".to_owned(),
        text => format!(": {}", line(text, QUOTED_CHARS_MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn means(form: Form, status: u16, body: &str) -> String {
        format!("{:?}", meaning(form, &Answer { status, wait: None, body: body.as_bytes(), is_cut: false }))
    }

    #[test]
    fn the_status_decides_where_the_service_has_no_code() {
        insta::assert_snapshot!(
            [
                means(Form::Json, 204, ""),
                means(Form::Slack, 200, "ok"),
                means(Form::Json, 302, ""),
                means(Form::Slack, 404, "no_service"),
                means(Form::Json, 429, ""),
                means(Form::Json, 500, "<html>"),
                means(Form::Json, 503, "down\r\nfor now"),
                means(Form::Json, 504, ""),
                means(Form::Teams, 202, ""),
                means(Form::Teams, 200, "1"),
                means(
                    Form::Teams,
                    200,
                    "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429"
                ),
                means(Form::Teams, 200, "Webhook message delivery failed with error: HTTP error 403"),
            ]
            .join("\n")
        );
    }

    #[test]
    fn the_code_in_the_body_decides_where_there_is_one() {
        insta::assert_snapshot!(
            [
                means(Form::DingTalk, 200, r#"{"errcode":0,"errmsg":"ok"}"#),
                means(Form::DingTalk, 200, r#"{"errcode":310000,"errmsg":"sign not match"}"#),
                means(Form::DingTalk, 200, r#"{"errcode":130101,"errmsg":"send too fast"}"#),
                means(Form::WeCom, 200, r#"{"errcode":0,"errmsg":"ok"}"#),
                means(Form::WeCom, 200, r#"{"errcode":93000,"errmsg":"invalid webhook url"}"#),
                means(Form::WeCom, 200, r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#),
                means(Form::Feishu, 200, r#"{"code":0,"msg":"success","StatusCode":0}"#),
                means(Form::Feishu, 200, r#"{"StatusCode":0,"StatusMessage":"success"}"#),
                means(
                    Form::Feishu,
                    200,
                    r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour"}"#
                ),
                means(Form::Feishu, 200, r#"{"code":11232,"msg":"frequency limited"}"#),
                means(Form::Feishu, 200, "<html>sign in</html>"),
                means(Form::WeCom, 200, r#"{"ok":true}"#),
                means(Form::DingTalk, 500, r#"{"errcode":0}"#),
            ]
            .join("\n")
        );
    }

    #[test]
    fn an_answer_that_was_cut_off_before_its_code_means_nothing() {
        let cut = |form| meaning(form, &Answer { status: 200, wait: None, body: br#"{"errcode":0"#, is_cut: true });
        for form in [Form::DingTalk, Form::WeCom, Form::Feishu, Form::Teams] {
            assert_eq!(cut(form), Attempt::Unknown("the answer 200 was cut off".to_owned()));
        }
        assert_eq!(cut(Form::Json), Attempt::Sent, "the status says it");
    }
}
