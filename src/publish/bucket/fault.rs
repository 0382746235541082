//! What went wrong with a bucket, by the code that the service answered with. It asks nothing.

use std::error::Error as _;

use super::cause::BucketFault;
use crate::publish::error::Error;

/// Codes of S3 and OBS, and what they mean here.
const CODES: [(&str, BucketFault); 19] = [
    ("NoSuchBucket", BucketFault::NoBucket),
    ("AccessDenied", BucketFault::Denied),
    ("AllAccessDisabled", BucketFault::Denied),
    ("InvalidAccessKeyId", BucketFault::UnknownKey),
    ("NotSignedUp", BucketFault::UnknownKey),
    ("SignatureDoesNotMatch", BucketFault::WrongSignature),
    ("InvalidSecurity", BucketFault::WrongSignature),
    ("ExpiredToken", BucketFault::Expired),
    ("InvalidToken", BucketFault::Expired),
    ("TokenRefreshRequired", BucketFault::Expired),
    ("RequestTimeTooSkewed", BucketFault::Clock),
    ("PermanentRedirect", BucketFault::WrongPlace),
    ("AuthorizationHeaderMalformed", BucketFault::WrongPlace),
    ("VirtualHostDomainRequired", BucketFault::WrongPlace),
    ("IncorrectEndpoint", BucketFault::WrongPlace),
    ("NotImplemented", BucketFault::NotSupported),
    ("NoSuchKey", BucketFault::Missing),
    ("SlowDown", BucketFault::Throttled),
    ("ServiceUnavailable", BucketFault::Throttled),
];

/// Longest part of an answer that is shown, in characters.
const SHOWN_CHARS_MAX: usize = 300;

pub(super) fn of(name: &str, action: &'static str, error: &object_store::Error) -> Error {
    let text = chain(error);
    let code = code_of(&text);
    let fault = code.and_then(known).unwrap_or_else(|| by_kind(error, &text));
    let said = match (code, message_of(&text)) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => innermost(error),
    };
    Error::Bucket { name: name.trim_end_matches('/').to_owned(), action, fault, said: shown(&said) }
}

/// An object that is not there, in a bucket that is.
pub(super) fn is_missing_object(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotFound { .. }) && code_of(&chain(error)) != Some("NoSuchBucket")
}

fn known(code: &str) -> Option<BucketFault> {
    CODES.iter().find(|(name, _)| *name == code).map(|(_, fault)| *fault)
}

fn by_kind(error: &object_store::Error, text: &str) -> BucketFault {
    match error {
        object_store::Error::NotFound { .. } => BucketFault::Missing,
        object_store::Error::PermissionDenied { .. } => BucketFault::Denied,
        object_store::Error::Unauthenticated { .. } => BucketFault::UnknownKey,
        object_store::Error::NotImplemented { .. } | object_store::Error::NotSupported { .. } => {
            BucketFault::NotSupported
        }
        _ if text.contains("redirect without LOCATION") => BucketFault::WrongPlace,
        _ if text.contains("status code: 501") => BucketFault::NotSupported,
        _ if ["error sending request", "error trying to connect", "dns error", "timed out"]
            .iter()
            .any(|sign| text.contains(sign)) =>
        {
            BucketFault::NoConnection
        }
        _ => BucketFault::Other,
    }
}

/// The texts of an error and all its causes.
fn chain(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str("; ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

fn innermost(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = inner.to_string();
        cause = inner.source();
    }
    text
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(from)?;
    rest.split_once(to).map(|(inner, _)| inner)
}

fn code_of(text: &str) -> Option<&str> {
    between(text, "<Code>", "</Code>")
}

fn message_of(text: &str) -> Option<&str> {
    between(text, "<Message>", "</Message>")
}

fn shown(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match line.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    #[test]
    fn an_answer_is_named_by_its_code_and_shown_in_one_line_of_limited_length() {
        let long = "x".repeat(1_000);
        let text =
            format!("status 403: <Error><Code>RequestTimeTooSkewed</Code><Message>off\nby {long}</Message></Error>");
        let Error::Bucket { fault, said, name, .. } = of("s3://lake/", "put", &answered(&text)) else { panic!() };
        assert_eq!((fault, name.as_str()), (BucketFault::Clock, "s3://lake"));
        assert!(said.starts_with("RequestTimeTooSkewed: off by xxx") && said.chars().count() == SHOWN_CHARS_MAX + 1);
    }

    #[test]
    fn answers_without_a_code_are_named_by_what_happened() {
        for (text, expected) in [
            ("error sending request for url", BucketFault::NoConnection),
            ("Received redirect without LOCATION", BucketFault::WrongPlace),
            ("Server returned non-2xx status code: 501: ", BucketFault::NotSupported),
            ("something", BucketFault::Other),
        ] {
            let Error::Bucket { fault, .. } = of("s3://lake", "put", &answered(text)) else { panic!() };
            assert_eq!(fault, expected, "{text}");
        }
    }
}
