//! Tries each kind of request that publishing needs, on objects of its own, and removes them again. It decides nothing:
//! what follows from the verdicts is said by those who need a request.

use futures_util::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

use super::{Bucket, Put, one_of_many_creates};
use crate::publish::error::Error;

/// Bytes of the first part of a probe in parts: the least that S3 allows.
const FIRST_PART_BYTES: usize = 5 << 20;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Probe {
    Put,
    Read,
    ReadRange,
    List,
    ListAfter,
    Parts,
    Copy,
    CreateOnce,
    UpdateOnce,
    Remove,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Works,
    /// The service did it and should not have, or answered something else than was put.
    Wrong(&'static str),
    Failed(String),
}

impl Probe {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Probe::Put => "put",
            Probe::Read => "read",
            Probe::ReadRange => "read a range",
            Probe::List => "list",
            Probe::ListAfter => "list after a name",
            Probe::Parts => "put in parts",
            Probe::Copy => "copy",
            Probe::CreateOnce => "create only if absent",
            Probe::UpdateOnce => "replace only a known version",
            Probe::Remove => "delete",
        }
    }
}

/// Every probe with its verdict, in their order. Names end in `mark`, which nobody else uses.
pub(crate) fn probe(bucket: &Bucket, mark: &str) -> Vec<(Probe, Verdict)> {
    let own = format!(".hclake-probe-{mark}");
    let (first, second) = (format!("{own}/a"), format!("{own}/b"));
    let (parts_name, new) = (format!("{own}/parts"), format!("{own}/new"));
    let text = b"0123456789".to_vec();
    let put = judged(bucket.put(&first, text.clone(), Put::Replace).map(|put| put.is_some()), "nothing was put");
    if put != Verdict::Works {
        return vec![(Probe::Put, put)];
    }
    let read = bucket.read(&first).map(|read| read.is_some_and(|(bytes, _)| bytes == text));
    let range = bucket.read_range(&first, 2..5).map(|part| part == b"234");
    let listed = bucket.list(&own).map(|found| found.contains_key(&first) && found.len() == 1);
    let mut verdicts = vec![
        (Probe::Put, put),
        (Probe::Read, judged(read, "other bytes came back")),
        (Probe::ReadRange, judged(range, "other bytes came back")),
        (Probe::List, judged(listed, "the object that was put is not listed")),
        (Probe::ListAfter, judged(after(bucket, &first, &second), "the name to begin after is ignored")),
        (Probe::Parts, judged(parts(bucket, &parts_name), "other bytes came back")),
        (Probe::Copy, judged(copied(bucket, &first, &second, &text), "other bytes came back")),
        (Probe::CreateOnce, create_once(bucket, &first, &new)),
        (Probe::UpdateOnce, update_once(bucket, &first)),
    ];
    let names = [first.clone(), second, parts_name, new];
    // Not by a listing, which may be denied.
    let removed = bucket.remove(&names).and_then(|()| bucket.read(&first).map(|left| left.is_none()));
    verdicts.push((Probe::Remove, judged(removed, "what was deleted is still there")));
    verdicts
}

fn judged(done: Result<bool, Error>, otherwise: &'static str) -> Verdict {
    match done {
        Ok(true) => Verdict::Works,
        Ok(false) => Verdict::Wrong(otherwise),
        Err(error) => Verdict::Failed(error.to_string()),
    }
}

fn after(bucket: &Bucket, first: &str, second: &str) -> Result<bool, Error> {
    bucket.put(second, b"second".to_vec(), Put::Replace)?;
    let folder = bucket.path(first.rsplit_once('/').map_or("", |(folder, _)| folder));
    let listed = bucket.store.list_with_offset(Some(&folder), &bucket.path(first));
    let listed: Vec<_> = bucket.wait(listed.try_collect()).map_err(bucket.fault(first, "list after"))?;
    let names: Vec<_> = listed.iter().map(|object| object.location.clone()).collect();
    Ok(names == [bucket.path(second)])
}

fn parts(bucket: &Bucket, name: &str) -> Result<bool, Error> {
    let path = bucket.path(name);
    let sent = bucket.wait(async {
        let mut upload = bucket.store.put_multipart(&path).await?;
        upload.put_part(PutPayload::from(vec![b'1'; FIRST_PART_BYTES])).await?;
        upload.put_part(PutPayload::from(b"2".to_vec())).await?;
        upload.complete().await
    });
    sent.map_err(bucket.fault(name, "put in parts"))?;
    let end = FIRST_PART_BYTES as u64;
    Ok(bucket.read_range(name, end - 1..end + 1)? == b"12")
}

fn copied(bucket: &Bucket, first: &str, second: &str, text: &[u8]) -> Result<bool, Error> {
    bucket.copy(first, second)?;
    Ok(bucket.read(second)?.is_some_and(|(bytes, _)| bytes == text))
}

fn create_once(bucket: &Bucket, held: &str, absent: &str) -> Verdict {
    let put = |name: &str| bucket.put(name, b"other".to_vec(), Put::Create).map(|put| put.is_some());
    match (put(absent), put(held)) {
        (Ok(true), Ok(false)) => create_at_once(bucket, absent),
        (_, Ok(true)) => Verdict::Wrong("the condition is ignored: what was there is replaced"),
        (Ok(false), _) => Verdict::Wrong("refused although nothing was there"),
        (Err(error), _) | (_, Err(error)) => Verdict::Failed(error.to_string()),
    }
}

fn create_at_once(bucket: &Bucket, name: &str) -> Verdict {
    let object_of = |round| bucket.path(&format!("{name}-{round}"));
    let is_one = bucket.wait(one_of_many_creates(bucket.store.as_ref(), object_of));
    let is_one = is_one.map_err(bucket.fault(name, "create at once"));
    judged(is_one, "of several that create an object at the same moment, more than one succeeds")
}

fn update_once(bucket: &Bucket, name: &str) -> Verdict {
    let etag = match bucket.put(name, b"known".to_vec(), Put::Replace) {
        Ok(put) => put.and_then(|put| put.etag),
        Err(error) => return Verdict::Failed(error.to_string()),
    };
    let Some(etag) = etag else { return Verdict::Wrong("objects have no versions") };
    let put = |text: &[u8]| bucket.put(name, text.to_vec(), Put::Update(etag.clone())).map(|put| put.is_some());
    match (put(b"next"), put(b"late")) {
        (Ok(true), Ok(false)) => Verdict::Works,
        (_, Ok(true)) => Verdict::Wrong("the condition is ignored: what was there is replaced"),
        (Ok(false), _) => Verdict::Wrong("refused although the version was the same"),
        (Err(error), _) | (_, Err(error)) => Verdict::Failed(error.to_string()),
    }
}
