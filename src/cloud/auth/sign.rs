//! SDK-HMAC-SHA256: from the parts of a request to the value of its `Authorization` header, as a plain function.
//! It holds no credentials, reads no clock and sends nothing.

use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

use crate::base::clock::Timestamp;

pub(crate) const ALGORITHM: &str = "SDK-HMAC-SHA256";
/// Header that carries [`sdk_date`]; signed.
pub(crate) const DATE_HEADER: &str = "x-sdk-date";

/// Where this header is sent, its value replaces the hash of the body.
const CONTENT_HASH_HEADER: &str = "x-sdk-content-sha256";

/// Everything but the unreserved characters of RFC 3986.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What is signed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub method: &'a str,
    /// As in the `Host` header: with the port, where it is not the scheme's own.
    pub host: &'a str,
    /// May already be escaped; it is not escaped twice.
    pub path: &'a str,
    /// Names and values, not escaped, in any order.
    pub query: &'a [(String, String)],
    /// All headers to sign except `Host` and `X-Sdk-Date`, in any order.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
}

/// A signature, with the intermediate steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    /// Value of `X-Sdk-Date`.
    pub date: String,
    pub canonical_request: String,
    pub string_to_sign: String,
    /// Lower-case hex.
    pub signature: String,
    /// Value of `Authorization`.
    pub authorization: String,
}

/// Signs a request as of `at`. The service accepts it for 15 minutes.
pub(crate) fn sign(request: &Request<'_>, ak: &str, sk: &str, at: Timestamp) -> Signature {
    let date = sdk_date(at);
    let headers = canonical_headers(request, &date);
    let names = headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";");
    let canonical_request = canonical_request(request, &headers, &names);
    let string_to_sign = format!("{ALGORITHM}\n{date}\n{}", sha256_hex(canonical_request.as_bytes()));
    let signature = hmac_sha256_hex(sk.as_bytes(), string_to_sign.as_bytes());
    let authorization = format!("{ALGORITHM} Access={ak}, SignedHeaders={names}, Signature={signature}");
    Signature { date, canonical_request, string_to_sign, signature, authorization }
}

/// `YYYYMMDDTHHMMSSZ`. An instant without a calendar date becomes the epoch.
pub(crate) fn sdk_date(at: Timestamp) -> String {
    at.to_datetime().unwrap_or_default().format("%Y%m%dT%H%M%SZ").to_string()
}

/// A value as one part of a path.
pub(crate) fn path_part(value: &str) -> String {
    escaped(value.as_bytes())
}

/// Path and query as sent. The query is sent exactly as it is signed.
pub(crate) fn request_target(path: &str, query: &[(String, String)]) -> String {
    let path = path.split('/').map(|part| escaped(&decoded(part))).collect::<Vec<_>>().join("/");
    if query.is_empty() { path } else { format!("{path}?{}", canonical_query(query)) }
}

fn canonical_request(request: &Request<'_>, headers: &[(String, &str)], names: &str) -> String {
    let mut path = escaped_path(request.path);
    if !path.ends_with('/') {
        path.push('/');
    }
    let header_lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    format!(
        "{method}\n{path}\n{query}\n{header_lines}\n{names}\n{hash}",
        method = request.method,
        query = canonical_query(request.query),
        hash = body_hash(request, headers),
    )
}

/// The path as it is signed: decoded as a whole, as the vendor's SDKs do it, so that `%2F` is signed as `/`.
fn escaped_path(path: &str) -> String {
    decoded(path).split(|byte| *byte == b'/').map(escaped).collect::<Vec<_>>().join("/")
}

fn canonical_query(query: &[(String, String)]) -> String {
    let mut pairs: Vec<&(String, String)> = query.iter().collect();
    pairs.sort();
    pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escaped(name.as_bytes()), escaped(value.as_bytes())))
        .collect::<Vec<_>>()
        .join("&")
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

fn escaped(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string()
}

/// Names in lower case, sorted. Names with an underscore are not signed.
fn canonical_headers<'a>(request: &Request<'a>, date: &'a str) -> Vec<(String, &'a str)> {
    let mut headers: Vec<(String, &str)> = request
        .headers
        .iter()
        .copied()
        .chain([("host", request.host), (DATE_HEADER, date)])
        .filter(|(name, _)| !name.contains('_') && !name.eq_ignore_ascii_case("authorization"))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
        .collect();
    headers.sort();
    headers
}

fn body_hash(request: &Request<'_>, headers: &[(String, &str)]) -> String {
    let stated = headers.iter().find(|(name, _)| name == CONTENT_HASH_HEADER);
    match stated {
        Some((_, value)) if !request.body.is_empty() => (*value).to_owned(),
        _ => sha256_hex(request.body),
    }
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn hmac_sha256_hex(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(message);
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDateTime;
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    const VECTORS: &str = include_str!("../../../tests/fixtures/signing_vectors.json");

    fn instant(sdk_date: &str) -> Timestamp {
        Timestamp::from_datetime(NaiveDateTime::parse_from_str(sdk_date, "%Y%m%dT%H%M%SZ").unwrap().and_utc())
    }

    fn plain(value: &Value) -> String {
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    }

    /// The headers of the vector without those that the signer adds.
    fn headers_given(vector: &Value) -> Vec<(&str, &str)> {
        let added = ["authorization", "host", "x-sdk-date"];
        let sent = vector["headers_sent"].as_object().unwrap();
        sent.iter()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .filter(|(name, _)| !added.contains(&name.to_lowercase().as_str()))
            .collect()
    }

    #[test]
    fn every_vector_of_the_official_signer_is_reproduced() {
        let file: Value = serde_json::from_str(VECTORS).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert_eq!(vectors.len(), 13);
        for vector in vectors {
            let text = |key: &str| vector[key].as_str().unwrap_or_default();
            let query: Vec<(String, String)> =
                vector["query"].as_array().unwrap().iter().map(|pair| (plain(&pair[0]), plain(&pair[1]))).collect();
            let request = Request {
                method: text("method"),
                host: text("host"),
                path: text("path"),
                query: &query,
                headers: &headers_given(vector),
                body: text("body").as_bytes(),
            };
            let signed = sign(&request, text("ak"), text("sk"), instant(text("x_sdk_date")));
            let name = text("name");
            assert_eq!(signed.date, text("x_sdk_date"), "{name}");
            assert_eq!(signed.canonical_request, text("canonical_request"), "{name}");
            assert_eq!(signed.string_to_sign, text("string_to_sign"), "{name}");
            assert_eq!(signed.signature, text("signature"), "{name}");
            assert_eq!(signed.authorization, text("authorization"), "{name}");
            assert_eq!(request_target(request.path, &query), text("request_target"), "{name}");
        }
    }

    #[test]
    fn a_header_value_is_trimmed_before_it_is_signed() {
        let padded = signature_of(&[("X-Test", "  two  spaces  ")]);
        assert_eq!(padded, signature_of(&[("X-Test", "two  spaces")]));
        assert_ne!(padded, signature_of(&[("X-Test", "two spaces")]));
    }

    fn signature_of(headers: &[(&str, &str)]) -> String {
        let request = Request { method: "GET", host: "h", path: "/p", query: &[], headers, body: b"" };
        sign(&request, "ak", "sk", Timestamp(0)).signature
    }

    proptest! {
        #[test]
        fn the_order_of_query_and_headers_does_not_matter(
            (query, shuffled) in prop::collection::vec((".{0,8}", ".{0,8}"), 0..6)
                .prop_flat_map(|pairs| (Just(pairs.clone()), Just(pairs).prop_shuffle())),
            (names, reordered) in prop::collection::btree_set("[a-z][a-z-]{0,8}", 0..5)
                .prop_map(|names| names.into_iter().collect::<Vec<_>>())
                .prop_flat_map(|names| (Just(names.clone()), Just(names).prop_shuffle())),
        ) {
            let signed = |query: &[(String, String)], names: &[String]| {
                let headers: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
                let request =
                    Request { method: "GET", host: "host", path: "/p", query, headers: &headers, body: b"{}" };
                (sign(&request, "ak", "sk", Timestamp(0)), request_target("/p", query))
            };
            prop_assert_eq!(signed(&query, &names), signed(&shuffled, &reordered));
        }

        #[test]
        fn a_changed_byte_of_the_body_changes_the_signature(body in prop::collection::vec(any::<u8>(), 1..64), at in any::<prop::sample::Index>()) {
            let mut other = body.clone();
            other[at.index(body.len())] ^= 1;
            let signed = |body: &[u8]| {
                sign(&Request { method: "POST", host: "h", path: "/", query: &[], headers: &[], body }, "ak", "sk", Timestamp(0))
            };
            prop_assert_ne!(signed(&body).signature, signed(&other).signature);
        }

        #[test]
        fn any_value_stays_one_part_of_the_path_and_is_encoded_once(value in ".{1,12}") {
            let target = request_target(&format!("/v1/{}/jobs", path_part(&value)), &[]);
            let parts: Vec<&str> = target.split('/').collect();
            prop_assert_eq!(parts.len(), 4);
            prop_assert_eq!(decoded(parts[2]), value.as_bytes());
            prop_assert!(parts[2].bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~%".contains(&b)));
        }

        #[test]
        fn an_escaped_path_escapes_to_itself(path in "(/[^/%]{0,8}){1,4}") {
            let once = request_target(&path, &[]);
            prop_assert_eq!(request_target(&once, &[]), once);
        }
    }
}
