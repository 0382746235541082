//! What the body of an error says, in any of the six shapes in which the services say it, or as the web page that
//! something on the way put in its place. It knows nothing of what to do about it.

use serde_json::Value;

/// Characters kept of a body that is no known error.
const BODY_CHARS_MAX: usize = 200;
/// Characters kept of an error's own text.
pub const MESSAGE_CHARS_MAX: usize = 500;
/// Characters kept of a page's title.
const TITLE_CHARS_MAX: usize = 80;

/// What the body of an error says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Complaint {
    pub code: Option<String>,
    pub message: Option<String>,
    pub request_id: Option<String>,
    /// It is a web page.
    pub is_page: bool,
}

impl Complaint {
    /// Reads any of the known shapes; `None` where the body is none of them.
    pub fn read(body: &[u8]) -> Option<Complaint> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let nested = match &body {
            Value::Array(items) => items.first(),
            object => [&object["error"], &object["errors"][0]].into_iter().find(|inner| !inner.is_null()),
        };
        let mut found = Complaint::of(&body);
        if let Some(nested) = nested {
            found.fill(Complaint::of(nested));
            found.fill(Complaint { message: nested.as_str().and(shown(nested)), ..Complaint::default() });
        }
        (found.code.is_some() || found.message.is_some()).then_some(found)
    }

    /// Whatever the body holds, as far as it can be shown.
    pub fn read_or_quote(body: &[u8]) -> Complaint {
        Complaint::read(body).unwrap_or_else(|| {
            let text = String::from_utf8_lossy(body);
            let is_page = text.trim_start().starts_with('<');
            let text = if is_page { page(&text) } else { clean(&text, BODY_CHARS_MAX) };
            Complaint { message: (!text.is_empty()).then_some(text), is_page, ..Complaint::default() }
        })
    }

    fn of(value: &Value) -> Complaint {
        let first = |names: &[&str]| names.iter().find_map(|name| shown(&value[*name]));
        Complaint {
            code: first(&["error_code", "errorCode", "code"]),
            message: first(&["error_msg", "errorMsg", "errorMessage", "message"]),
            request_id: first(&["request_id"]),
            is_page: false,
        }
    }

    fn fill(&mut self, other: Complaint) {
        self.code = self.code.take().or(other.code);
        self.message = self.message.take().or(other.message);
        self.request_id = self.request_id.take().or(other.request_id);
    }

    /// The status that the gateway gives this code, for an error that came as a 200.
    pub fn status(&self) -> Option<u16> {
        Some(match gateway_number(self.code.as_deref()?)? {
            "0301" | "0303" | "0305" | "0307" => 401,
            "0302" | "0306" | "0310" | "0801" | "0802" => 403,
            "0101" | "0103" => 404,
            "0308" => 429,
            _ => return None,
        })
    }
}

/// A web page in a few words: that it is one, and its title.
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
pub(super) fn gateway_number(code: &str) -> Option<&str> {
    code.strip_prefix("APIGW.").or_else(|| code.strip_prefix("APIG."))
}

/// A text or a number; anything else says nothing.
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

/// Code and message that an error's body is taken to hold; for tests that feed it anything.
#[doc(hidden)]
pub fn complaint_in(body: &[u8]) -> (Option<String>, Option<String>) {
    let complaint = Complaint::read_or_quote(body);
    (complaint.code, complaint.message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_web_page_is_told_by_its_title() {
        let told = |body: &str| {
            let complaint = Complaint::read_or_quote(body.as_bytes());
            assert!(complaint.is_page, "{body}");
            complaint.message.unwrap()
        };
        assert_eq!(
            told("<!DOCTYPE html>\r\n<HTML><Title> 502\tBad Gateway\u{1b}[31m </TITLE>"),
            "a web page in place of JSON, titled `502 Bad Gateway [31m`"
        );
        assert_eq!(told(" <html><body>no title</body></html>"), "a web page in place of JSON");
        assert_eq!(told("<title>"), "a web page in place of JSON");
    }

    #[test]
    fn a_body_that_is_no_error_is_not_taken_for_one() {
        for body in [r#"{"items":[],"count":0}"#, r#"{"items":[{"code":"x"}]}"#, "[]", "{}", "7", "null", "", "<html>"]
        {
            assert_eq!(Complaint::read(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn the_codes_of_the_gateway_have_a_status() {
        let status = |code: &str| Complaint { code: Some(code.into()), ..Complaint::default() }.status();
        assert_eq!(status("APIGW.0308"), Some(429));
        assert_eq!(status("APIG.0301"), Some(401));
        assert_eq!(status("WKS.0308"), None);
    }

    proptest! {
        #[test]
        fn any_body_makes_one_short_line(body in prop::collection::vec(any::<u8>(), 0..600)) {
            let text = Complaint::read_or_quote(&body).message.unwrap_or_default();
            prop_assert!(text.chars().count() <= MESSAGE_CHARS_MAX);
            prop_assert!(!text.chars().any(char::is_control));
        }
    }
}
