//! The gateway's side of SDK-HMAC-SHA256: it computes what a caller should have signed and reports, as the gateway
//! does, what is wrong. It shares nothing with the program's own signer.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

use crate::base::clock::Timestamp;
use crate::base::secret::Secret;

const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// How far the caller's clock may be from the server's.
const TOLERANCE_S: i64 = 15 * 60;
const DATE_FORM: &str = "%Y%m%dT%H%M%SZ";
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A request as it came, with header names in lower case.
pub(crate) struct Signed<'a> {
    pub method: &'a str,
    /// As it stood in the request line, still encoded.
    pub path: &'a str,
    pub query: &'a str,
    pub headers: &'a BTreeMap<String, String>,
    pub body: &'a [u8],
}

/// `Err` holds the message of the 401.
pub(crate) fn check(request: &Signed, ak: &str, sk: &Secret, now: Timestamp) -> Result<(), String> {
    let header = |name: &str| request.headers.get(name).map(String::as_str);
    let authorization = header("authorization").ok_or("no token found and no signature found")?;
    let parts = authorization_parts(authorization).ok_or("the Authorization header is malformed")?;
    if parts.access != ak {
        return Err("AK not found".to_owned());
    }
    let date = header("x-sdk-date").ok_or("X-Sdk-Date is missing")?;
    check_age(date, now)?;
    let listed: Vec<&str> = parts.signed_headers.split(';').collect();
    if !listed.contains(&"x-sdk-date") {
        return Err("X-Sdk-Date is not among the signed headers".to_owned());
    }
    let canonical = canonical_request(request, &listed).ok_or("verify signature failed: a signed header is missing")?;
    let text = format!("{ALGORITHM}\n{date}\n{}", hex::encode(Sha256::digest(canonical)));
    let mut mac = Hmac::<Sha256>::new_from_slice(sk.expose().as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    let claimed = hex::decode(parts.signature).map_err(|_| "verify signature failed")?;
    mac.verify_slice(&claimed).map_err(|_| "verify signature failed".to_owned())
}

struct Parts<'a> {
    access: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

fn authorization_parts(text: &str) -> Option<Parts<'_>> {
    let fields: BTreeMap<&str, &str> =
        text.strip_prefix(ALGORITHM)?.split(',').filter_map(|field| field.trim().split_once('=')).collect();
    Some(Parts {
        access: fields.get("Access")?,
        signed_headers: fields.get("SignedHeaders")?,
        signature: fields.get("Signature")?,
    })
}

fn check_age(date: &str, now: Timestamp) -> Result<(), String> {
    let signed = NaiveDateTime::parse_from_str(date, DATE_FORM).map_err(|_| "X-Sdk-Date is malformed")?.and_utc();
    let server: DateTime<Utc> = now.to_datetime().unwrap_or_default();
    if (server - signed).num_seconds().abs() > TOLERANCE_S {
        return Err(format!("signature expired, signature time: {date}, server time: {}", server.format(DATE_FORM)));
    }
    Ok(())
}

/// `None` where a header that should be signed did not come.
fn canonical_request(request: &Signed, listed: &[&str]) -> Option<String> {
    let mut text =
        format!("{}\n{}\n{}\n", request.method, canonical_path(request.path), canonical_query(request.query));
    for name in listed {
        text.push_str(&format!("{name}:{}\n", request.headers.get(*name)?.trim()));
    }
    let declared = request.headers.get("x-sdk-content-sha256").filter(|_| !request.body.is_empty());
    let hash = declared.cloned().unwrap_or_else(|| hex::encode(Sha256::digest(request.body)));
    Some(format!("{text}\n{}\n{hash}", listed.join(";")))
}

fn canonical_path(path: &str) -> String {
    // The vendor's SDKs decode the whole path before they split it.
    let mut encoded = decode(path).split('/').map(encode).collect::<Vec<_>>().join("/");
    if !encoded.ends_with('/') {
        encoded.push('/');
    }
    encoded
}

fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = pairs_of(query);
    pairs.sort();
    let encoded = pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    encoded.collect::<Vec<_>>().join("&")
}

/// The decoded pairs of a query, in its order.
pub(crate) fn pairs_of(query: &str) -> Vec<(String, String)> {
    let pair = |text: &str| {
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        (decode(name), decode(value))
    };
    query.split('&').filter(|text| !text.is_empty()).map(pair).collect()
}

fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}
