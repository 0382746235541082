//! Properties of a pass by markers against model servers: one whose markers stay right while its list moves, and some
//! with wrong markers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::markers::MarkerPass;
use super::order::ORDER_COLUMNS_MAX;
use super::page::{Event, Evidence, Listing, PageFacts, PagePass, PageRequest, PagingShape, RowFacts, Steps};

const PAGES_MAX: u32 = 300;

fn shape(limit: u32) -> PagingShape {
    PagingShape {
        limit,
        steps: Steps::Markers,
        pages_max: PAGES_MAX,
        offset_max: None,
        order_columns: 1,
        has_updated: true,
    }
}

fn row(key: u64) -> RowFacts {
    RowFacts { key: Some(key), content: key, order: [None; ORDER_COLUMNS_MAX] }
}

/// The records after the one that the marker names, in the order of their keys.
fn page(keys: &BTreeSet<u64>, request: &PageRequest) -> PageFacts {
    let after = request.marker.as_ref().map_or(0, |marker| marker.parse::<u64>().expect("a marker of this server") + 1);
    let rows: Vec<u64> = keys.range(after..).copied().take(request.limit as usize).collect();
    let last = rows.last().copied().filter(|last| keys.range(last + 1..).next().is_some());
    PageFacts {
        rows: rows.into_iter().map(row).collect(),
        next: last.map(|l| l.to_string().into()),
        ..PageFacts::default()
    }
}

struct PassResult {
    listing: Listing,
    released: Vec<u64>,
    requests: u64,
}

fn run(shape: PagingShape, mut answer: impl FnMut(&PageRequest) -> PageFacts) -> PassResult {
    let mut pass = MarkerPass::new(shape, 7);
    let (mut released, mut requests) = (Vec::new(), 0);
    while !pass.is_ended() {
        let request = pass.next_request().expect("a pass that goes on asks for a page");
        assert!(pass.next_request().is_none(), "only one page is asked for at a time");
        requests += 1;
        assert!(requests <= u64::from(shape.pages_max), "the pass does not end");
        assert_eq!(pass.on_page(request.id + 1, PageFacts::default()), [Event::Forget { page: request.id + 1 }]);
        let facts = answer(&request);
        let keys: Vec<_> = facts.rows.iter().map(|row| row.key.unwrap_or_default()).collect();
        let events = pass.on_page(request.id, facts);
        assert_eq!(events, [Event::Release { page: request.id, rows: (0..keys.len() as u32).collect() }]);
        released.extend(keys);
    }
    PassResult { listing: Box::new(pass).into_listing().expect("the pass has ended"), released, requests }
}

fn keys(rows: u64) -> BTreeSet<u64> {
    (0..rows).map(|n| 1_000_000 + n * 10).collect()
}

#[test]
fn a_list_that_does_not_move_is_read_once_at_every_boundary_length() {
    for rows in [0, 1, 9, 10, 11, 20, 21, 999] {
        let list = keys(rows);
        let outcome = run(shape(10), |request| page(&list, request));
        assert!(outcome.released.iter().eq(&list), "{rows} rows");
        let expected = match rows {
            0 => Evidence::End,
            1..=10 => Evidence::OnePage,
            _ => Evidence::Markers,
        };
        assert_eq!(outcome.listing.evidence, expected, "{rows} rows");
        assert_eq!(outcome.requests, rows.div_ceil(10).max(1));
    }
}

fn moved(outcome: &PassResult, piece: &str) {
    assert!(
        matches!(&outcome.listing.evidence, Evidence::Moved(why) if why.contains(piece)),
        "{:?}",
        outcome.listing.evidence
    );
}

#[test]
fn a_marker_that_comes_twice_ends_the_pass_without_proof() {
    let mut asked = 0;
    let outcome = run(shape(10), |_| {
        asked += 1;
        PageFacts { rows: vec![row(asked)], next: Some("same".into()), ..PageFacts::default() }
    });
    moved(&outcome, "the marker same came twice");
    let turns = ["a", "b", "c"];
    let mut asked = 0;
    let outcome = run(shape(10), |_| {
        asked += 1;
        PageFacts { rows: vec![row(asked)], next: Some(turns[asked as usize % 3].into()), ..PageFacts::default() }
    });
    moved(&outcome, "came twice");
}

#[test]
fn a_record_that_comes_twice_forbids_a_proof() {
    let list = keys(30);
    let outcome = run(shape(10), |request| {
        let mut facts = page(&list, request);
        facts.rows[0] = row(1_000_000);
        facts
    });
    moved(&outcome, "2 of 30 records were shown before");
}

#[test]
fn a_flag_for_no_more_pages_ends_a_list_and_a_flag_for_more_without_a_marker_is_no_proof() {
    let list = keys(25);
    let outcome = run(shape(10), |request| {
        let facts = page(&list, request);
        let more = facts.next.is_some();
        PageFacts {
            next: Some(format!("{}", facts.rows[0].key.expect("a key") + 90).into()),
            more: Some(more),
            ..facts
        }
    });
    assert_eq!((outcome.listing.evidence, outcome.released.len()), (Evidence::Markers, 25));
    let outcome = run(shape(10), |request| PageFacts { next: None, more: Some(true), ..page(&list, request) });
    moved(&outcome, "names no marker");
}

#[test]
fn an_empty_page_in_the_middle_of_a_list_is_skipped() {
    let list = keys(25);
    let mut asked = 0;
    let outcome = run(shape(10), |request| {
        asked += 1;
        match asked {
            2 => PageFacts { next: Some("1000095".into()), ..PageFacts::default() },
            _ => page(&list, request),
        }
    });
    assert_eq!((outcome.listing.evidence, outcome.released.len()), (Evidence::Markers, 25));
}

#[test]
fn a_list_without_an_end_stops_at_the_bound() {
    let mut made = 0;
    let outcome = run(shape(1), |_| {
        made += 1;
        PageFacts { rows: vec![row(made)], next: Some(made.to_string().into()), ..PageFacts::default() }
    });
    moved(&outcome, "did not end within 300 pages");
}

#[test]
fn a_pass_over_a_server_that_ignores_the_marker_ends_soon() {
    let list = keys(100);
    let mut asked = 0;
    let outcome = run(shape(10), |request| {
        asked += 1;
        PageFacts {
            next: Some(asked.to_string().into()),
            ..page(&list, &PageRequest { marker: None, ..request.clone() })
        }
    });
    moved(&outcome, "shows again what it showed before");
    assert_eq!(outcome.requests, 2);
}

#[test]
fn a_steady_total_that_was_not_met_forbids_a_proof() {
    let list = keys(30);
    let outcome = run(shape(10), |request| PageFacts { total: Some(31), ..page(&list, request) });
    moved(&outcome, "the total is 31, yet 30");
    let outcome = run(shape(10), |request| PageFacts { total: Some(30), ..page(&list, request) });
    assert_eq!(outcome.listing.evidence, Evidence::Markers);
}

#[test]
fn rows_without_a_key_forbid_a_proof() {
    let outcome =
        run(shape(10), |_| PageFacts { rows: vec![RowFacts { key: None, ..row(1) }], ..PageFacts::default() });
    assert!(matches!(outcome.listing.evidence, Evidence::Unprovable(_)), "{:?}", outcome.listing.evidence);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// However the list moves: what existed throughout is shown, nothing is shown twice, and that is the proof.
    #[test]
    fn what_existed_throughout_is_in_the_listing_and_nothing_twice(
        rows in 0u64..300, limit in 1u32..40, changes in 0usize..30, seed: u64,
    ) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut list = keys(rows);
        let mut throughout = list.clone();
        let outcome = run(PagingShape { pages_max: 5_000, ..shape(limit) }, |request| {
            for _ in 0..changes {
                let key = 1_000_000 + rng.u64(..3_000);
                if rng.bool() { list.insert(key); } else { list.remove(&key); }
            }
            throughout.retain(|key| list.contains(key));
            page(&list, request)
        });
        let shown: BTreeSet<u64> = outcome.released.iter().copied().collect();
        prop_assert_eq!(shown.len(), outcome.released.len(), "a record was released twice");
        prop_assert!(throughout.is_subset(&shown), "missed {:?}", throughout.difference(&shown).collect::<Vec<_>>());
        let is_proved = matches!(outcome.listing.evidence, Evidence::Markers | Evidence::OnePage);
        prop_assert!(is_proved || (shown.is_empty() && outcome.listing.evidence == Evidence::End));
    }

    /// `run` itself checks that the pass ends within its bound.
    #[test]
    fn a_pass_over_random_answers_ends_within_bounds(limit in 1u32..20, seed: u64, spread in 1u64..500) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let outcome = run(shape(limit), |_| PageFacts {
            total: rng.bool().then(|| rng.u64(..spread)),
            rows: (0..rng.usize(..=limit as usize)).map(|_| row(rng.u64(..spread))).collect(),
            next: (rng.u8(..50) > 0).then(|| rng.u64(..spread * 50).to_string().into()),
            more: (rng.u8(..3) == 0).then(|| rng.u8(..30) > 0),
        });
        let twice = outcome.listing.rows_read > outcome.listing.keys.len() as u64;
        prop_assert!(!(twice && outcome.listing.evidence == Evidence::Markers));
    }
}
