//! Reads a page: the bytes of each record, the total, and for each record its key, a hash of its content and the values
//! by which it may be sorted. It builds no tree of values.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::value::RawValue;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::answer::AnswerShape;
use super::body::Page;
use super::order::{ORDER_COLUMNS_MAX, OrderValue, OrderValues};
use super::page::{Marker, PageFacts, RowFacts};
use crate::base::time::parse_instant;
use crate::catalog::spec::{Endpoint, Given, NextMarker, Paging, Total};
use crate::cloud::Reply;
use crate::cloud::http::error_body;
use crate::normalize::{KeyReader, KeyScan, Redaction};

/// Stands for a record of which nobody can say whether it holds what nothing may keep.
const UNREADABLE: &str = r#""a record whose members cannot be read; it is not kept, since some are never stored""#;

const REPLACEMENT: char = char::REPLACEMENT_CHARACTER;

/// How to read the pages of one list.
#[derive(Clone, Debug)]
pub struct Envelope {
    answer: AnswerShape,
    /// Where the total is, if not in the body.
    total: Option<Total>,
    /// How the last record of a page leads to the next.
    next_of_last: Option<NextOfLast>,
    /// Reads the key and the values of `order`.
    key: KeyReader,
    order: Vec<OrderColumn>,
    /// How many of `order` never change; an update time may follow.
    order_fixed: usize,
    /// What nothing may keep of records as it came.
    redaction: Redaction,
    /// Hashes of the contents of records that are known to have no key.
    known_keyless: Arc<HashSet<u64>>,
}

#[derive(Clone, Copy, Debug)]
struct OrderColumn {
    is_instant: bool,
}

impl Envelope {
    /// The shape of this list's answers.
    pub fn new(endpoint: &Endpoint) -> Envelope {
        let mut order_names: Vec<&str> =
            endpoint.order.iter().take(ORDER_COLUMNS_MAX - 1).map(String::as_str).collect();
        let order_fixed = order_names.len();
        order_names.extend(endpoint.updated.as_deref());
        let next_of_last = NextOfLast::of(endpoint, order_names.len());
        let next_column = next_of_last.as_ref().map(|next| next.column.as_str());
        let beside: Vec<&str> = order_names.iter().copied().chain(next_column).collect();
        let is_instant = |name: &&str| endpoint.column(name).is_some_and(|column| column.ty.is_instant_in_text());
        Envelope {
            answer: AnswerShape::new(endpoint),
            total: endpoint.total.clone(),
            key: KeyReader::new(endpoint, &beside),
            next_of_last,
            order: order_names.iter().map(|name| OrderColumn { is_instant: is_instant(name) }).collect(),
            order_fixed,
            redaction: Redaction::of(endpoint),
            known_keyless: Arc::default(),
        }
    }

    /// Reads pages whose request gives values to every record.
    pub(crate) fn with_given(self, given: &Given) -> Envelope {
        Envelope { key: self.key.with_given(given), ..self }
    }

    /// Adds hashes of the contents of records that are known to have no key: these count like any other record, each
    /// identified by its content.
    pub(crate) fn with_known_keyless(self, keyless: Arc<HashSet<u64>>) -> Envelope {
        Envelope { known_keyless: keyless, ..self }
    }

    /// Number of columns for the order that never change, and whether an update time follows them.
    pub fn order_columns(&self) -> (usize, bool) {
        (self.order_fixed, self.order.len() > self.order_fixed)
    }

    /// Reads an answer. The error says briefly what is wrong with it.
    pub fn read(&self, reply: &Reply<'_>) -> Result<(Page, PageFacts), String> {
        let body = reply.body;
        if body.is_empty() {
            return Err("the answer is empty".to_owned());
        }
        self.take_apart(body, reply).map(|(page, facts, _)| (page, facts)).or_else(|fault| match repaired(body) {
            Some((text, places)) => self.take_garbled_apart(&text, &places, reply),
            None => Err(fault),
        })
    }

    /// Reads a body whose invalid UTF-8 was replaced, and keeps which of its records are affected.
    fn take_garbled_apart(
        &self,
        text: &Bytes,
        places: &[(u32, String)],
        reply: &Reply<'_>,
    ) -> Result<(Page, PageFacts), String> {
        let (mut page, mut facts, ranges) = self.take_apart(text, reply)?;
        if !places.iter().all(|(at, _)| ranges.iter().any(|row| row.contains(at))) {
            return Err("the answer holds bytes outside its records that are not UTF-8".to_owned());
        }
        let lost = |row: &Range<u32>| {
            let within = places.iter().filter(|(at, _)| row.contains(at));
            // The bytes may be part of what nothing may keep.
            let may_be_shown = self.redaction.is_empty();
            let shown =
                |(_, bytes): &'_ (u32, String)| if may_be_shown { bytes.clone() } else { "not shown".to_owned() };
            let bytes: Vec<String> = within.map(shown).collect();
            (!bytes.is_empty()).then(|| bytes.join(", "))
        };
        page.garbled = (0..).zip(&ranges).filter_map(|(index, row)| Some((index, lost(row)?))).collect();
        for (index, _) in &page.garbled {
            let row = &mut facts.rows[*index as usize];
            if self.key_in(&page, *index).is_none() {
                row.key = self.known_keyless.contains(&row.content).then_some(row.content);
            }
        }
        Ok((page, facts))
    }

    /// The page, what it shows, and where the answer had each record.
    fn take_apart(&self, body: &Bytes, reply: &Reply<'_>) -> Result<(Page, PageFacts, Vec<Range<u32>>), String> {
        let parts = self.answer.read(body)?;
        let start = body.as_ptr() as usize;
        let range = |row: &str| {
            let from = row.as_ptr() as usize - start;
            from as u32..(from + row.len()) as u32
        };
        let kept = self.kept(&parts.rows);
        let mut scan = self.key.scan();
        let facts: Vec<RowFacts> = kept.iter().map(|row| self.facts(row, &mut scan)).collect();
        // Some services answer with an array of errors instead of an array of records.
        let is_error =
            |(row, facts): (&&RawValue, &RowFacts)| facts.key.is_none() && error_body::is_error(row.get().as_bytes());
        if self.answer.is_array() && parts.rows.iter().zip(&facts).any(is_error) {
            return Err("the answer holds an error instead of a record".to_owned());
        }
        let total = match &self.total {
            Some(Total::ContentRange) => reply.content_range.and_then(total_behind_slash),
            Some(Total::XTotal) => reply.x_total.and_then(|text| text.trim().parse().ok()),
            Some(Total::Member(_)) | None => parts.total,
        };
        let (next, more) = match &self.next_of_last {
            Some(of_last) => of_last.after(facts.len(), parts.more, &scan),
            None => (parts.next, parts.more),
        };
        let facts = PageFacts { total, rows: facts, next, more };
        let ranges: Vec<Range<u32>> = parts.rows.iter().map(|row| range(row.get())).collect();
        let (body, rows) = match self.redaction.is_empty() {
            true => (body.clone(), ranges.clone()),
            false => gathered(&kept),
        };
        let page = Page::new(body, rows, Vec::new());
        Ok((page, facts, ranges))
    }

    /// A page of before, from its body, the places of its records, and those that held bytes which are not UTF-8. What
    /// nothing may keep is left out again, as the catalog has it now.
    pub(crate) fn page_again(
        &self,
        body: Bytes,
        records: Vec<Range<u32>>,
        lost: Vec<(u32, String)>,
    ) -> Result<Page, String> {
        let text = |range: &Range<u32>| {
            let bytes = body.get(range.start as usize..range.end as usize).ok_or("a record lies outside the body")?;
            serde_json::from_slice::<&RawValue>(bytes).map_err(|error| format!("a record is not JSON: {error}"))
        };
        let texts = records.iter().map(text).collect::<Result<Vec<_>, String>>()?;
        let (kept, rows) = match self.redaction.is_empty() {
            true => (body.clone(), records),
            false => gathered(&self.kept(&texts)),
        };
        Ok(Page::new(kept, rows, lost))
    }

    /// The records' texts as they may be kept.
    fn kept<'a>(&self, rows: &[&'a RawValue]) -> Vec<Cow<'a, str>> {
        let kept = |row: &&'a RawValue| self.redaction.kept_of(row.get()).unwrap_or(Cow::Borrowed(UNREADABLE));
        rows.iter().map(kept).collect()
    }

    /// The parts of a record's key; `None` if the decoder would find none.
    pub fn key_of(&self, row: &str) -> Option<Vec<String>> {
        let mut scan = self.key.scan();
        scan.read(row);
        Some(scan.key()?.into_iter().map(|part| part.into_owned()).collect())
    }

    /// The key of a page's record; `None` also if a part of the key was not UTF-8.
    pub fn key_in(&self, page: &Page, index: u32) -> Option<Vec<String>> {
        let is_whole = |key: &Vec<String>| !key.iter().any(|part| part.contains(REPLACEMENT));
        self.key_of(page.row(index)).filter(|key| page.lost(index).is_none() || is_whole(key))
    }

    /// Hashes of the key of a page's record, and of that with the values that never change; `None` if it has no key.
    pub(crate) fn unchanging_in(&self, page: &Page, index: u32) -> Option<(u64, u64)> {
        let facts = self.facts(page.row(index), &mut self.key.scan());
        Some((facts.key?, facts.stable_hash(self.order_fixed)))
    }

    fn facts<'r>(&self, row: &'r str, scan: &mut KeyScan<'_, 'r>) -> RowFacts {
        scan.read(row);
        let mut order: OrderValues = [None; ORDER_COLUMNS_MAX];
        for (index, (slot, column)) in order.iter_mut().zip(&self.order).enumerate() {
            *slot = scan.beside(index).and_then(|text| column.value(&text));
        }
        let content = xxh3_64(row.as_bytes());
        let known = || self.known_keyless.contains(&content).then_some(content);
        RowFacts { key: scan.key().map(|parts| key_hash(&parts)).or_else(known), content, order }
    }
}

/// The marker of the next page is a value of the last record.
#[derive(Clone, Debug)]
struct NextOfLast {
    column: String,
    is_number: bool,
    /// Its place among the columns that are read beside the key.
    beside: usize,
    limit: u32,
}

impl NextOfLast {
    fn of(endpoint: &Endpoint, beside: usize) -> Option<NextOfLast> {
        let Paging::Marker(paging) = &endpoint.paging else { return None };
        let NextMarker::Column(column) = &paging.next else { return None };
        let is_number = endpoint.column(column).is_some_and(|column| column.ty.is_integer());
        Some(NextOfLast { column: column.clone(), is_number, beside, limit: paging.limit })
    }

    /// The marker behind a page whose last record was read last, and whether another page follows.
    fn after(&self, rows: usize, more: Option<bool>, last: &KeyScan<'_, '_>) -> (Option<Marker>, Option<bool>) {
        let is_full = rows > 0 && more.unwrap_or(rows as u64 >= u64::from(self.limit));
        if !is_full {
            return (None, more);
        }
        let marker = last.beside(self.beside).filter(|text| !text.is_empty());
        (marker.map(|text| Marker { text: text.into(), is_number: self.is_number }), Some(true))
    }
}

impl OrderColumn {
    fn value(self, text: &str) -> Option<OrderValue> {
        if self.is_instant {
            return parse_instant(text, 0).ok().map(|at| OrderValue::Instant(at.0));
        }
        Some(OrderValue::of_text(text))
    }
}

/// The records as one text, and where each is in it.
fn gathered(rows: &[Cow<'_, str>]) -> (Bytes, Vec<Range<u32>>) {
    let mut text = String::new();
    let range = |row: &Cow<'_, str>| {
        let from = text.len() as u32;
        text.push_str(row);
        from..text.len() as u32
    };
    let ranges = rows.iter().map(range).collect();
    (text.into(), ranges)
}

/// The body with U+FFFD in place of invalid UTF-8, and the position and original bytes of each. `None` if the body is
/// valid UTF-8.
fn repaired(body: &Bytes) -> Option<(Bytes, Vec<(u32, String)>)> {
    std::str::from_utf8(body).err()?;
    let mut text = String::with_capacity(body.len());
    let mut places = Vec::new();
    for chunk in body.utf8_chunks() {
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            places.push((text.len() as u32, hex::encode(chunk.invalid())));
            text.push(REPLACEMENT);
        }
    }
    Some((text.into(), places))
}

/// The hash of a key's parts, for comparing keys of readings and of the store.
pub fn key_hash<T: AsRef<str>>(parts: &[T]) -> u64 {
    let mut hasher = Xxh3::new();
    for part in parts {
        let part = part.as_ref().as_bytes();
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.digest()
}

/// The 99 of `0-9/99`; `None` if the header says `*`.
fn total_behind_slash(content_range: &str) -> Option<u64> {
    content_range.rsplit_once('/')?.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::privacy::{Personal, Privacy, PrivacyKey};
    use crate::base::secret::Secret;
    use crate::catalog::Catalog;

    /// A reader for a list with these lines in its catalog file.
    fn envelope(answer: &str, paging: &str) -> Envelope {
        let text = format!(
            "name = \"x\"\ntitle = \"x\"\nabout = \"x\"\nservice = \"swr\"\nmethod = \"GET\"\npath = \"/x\"\n\
             scope = \"region\"\ndoc = \"x\"\nkey = [{{ column = \"id\" }}]\n{answer}\n[paging]\n{paging}\n\
             [[column]]\nname = \"id\"\ntype = \"text\"\nnullable = false\nabout = \"x\"\n"
        );
        Envelope::new(&Catalog::load([("x".to_owned(), text)]).unwrap().endpoints()[0])
    }

    const MARKER: &str =
        "kind = \"marker\"\nmarker = \"m\"\nnext = \"page.next\"\nmore = \"page.more\"\nlimit = 5\npages_max = 5";

    fn read(envelope: &Envelope, body: &str, content_range: Option<&str>) -> Result<(Page, PageFacts), String> {
        envelope.read(&Reply { content_range, ..Reply::of_body(&Bytes::from(body.to_owned())) })
    }

    #[test]
    fn what_is_never_stored_is_gone_as_soon_as_a_page_is_read() {
        let answer = "items = \"items\"\nnever_stored = [\"auth\", \"hosts.password\"]";
        let envelope = envelope(answer, "kind = \"none\"");
        let body = r#"{"items":[
            {"id":"1", "auth":"canary","hosts":[{"password":"canary","n":1}]},
            {"id":2,"\u0061uth":{"x":"canary"}},
            {"id":"3","\ud800":1,"auth":"canary"},
            {"id":"4"},
            ["canary"]
        ]}"#;
        let (page, facts) = read(&envelope, body, None).unwrap();
        let rows: Vec<&str> = (0..5).map(|index| page.row(index)).collect();
        assert_eq!(rows[..2], [r#"{"id":"1","hosts":[{"n":1}]}"#, r#"{"id":2}"#]);
        assert_eq!((rows[2], rows[3]), (UNREADABLE, r#"{"id":"4"}"#));
        assert!(rows[..4].iter().all(|row| !row.contains("canary")), "{rows:?}");
        let keys: Vec<bool> = facts.rows.iter().map(|row| row.key.is_some()).collect();
        assert_eq!(keys, [true, true, false, true, false]);
        for (row, fact) in (0..).zip(&facts.rows) {
            assert_eq!(page.content(row), fact.content, "a record is known by what is kept of it");
        }
    }

    #[test]
    fn what_is_never_stored_is_gone_from_pages_with_broken_bytes_too() {
        let envelope = envelope("items = \"items\"\nnever_stored = [\"auth\"]", "kind = \"none\"");
        let body = Bytes::from_static(b"{\"items\":[{\"id\":\"1\"},{\"auth\":\"canary\xc3\",\"id\":\"2\"}]}");
        let reply = Reply::of_body(&body);
        let (page, _) = envelope.read(&reply).unwrap();
        assert_eq!((page.row(0), page.row(1)), (r#"{"id":"1"}"#, r#"{"id":"2"}"#));
        assert_eq!((page.lost(0), page.lost(1)), (None, Some("not shown")));
    }

    #[test]
    fn what_is_personal_is_hashed_before_a_record_is_known_by_its_content() {
        let text = include_str!("../catalog/builtin/core/app_install_jobs.toml");
        let key = PrivacyKey::new(Secret::new("0123456789abcdef"));
        let privacy = Privacy { personal: Personal::Hash, key: key.clone(), drops_unknown: false };
        let catalog = Catalog::load([("x".to_owned(), text.to_owned())]).unwrap().with_privacy(|_| privacy.clone());
        let body = Bytes::from_static(
            b"{\"items\":[{\"id\":\"1\",\"operator\":\"canary\"},{\"id\":\"2\",\"target\":\"canary\xc3\"},\"canary\"]}",
        );
        let (page, facts) = Envelope::new(&catalog.endpoints()[0]).read(&Reply::of_body(&body)).unwrap();
        assert_eq!(page.row(0), format!(r#"{{"id":"1","operator":"{}"}}"#, key.unwrap().hash("canary")));
        assert!((0..3).all(|row| !page.row(row).contains("canary")) && page.row(1).contains("\"h:"));
        assert_eq!((page.lost(0), page.lost(1)), (None, Some("not shown")));
        assert!((0..3).all(|row| page.content(row) == facts.rows[row as usize].content));
        assert!(facts.rows[0].key.is_some() && facts.rows[2].key.is_none());
    }

    #[test]
    fn records_and_total_are_found_where_they_nest() {
        let envelope = envelope("items = \"data.list\"\ntotal = \"data.page.total\"", "kind = \"none\"");
        let body =
            r#"{"list":[1],"data":{"a":[{"list":2}],"page":{"total":"7"},"list":[{"id":"a"}, {"id":"b"}]},"z":0}"#;
        let (page, facts) = read(&envelope, body, Some("0-9/99")).unwrap();
        assert_eq!((facts.rows.len(), facts.total), (2, Some(7)));
        assert_eq!([page.row(0), page.row(1)], [r#"{"id":"a"}"#, r#"{"id":"b"}"#]);
        for lacking in ["{}", r#"{"data":null}"#, r#"{"data":{"page":{}}}"#] {
            assert_eq!(read(&envelope, lacking, None).unwrap_err(), "the answer has no array `data.list`", "{lacking}");
        }
        let (_, empty) = read(&envelope, r#"{"data":{"list":null}}"#, None).unwrap();
        assert!(empty.rows.is_empty());
        for wrong in [
            r#"{"data":[{"list":[]}]}"#,
            r#"[{"id":"a"}]"#,
            r#"{"data":{"list":{}}}"#,
            r#"{"data":{"list":[}}"#,
            r#"{} {}"#,
        ] {
            assert!(read(&envelope, wrong, None).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_error_with_or_without_records_makes_the_answer_invalid() {
        let envelope = envelope("items = \"items\"\ntotal = \"count\"", "kind = \"none\"");
        for error in [
            r#""error_code":"WKS.1""#,
            r#""error_code":"APIGW.0101","error_msg":"x","request_id":"r""#,
            r#""error":{"code":"x","message":"y"},"status":"failed""#,
            r#""errors":[{"errorCode":"SVCSTG.SWR.1"}]"#,
            r#""errorCode":7"#,
            r#""error_msg":"y""#,
            r#""code":"IAM.1","message":"y""#,
            r#""\u0065rror":{"code":"x"}"#,
        ] {
            for items in ["null", "[]", r#"[{"id":"a"}]"#] {
                for body in
                    [format!(r#"{{{error},"items":{items},"count":0}}"#), format!(r#"{{"items":{items},{error}}}"#)]
                {
                    assert!(read(&envelope, &body, None).unwrap_err().contains("error"), "{body}");
                }
            }
        }
        for none in [
            r#""error":null"#,
            r#""error_code":"""#,
            r#""error_code":"0","error_msg":"success""#,
            r#""error":{}"#,
            r#""errorCode":0"#,
            r#""code":200,"message":"OK","status":"success""#,
        ] {
            for items in ["[]", r#"[{"id":"a","error":"x","error_code":"WKS.1","errors":[{"code":"x"}]}]"#] {
                let body = format!(r#"{{{none},"items":{items},"count":0}}"#);
                assert!(read(&envelope, &body, None).is_ok(), "{body}");
            }
        }
    }

    #[test]
    fn members_that_are_read_may_have_the_name_of_an_error() {
        let envelope = envelope("items = \"errors\"\ntotal = \"status.code\"", "kind = \"none\"");
        let (_, facts) = read(&envelope, r#"{"errors":[{"id":"a"}],"status":{"code":1}}"#, None).unwrap();
        assert_eq!((facts.rows.len(), facts.total), (1, Some(1)));
    }

    #[test]
    fn an_error_beside_nested_records_counts_where_they_nest() {
        let envelope = envelope("items = \"data.list\"", "kind = \"none\"");
        for body in [r#"{"data":{"error_code":"x","list":[]}}"#, r#"{"data":{"list":[{"id":"a"}]},"error_code":"x"}"#] {
            assert!(read(&envelope, body, None).unwrap_err().contains("error"), "{body}");
        }
        assert!(read(&envelope, r#"{"other":{"error_code":"x"},"data":{"list":[]}}"#, None).is_ok());
    }

    #[test]
    fn an_array_of_errors_is_not_an_array_of_records() {
        let envelope = envelope("items = \"[]\"", "kind = \"none\"");
        for body in [
            r#"[{"errorCode":"SVCSTG.SWR.4000","errorMessage":"x","detail":"y"}]"#,
            r#"[{"id":"a"},{"errorCode":"SVCSTG.SWR.4000","errorMessage":"x","detail":"y"}]"#,
        ] {
            assert!(read(&envelope, body, None).unwrap_err().contains("error"), "{body}");
        }
        for body in [r#"[{"id":"a","errorCode":"x","errorMessage":"y"}]"#, r#"[{"no":"key"}]"#, "[]", "[1]"] {
            assert!(read(&envelope, body, None).is_ok(), "{body}");
        }
    }

    #[test]
    fn a_needed_member_that_appears_twice_makes_the_answer_invalid() {
        let flat = envelope("items = \"items\"\ntotal = \"count\"", MARKER);
        let nested = envelope("items = \"data.list\"\ntotal = \"data.page.total\"", "kind = \"none\"");
        let flat_bodies = [
            r#"{"items":[],"count":1,"count":2}"#,
            r#"{"items":[],"count":null,"count":2}"#,
            r#"{"items":[],"count":1,"c\u006funt":1}"#,
            r#"{"items":[{"id":"a"}],"count":1,"items":[]}"#,
            r#"{"items":null,"items":[],"count":0}"#,
            r#"{"items":[],"page":{"next":"a","next":"b"}}"#,
            r#"{"items":[],"page":{"next":"a"},"page":{}}"#,
            r#"{"items":[],"page":{"more":true,"more":true}}"#,
        ];
        let nested_bodies = [
            r#"{"data":{"list":[],"list":[]}}"#,
            r#"{"data":{"list":[]},"data":{"list":[]}}"#,
            r#"{"data":{"list":[],"page":{"total":1,"total":1}}}"#,
            r#"{"data":{"list":[],"page":{"total":1},"page":{"total":1}}}"#,
        ];
        for (envelope, body) in
            flat_bodies.iter().map(|body| (&flat, body)).chain(nested_bodies.iter().map(|body| (&nested, body)))
        {
            assert!(read(envelope, body, None).unwrap_err().contains("appears twice"), "{body}");
        }
        let others = r#"{"x":1,"x":2,"items":[{"x":1,"x":2}],"count":1,"page":{"x":1,"x":2}}"#;
        assert!(read(&flat, others, None).is_ok(), "members that are not needed are not checked");
    }

    fn key_of(envelope: &Envelope, record: &str) -> Option<Vec<String>> {
        let (page, facts) = read(envelope, &format!(r#"{{"items":[{record}]}}"#), None).unwrap();
        let key = envelope.key_in(&page, 0);
        assert_eq!(facts.rows[0].key, key.as_ref().map(|parts| key_hash(parts)), "{record}");
        key
    }

    #[test]
    fn a_key_that_appears_twice_is_none() {
        let envelope = envelope("items = \"items\"", "kind = \"none\"");
        assert_eq!(key_of(&envelope, r#"{"id":"a","x":1}"#), Some(vec!["a".to_owned()]));
        assert_eq!(key_of(&envelope, r#"{"id":"a","id":"b"}"#), None);
        assert_eq!(key_of(&envelope, r#"{"id":true}"#), Some(vec!["true".to_owned()]));
    }

    #[test]
    fn keys_and_values_of_the_order_are_found_where_they_nest() {
        let text = "name = \"x\"\ntitle = \"x\"\nabout = \"x\"\nservice = \"swr\"\nmethod = \"GET\"\npath = \"/x\"\n\
             scope = \"region\"\ndoc = \"x\"\nitems = \"items\"\nkey = [{ column = \"id\" }]\norder = [\"made\"]\n\
             [paging]\nkind = \"none\"\n\
             [[column]]\nname = \"id\"\npath = \"meta.id\"\ntype = \"int64\"\nnullable = false\nabout = \"x\"\n\
             [[column]]\nname = \"made\"\npath = \"meta.times.made\"\ntype = \"timestamp\"\nabout = \"x\"\n";
        let catalog = Catalog::load([("x".to_owned(), text.to_owned())]).unwrap();
        let envelope = Envelope::new(&catalog.endpoints()[0]);
        let record = r#"{"meta":{"times":{"made":"1970-01-01T00:00:01Z"},"id":"7"},"id":8,"made":9}"#;
        assert_eq!(key_of(&envelope, record), Some(vec!["7".to_owned()]));
        let (_, facts) = read(&envelope, &format!(r#"{{"items":[{record}]}}"#), None).unwrap();
        assert_eq!(facts.rows[0].order[0], Some(OrderValue::Instant(1_000_000)));
        assert_eq!(key_of(&envelope, r#"{"meta":{"id":"07"}}"#), None, "the decoder would refuse it");
    }

    #[test]
    fn a_key_with_a_replacement_character_is_a_key_unless_bytes_were_lost() {
        let envelope = envelope("items = \"items\"", "kind = \"none\"");
        assert_eq!(key_of(&envelope, "{\"id\":\"a\u{fffd}\"}"), Some(vec!["a\u{fffd}".to_owned()]));
        let body = Bytes::from([&b"{\"items\":[{\"id\":\"a\xff\"},{\"id\":\"b\",\"x\":\"\xff\"}]}"[..]].concat());
        let (page, facts) = envelope.read(&Reply::of_body(&body)).unwrap();
        assert_eq!((envelope.key_in(&page, 0), facts.rows[0].key), (None, None));
        assert_eq!(envelope.key_in(&page, 1), Some(vec!["b".to_owned()]));
    }

    #[test]
    fn an_answer_that_is_an_array_has_its_total_in_the_header() {
        let envelope = envelope("items = \"[]\"\ntotal = { header = \"Content-Range\" }", "kind = \"none\"");
        let body = r#" [{"id":"a"},{"id":"b"}]"#;
        let total = |header| read(&envelope, body, header).unwrap().1.total;
        assert_eq!(total(Some("0-2/31")), Some(31));
        assert_eq!([None, Some("0-2/*"), Some("0-2"), Some("")].map(total), [None; 4]);
        assert_eq!(read(&envelope, body, None).unwrap().0.row(1), r#"{"id":"b"}"#);
        assert!(read(&envelope, r#"{"items":[]}"#, None).is_err());
    }

    #[test]
    fn a_marker_is_text_or_a_number_and_whatever_is_empty_is_none() {
        let envelope = envelope("items = \"items\"", MARKER);
        let next = |page: &str| {
            let (_, facts) = read(&envelope, &format!(r#"{{"items":[],"page":{page}}}"#), None).unwrap();
            (facts.next.map(|next| next.to_string()), facts.more)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(next(r#"{"next":"a/b=","more":true}"#), (some("a/b="), Some(true)));
        assert_eq!(next(r#"{"next":17,"more":"false"}"#), (some("17"), Some(false)));
        assert_eq!(next(r#"{"next":"a","more":1}"#), (some("a"), Some(true)));
        for none in ["{}", "null", r#"{"next":""}"#, r#"{"next":null,"more":null}"#, r#"{"next":0,"more":""}"#] {
            assert_eq!(next(none), (None, None), "{none}");
        }
    }

    #[test]
    fn a_marker_total_or_flag_of_a_wrong_type_makes_the_answer_invalid() {
        let envelope = envelope("items = \"items\"\ntotal = \"count\"", MARKER);
        for page in [
            r#"{"next":{"a":1}}"#,
            r#"{"next":["a"]}"#,
            r#"{"next":true}"#,
            r#"{"next":1.5}"#,
            r#"{"more":"perhaps"}"#,
            r#"{"more":{}}"#,
            r#"["x"]"#,
            r#""next""#,
            "7",
        ] {
            let body = format!(r#"{{"items":[{{"id":"a"}}],"count":1,"page":{page}}}"#);
            assert!(read(&envelope, &body, None).is_err(), "{body}");
        }
        for total in [r#"{"a":1}"#, "[1]", "-1", "1e30", "1000000000000000000000000000000", r#""many""#, "true", "1.5"]
        {
            let body = format!(r#"{{"items":[{{"id":"a"}}],"count":{total}}}"#);
            assert!(read(&envelope, &body, None).unwrap_err().contains("total is not a count"), "{body}");
        }
        for (total, read_as) in [("null", None), (r#""""#, None), (r#""7""#, Some(7)), ("7", Some(7))] {
            let body = format!(r#"{{"items":[],"count":{total}}}"#);
            assert_eq!(read(&envelope, &body, None).unwrap().1.total, read_as, "{body}");
        }
    }
}
