//! What is written is read back; what was changed, cut or not stored is noticed; and nothing of others is touched.

use std::fs;
use std::io::Cursor;
use std::path::Path;

use proptest::prelude::*;

use super::entry::{self, Entry, PageHead};
use super::*;
use crate::base::clock::Timestamp;

const DAY_US: i64 = 86_400_000_000;

fn at(day: i64) -> Timestamp {
    Timestamp(1_780_000_000_000_000 + day * DAY_US)
}

fn page(sweep: i32, body: &str) -> Entry {
    let bytes = body.len() as u64;
    let records = vec![std::ops::Range { start: 0, end: bytes as u32 }];
    Entry::Page(PageHead { sweep, offset: 0, request_id: None, records, listed: None, lost: Vec::new(), bytes })
}

/// Writes a run with one list of one page, as far as its head.
fn written(archive: &Archive, run_id: i64, stored: &[(i64, Timestamp)]) -> FinishedRun {
    let mut run = archive.begin(run_id, stored).unwrap();
    run.begin_list(0, "apps", "r/p").unwrap();
    run.add(0, &page(0, "{\"id\":1}"), b"{\"id\":1}").unwrap();
    run.end_list(0).unwrap();
    run.finish(at(run_id), "0.1.0", &"the ledger").unwrap()
}

/// An archive with runs 1 to `runs`, one a day.
fn archive_of(folder: &Path, runs: i64) -> Archive {
    let archive = Archive::open_or_create(folder).unwrap();
    for run_id in 1..=runs {
        written(&archive, run_id, &stored(run_id - 1)).put_in_place().unwrap();
    }
    archive
}

fn stored(runs: i64) -> Vec<(i64, Timestamp)> {
    (1..=runs).map(|run_id| (run_id, at(run_id))).collect()
}

fn ids(archive: &Archive) -> Vec<i64> {
    archive.runs().unwrap().iter().map(ArchivedRun::run_id).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_run_is_read_back_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive_of(folder.path(), 2);
    assert_eq!(ids(&archive), [1, 2]);
    let run = archive.run(2).unwrap();
    run.verify().unwrap();
    assert_eq!((run.started_at(), run.pages()), (at(2), 1));
    assert_eq!(run.ledger::<String>().unwrap(), "the ledger");
    let list = run.lists().next().unwrap();
    let entries: Vec<_> = list.entries().unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(entries, [(page(0, "{\"id\":1}"), b"{\"id\":1}".to_vec())]);
    assert!(matches!(archive.run(3), Err(Error::NoSuchRun { run_id: 3, .. })));
}

#[cfg(unix)]
#[test]
fn the_owner_alone_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive");
    archive_of(&path, 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&path.join("run-00000001"))), (0o700, 0o700));
    assert_eq!(mode(&path.join("run-00000001/apps.0.zst")), 0o600);
}

#[test]
fn a_changed_cut_or_missing_file_is_named_as_damaged() {
    let spoil: [fn(&Path); 3] = [
        |path| {
            let mut bytes = fs::read(path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(path, bytes).unwrap();
        },
        |path| {
            let bytes = fs::read(path).unwrap();
            fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
        },
        |path| fs::remove_file(path).unwrap(),
    ];
    for name in ["apps.0.zst", "ledger.json.zst"] {
        for spoil in spoil {
            let folder = tempfile::tempdir().unwrap();
            let archive = archive_of(folder.path(), 1);
            spoil(&folder.path().join("run-00000001").join(name));
            let error = archive.run(1).unwrap().verify().unwrap_err();
            assert!(matches!(&error, Error::Damaged { path, .. } if path.ends_with(name)), "{error}");
        }
    }
}

#[test]
fn an_interrupted_run_gets_its_name_if_it_was_stored_and_goes_if_not() {
    for is_stored in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let archive = archive_of(folder.path(), 1);
        drop(written(&archive, 2, &stored(1)));
        assert_eq!(ids(&archive), [1], "it has no name before it is stored");
        let stored = stored(if is_stored { 2 } else { 1 });
        let next = if is_stored { 3 } else { 2 };
        drop(archive.begin(next, &stored).unwrap());
        assert_eq!(ids(&archive), if is_stored { vec![1, 2] } else { vec![1] });
        assert!(names(folder.path()).iter().all(|name| !name.contains('.')), "{:?}", names(folder.path()));
    }
}

#[test]
fn a_run_without_a_head_was_not_finished_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive_of(folder.path(), 1);
    fs::create_dir(folder.path().join("run-00000002.pending")).unwrap();
    fs::create_dir(folder.path().join("run-00000000.removed")).unwrap();
    fs::create_dir(folder.path().join("run-of-mine.pending")).unwrap();
    drop(archive.begin(3, &stored(2)).unwrap());
    assert_eq!(names(folder.path()), ["HCLAKE_ARCHIVE", "run-00000001", "run-of-mine.pending"]);
}

#[test]
fn runs_of_another_store_are_never_mixed_with_those_of_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive_of(folder.path(), 3);
    let refused = |next, stored: &[(i64, Timestamp)]| match archive.begin(next, stored) {
        Err(Error::OtherStore { run_id, .. }) => Some(run_id),
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    };
    assert_eq!(refused(1, &[]), Some(1), "a new store");
    assert_eq!(refused(3, &stored(2)), Some(3), "a store of before");
    assert_eq!(refused(4, &[(3, at(9))]), Some(3), "a run of another time");
    assert_eq!(refused(4, &stored(3)), None);
    assert_eq!(refused(9, &[(7, at(7)), (8, at(8))]), None, "older runs than the store's may have left it");
}

#[test]
fn runs_older_than_the_age_go_and_the_newest_stays() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive_of(folder.path(), 10);
    let (count, bytes) = archive.remove_older("3d".parse().unwrap()).unwrap();
    assert_eq!((count, ids(&archive)), (6, vec![7, 8, 9, 10]));
    assert!(bytes > 0);
    assert_eq!(archive.remove_older("3d".parse().unwrap()).unwrap().0, 0);
}

#[test]
fn a_folder_of_others_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("mine.txt"), "mine").unwrap();
    assert!(matches!(Archive::open_or_create(folder.path()), Err(Error::NotOurs { .. })));
    assert!(matches!(Archive::open(folder.path()), Err(Error::NoMark { .. })));
    assert!(matches!(Archive::open(&folder.path().join("none")), Err(Error::Missing { .. })));
    assert_eq!(names(folder.path()), ["mine.txt"]);
}

#[test]
fn an_archive_of_a_newer_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive_of(folder.path(), 1);
    let head = folder.path().join("run-00000001/run.json");
    let text = fs::read_to_string(&head).unwrap();
    fs::write(&head, text.replacen("\"format\": 1", "\"format\": 2, \"unknown\": []", 1)).unwrap();
    assert!(matches!(archive.runs(), Err(Error::Newer { found: 2, .. })));
}

proptest! {
    #[test]
    fn entries_are_read_back_whatever_their_texts_and_bodies_are(
        given in prop::collection::vec((".*", ".*"), 0..3),
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..4),
        proof in prop::option::of(".*"),
    ) {
        let mut entries = vec![(Entry::Begin { sweep: 3, given }, Vec::new()), (Entry::Span { sweep: 3 }, Vec::new())];
        for body in bodies {
            let whole = 0..body.len() as u32;
            let head = PageHead {
                sweep: 3,
                offset: 7,
                request_id: proof.clone(),
                records: vec![whole],
                listed: Some(vec![0]),
                lost: vec![(0, "ff".to_owned())],
                bytes: body.len() as u64,
            };
            entries.push((Entry::Page(head), body));
        }
        entries.push((Entry::Restart { sweep: 3 }, Vec::new()));
        entries.push((Entry::End { sweep: 3, proof, rows_read: u64::MAX }, Vec::new()));
        let mut bytes = Vec::new();
        for (entry, body) in &entries {
            entry::write(entry, body, &mut bytes).unwrap();
        }
        let mut from = Cursor::new(bytes);
        for written in entries {
            prop_assert_eq!(entry::read(&mut from).unwrap(), Some(written));
        }
        prop_assert_eq!(entry::read(&mut from).unwrap(), None);
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_ask_for_much_memory(
        bytes in 0u64..=u64::MAX,
        record in any::<(u32, u32)>(),
        rest in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let head = format!(
            "{{\"page\":{{\"sweep\":0,\"offset\":0,\"request_id\":null,\"records\":[{{\"start\":{},\"end\":{}}}],\
             \"listed\":null,\"bytes\":{bytes}}}}}\n",
            record.0, record.1
        );
        let mut from = Cursor::new([head.into_bytes(), rest].concat());
        while let Ok(Some(_)) = entry::read(&mut from) {}
    }
}
