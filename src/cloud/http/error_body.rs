//! Reads the body of an error: one of the six shapes that the services use, or a web page that a proxy or gateway sent
//! instead. It does not know what to do about an error.

use serde_json::Value;

/// Characters kept of a body that is no known error.
const BODY_CHARS_MAX: usize = 200;
/// Characters kept of an error's own text.
pub const MESSAGE_CHARS_MAX: usize = 500;
/// Characters kept of a page's title.
const TITLE_CHARS_MAX: usize = 80;

/// The content of an error's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ErrorBody {
    pub code: Option<String>,
    pub message: Option<String>,
    pub request_id: Option<String>,
    /// It is a web page.
    pub is_page: bool,
}

impl ErrorBody {
    /// Reads a known shape; `None` where the body has none of them.
    pub(crate) fn read(body: &[u8]) -> Option<ErrorBody> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let nested = match &body {
            Value::Array(items) => items.first(),
            object => [&object["error"], &object["errors"][0]].into_iter().find(|inner| !inner.is_null()),
        };
        let mut found = ErrorBody::of(&body);
        if let Some(nested) = nested {
            found.fill(ErrorBody::of(nested));
            found.fill(ErrorBody { message: nested.as_str().and(shown(nested)), ..ErrorBody::default() });
        }
        (found.code.is_some() || found.message.is_some()).then_some(found)
    }

    /// Reads a known shape, or quotes the start of the body.
    pub(crate) fn read_or_quote(body: &[u8]) -> ErrorBody {
        ErrorBody::read(body).unwrap_or_else(|| {
            let text = String::from_utf8_lossy(body);
            let is_page = text.trim_start().starts_with('<');
            let text = if is_page { page(&text) } else { clean(&text, BODY_CHARS_MAX) };
            ErrorBody { message: (!text.is_empty()).then_some(text), is_page, ..ErrorBody::default() }
        })
    }

    fn of(value: &Value) -> ErrorBody {
        let first = |names: &[&str]| names.iter().find_map(|name| shown(&value[*name]));
        ErrorBody {
            code: first(&["error_code", "errorCode", "code"]),
            message: first(&["error_msg", "errorMsg", "errorMessage", "message"]),
            request_id: first(&["request_id"]),
            is_page: false,
        }
    }

    fn fill(&mut self, other: ErrorBody) {
        self.code = self.code.take().or(other.code);
        self.message = self.message.take().or(other.message);
        self.request_id = self.request_id.take().or(other.request_id);
    }

    /// Reads an error out of a good answer. A body that reports success is no error.
    pub(crate) fn in_good_answer(body: &[u8]) -> Option<ErrorBody> {
        let signal = |error: &ErrorBody| Signal::of_word(error.code.as_deref().unwrap_or_default());
        ErrorBody::read(body).filter(|error| signal(error) != Signal::Success)
    }

    /// The status that the gateway uses with this code, for an error that came with a 200.
    pub(crate) fn status(&self) -> Option<u16> {
        Some(match gateway_number(self.code.as_deref()?)? {
            "0301" | "0303" | "0305" | "0307" => 401,
            "0302" | "0306" | "0310" | "0801" | "0802" => 403,
            "0101" | "0103" => 404,
            "0308" => 429,
            _ => return None,
        })
    }
}

/// Members that hold an error and nothing else.
const WHOLE_MEMBERS: [&str; 2] = ["error", "errors"];
const CODE_MEMBERS: [&str; 2] = ["error_code", "errorCode"];
const TEXT_MEMBERS: [&str; 3] = ["error_msg", "errorMsg", "errorMessage"];
/// Members that other answers use too. Only both together show an error.
const PLAIN_MEMBERS: [&str; 2] = ["code", "message"];
/// CodeArts sets it to `failed` beside an error.
const STATUS_MEMBER: &str = "status";
/// Codes and texts of success, besides zeros and the statuses from 200.
const SUCCESS_WORDS: [&str; 4] = ["ok", "success", "successful", "succeeded"];

/// Looks for an error among the members of an answer that should hold records. It takes the members one by one, so that
/// the caller need not keep the answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ErrorMembers {
    whole: Signal,
    code: Signal,
    text: Signal,
    plain_code: Signal,
    plain_text: Signal,
    says_failed: bool,
}

/// What a member reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Signal {
    #[default]
    Absent,
    Success,
    Error,
}

impl ErrorMembers {
    /// Whether the caller must pass a member of this name to [`ErrorMembers::see`].
    pub(crate) fn watches(name: &str) -> bool {
        let names = [&WHOLE_MEMBERS[..], &CODE_MEMBERS, &TEXT_MEMBERS, &PLAIN_MEMBERS, &[STATUS_MEMBER]];
        names.iter().any(|names| names.contains(&name))
    }

    pub(crate) fn see(&mut self, name: &str, value: &Value) {
        let signal = Signal::of(value);
        let slot = match name {
            "code" => &mut self.plain_code,
            "message" => &mut self.plain_text,
            STATUS_MEMBER => return self.says_failed |= value.as_str().is_some_and(|text| text == "failed"),
            _ if WHOLE_MEMBERS.contains(&name) => &mut self.whole,
            _ if CODE_MEMBERS.contains(&name) => &mut self.code,
            _ if TEXT_MEMBERS.contains(&name) => &mut self.text,
            _ => return,
        };
        *slot = signal.max(*slot);
    }

    /// Whether there is an error. Beside records, a plain `code` or `status` may mean something else.
    pub(crate) fn is_error(&self, has_records: bool) -> bool {
        let text_counts = self.code == Signal::Absent && self.text == Signal::Error;
        let plain_counts = self.plain_code == Signal::Error && (!has_records || self.plain_text == Signal::Error);
        self.whole == Signal::Error
            || self.code == Signal::Error
            || text_counts
            || plain_counts
            || (self.says_failed && !has_records)
    }
}

impl Signal {
    fn of(value: &Value) -> Signal {
        match value {
            Value::Null | Value::Bool(false) => Signal::Absent,
            Value::Bool(true) => Signal::Error,
            Value::Number(number) if number.as_f64() == Some(0.0) => Signal::Success,
            Value::Number(number) => Signal::of_word(&number.to_string()),
            Value::String(text) => Signal::of_word(text.trim()),
            Value::Array(items) => items.iter().map(Signal::of).max().unwrap_or_default(),
            Value::Object(members) => {
                let is_code = |name: &str| name == "code" || CODE_MEMBERS.contains(&name);
                let code = members.iter().filter(|(name, _)| is_code(name)).map(|(_, value)| Signal::of(value)).max();
                match code {
                    Some(signal @ (Signal::Success | Signal::Error)) => signal,
                    _ => members.values().map(Signal::of).max().unwrap_or_default(),
                }
            }
        }
    }

    fn of_word(word: &str) -> Signal {
        let is_zero = word.bytes().all(|byte| byte == b'0');
        let is_good_status = word.len() == 3 && word.starts_with('2') && word.bytes().all(|byte| byte.is_ascii_digit());
        match word {
            "" => Signal::Absent,
            _ if is_zero || is_good_status => Signal::Success,
            _ if SUCCESS_WORDS.iter().any(|good| good.eq_ignore_ascii_case(word)) => Signal::Success,
            _ => Signal::Error,
        }
    }
}

/// Whether a JSON text is one object that reports an error.
pub(crate) fn is_error(json: &[u8]) -> bool {
    let Ok(Value::Object(members)) = serde_json::from_slice(json) else { return false };
    let mut errors = ErrorMembers::default();
    members.iter().for_each(|(name, value)| errors.see(name, value));
    errors.is_error(true)
}

/// Describes a web page: that it is one, and its title.
fn page(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|at| {
        let rest = &text[at + "<title>".len()..];
        rest.split('<').next().map(|title| clean(title, TITLE_CHARS_MAX)).filter(|title| !title.is_empty())
    });
    title.map_or_else(|| PAGE.to_owned(), |title| format!("{PAGE}, titled `{title}`"))
}

const PAGE: &str = "a web page in place of JSON";

/// The number of a code of the API gateway, in either spelling.
pub(crate) fn gateway_number(code: &str) -> Option<&str> {
    code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG."))
}

/// A text or a number; `None` for anything else.
fn shown(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => clean(text, MESSAGE_CHARS_MAX),
        Value::Number(number) => clean(&number.to_string(), MESSAGE_CHARS_MAX),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// One line without control characters.
fn clean(text: &str, chars_max: usize) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().take(chars_max).collect()
}

/// Code and message in the body of an error. For fuzz tests.
#[doc(hidden)]
pub fn code_and_message(body: &[u8]) -> (Option<String>, Option<String>) {
    let error = ErrorBody::read_or_quote(body);
    (error.code, error.message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_web_page_is_described_by_its_title() {
        let message_of = |body: &str| {
            let error = ErrorBody::read_or_quote(body.as_bytes());
            assert!(error.is_page, "{body}");
            error.message.unwrap()
        };
        assert_eq!(
            message_of("<!DOCTYPE html>\r\n<HTML><Title> 502\tBad Gateway\u{1b}[31m </TITLE>"),
            "a web page in place of JSON, titled `502 Bad Gateway [31m`"
        );
        assert_eq!(message_of(" <html><body>no title</body></html>"), "a web page in place of JSON");
        assert_eq!(message_of("<title>"), "a web page in place of JSON");
    }

    #[test]
    fn a_body_that_is_no_error_is_not_taken_for_one() {
        for body in [r#"{"items":[],"count":0}"#, r#"{"items":[{"code":"x"}]}"#, "[]", "{}", "7", "null", "", "<html>"]
        {
            assert_eq!(ErrorBody::read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn the_codes_of_the_gateway_have_a_status() {
        let status = |code: &str| ErrorBody { code: Some(code.into()), ..ErrorBody::default() }.status();
        assert_eq!(status("APIGW.0308"), Some(429));
        assert_eq!(status("APIG.0301"), Some(401));
        assert_eq!(status("WKS.0308"), None);
    }

    #[test]
    fn an_error_is_found_in_every_shape_and_success_is_none() {
        for body in [
            r#"{"error_code":"WKS.1","error_msg":"x"}"#,
            r#"{"error_code":"APIGW.0101","error_msg":"x","request_id":"r"}"#,
            r#"{"error":{"code":"Deploy.1","message":"x"},"status":"failed"}"#,
            r#"{"errors":[{"errorCode":"SVCSTG.SWR.1","errorMessage":"x","detail":""}],"error_code":null}"#,
            r#"{"errorCode":"SVCSTG.SWR.1","errorMessage":"x","detail":""}"#,
            r#"{"error":{"code":403,"message":"x","title":"Forbidden"}}"#,
            r#"{"code":"IAM.0001","message":"x"}"#,
            r#"{"error_msg":"x"}"#,
            r#"{"error":"x"}"#,
            r#"{"error":{"reason":"x"}}"#,
            r#"{"error":true}"#,
            r#"{"error_code":7}"#,
        ] {
            assert!(is_error(body.as_bytes()), "{body}");
        }
        for body in [
            r#"{}"#,
            r#"{"error_code":null,"error_msg":""}"#,
            r#"{"error_code":"0","error_msg":"success"}"#,
            r#"{"error_code":0,"error_msg":"no error"}"#,
            r#"{"error_code":0.0,"error_msg":"no error"}"#,
            r#"{"error":null,"errors":[],"status":"success"}"#,
            r#"{"error":{"code":"0","message":"all is well"}}"#,
            r#"{"error":{"code":null,"message":""}}"#,
            r#"{"errors":[{}]}"#,
            r#"{"code":200,"message":"OK"}"#,
            r#"{"code":"cn-north-4"}"#,
            r#"{"message":"no more records"}"#,
            r#"{"status":"failed"}"#,
            "7",
            "no json",
        ] {
            assert!(!is_error(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn without_records_a_plain_code_or_status_is_an_error() {
        let is_error_with = |name: &str, value: &str, has_records| {
            let mut errors = ErrorMembers::default();
            assert!(ErrorMembers::watches(name));
            errors.see(name, &Value::from(value));
            errors.is_error(has_records)
        };
        for (name, value) in [("status", "failed"), ("code", "WKS.1")] {
            assert!(is_error_with(name, value, false) && !is_error_with(name, value, true), "{name}");
        }
        assert!(!is_error_with("status", "succeeded", false) && !is_error_with("code", "0", false));
    }

    proptest! {
        #[test]
        fn any_body_makes_one_short_line(body in prop::collection::vec(any::<u8>(), 0..600)) {
            let text = ErrorBody::read_or_quote(&body).message.unwrap_or_default();
            prop_assert!(text.chars().count() <= MESSAGE_CHARS_MAX);
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
