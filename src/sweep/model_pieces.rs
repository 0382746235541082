//! Properties of a sweep in pieces against a model server that shows only the beginning of a list, and whose records
//! change their value, come and go between requests.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use fastrand::Rng;
use serde_json::json;

use super::body::Page;
use super::envelope::{Envelope, key_hash};
use super::page::{PageRequest, PagingShape, Steps};
use super::source::{Fetched, PageSource, Traffic};
use super::task::{Ending, Progress, Proof, Sink, SweepLimits, Swept, sweep};
use crate::catalog::Catalog;
use crate::catalog::spec::Endpoint;
use crate::cloud::Reply;
use crate::cloud::error::Error;

const LIMIT: u32 = 5;
const OFFSET_MAX: u64 = 10;
/// The most records that the service shows of one listing.
const SHOWN_MAX: usize = 15;
/// The last of these is not asked for.
const VALUES: [&str; 4] = ["WAITING", "RUNNING", "DONE", "LOST"];
const ASKED_FOR: usize = 3;

/// What the service holds: the state of each record by its id, and where its newest records are.
struct World {
    rng: Rng,
    records: BTreeMap<u32, usize>,
    next_id: u32,
    /// Percent of requests before which something happens.
    noise: u32,
    /// Percent of what happens that is a record that comes, and that is one that goes.
    coming: u32,
    going: u32,
    newest_first: bool,
    steps: Steps,
    /// Value of which the service refuses the requests.
    refused: Option<usize>,
    /// Whether its answers have a total.
    has_total: bool,
    requests: u32,
    /// Changes the records before the first page of each piece.
    script: Option<fn(&mut World, usize)>,
}

impl World {
    fn quiet(records: impl IntoIterator<Item = usize>) -> World {
        let records: BTreeMap<u32, usize> = (1..).zip(records).collect();
        World {
            rng: Rng::with_seed(1),
            next_id: records.len() as u32 + 1,
            records,
            noise: 0,
            coming: 0,
            going: 0,
            newest_first: false,
            steps: Steps::Overlapping,
            refused: None,
            has_total: true,
            requests: 0,
            script: None,
        }
    }

    fn noisy(seed: u64) -> World {
        let mut rng = Rng::with_seed(seed);
        let records: Vec<usize> = (0..rng.usize(10..45)).map(|_| rng.usize(..ASKED_FOR)).collect();
        let (noise, coming, going) = (rng.u32(1..60), rng.u32(..40), rng.u32(..40));
        let newest_first = rng.bool();
        let steps = if rng.bool() { Steps::Overlapping } else { Steps::Apart };
        World { rng, noise, coming, going, newest_first, steps, ..World::quiet(records) }
    }

    fn happen(&mut self) {
        let dice = self.rng.u32(..100);
        let chosen = self.rng.usize(..self.records.len().max(1));
        let Some(id) = self.records.keys().nth(chosen).copied() else { return };
        if dice < self.coming {
            let value = self.rng.usize(..ASKED_FOR);
            self.records.insert(self.next_id, value);
            self.next_id += 1;
        } else if dice < self.coming + self.going {
            self.records.remove(&id);
        } else {
            let value = self.rng.usize(..ASKED_FOR);
            self.records.insert(id, value);
        }
    }

    fn answer(&mut self, piece: Option<usize>, request: &PageRequest) -> Option<serde_json::Value> {
        assert!(request.offset <= OFFSET_MAX, "the service refuses offset {}", request.offset);
        self.requests += 1;
        if self.rng.u32(..100) < self.noise {
            self.happen();
        }
        if let (Some(script), Some(piece), 0) = (self.script, piece, request.offset) {
            script(self, piece);
        }
        if piece.is_some() && piece == self.refused {
            return None;
        }
        let mut shown: Vec<(&u32, &usize)> =
            self.records.iter().filter(|(_, value)| piece.is_none_or(|piece| piece == **value)).collect();
        if self.newest_first {
            shown.reverse();
        }
        let page = shown.iter().skip(request.offset as usize).take(request.limit as usize);
        let page: Vec<_> =
            page.map(|(id, value)| json!({ "id": id.to_string(), "made": id, "state": value })).collect();
        Some(match self.has_total {
            true => json!({ "items": page, "count": shown.len() }),
            false => json!({ "items": page }),
        })
    }
}

#[derive(Clone)]
struct Model {
    world: Arc<Mutex<World>>,
    endpoint: Arc<Endpoint>,
    piece: Option<usize>,
}

/// Records that a sweep can read of one listing. The last page that the service takes begins at an earlier offset where
/// pages overlap.
fn shown_max(steps: Steps) -> usize {
    if steps == Steps::Overlapping { SHOWN_MAX - 2 } else { SHOWN_MAX }
}

fn locked(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap()
}

impl PageSource for Model {
    fn shape(&self) -> PagingShape {
        PagingShape {
            limit: LIMIT,
            steps: locked(&self.world).steps,
            pages_max: 100,
            offset_max: Some(OFFSET_MAX),
            order_columns: 1,
            has_updated: false,
        }
    }

    async fn fetch(&self, request: PageRequest) -> Fetched {
        let answer = locked(&self.world).answer(self.piece, &request);
        let read = |page: serde_json::Value| {
            let body = Bytes::from(page.to_string());
            let (page, facts) = Envelope::new(&self.endpoint).read(&Reply::of_body(&body)).unwrap();
            (page.named(request.offset, None), facts)
        };
        let refused = || Error::RedirectRefused {
            service: crate::catalog::services::built_in("workspace"),
            host: "model.invalid".into(),
            status: 400,
            location: String::new(),
        };
        Fetched { result: answer.map(read).ok_or_else(refused), traffic: Traffic::default() }
    }

    fn pieces(&self) -> Vec<(String, Model)> {
        let asked_for = VALUES.iter().enumerate().take(ASKED_FOR).filter(|_| self.piece.is_none());
        asked_for
            .map(|(piece, value)| (format!("state={value}"), Model { piece: Some(piece), ..self.clone() }))
            .collect()
    }
}

/// Keeps the ids that were released, and knows those of the store.
#[derive(Default)]
struct Shown {
    stored: BTreeSet<String>,
    released: Vec<String>,
    /// How often records were looked for that were not shown.
    asked_for_absent: u32,
}

impl Sink for Shown {
    type Fault = Infallible;

    async fn release(&mut self, page: Page, rows: Vec<u32>) -> Result<(), Infallible> {
        let id = |index: u32| serde_json::from_str::<serde_json::Value>(page.row(index)).unwrap()["id"].clone();
        self.released.extend(rows.into_iter().map(|index| id(index).as_str().unwrap().to_owned()));
        Ok(())
    }

    async fn restart(&mut self) -> Result<(), Infallible> {
        self.released.clear();
        Ok(())
    }

    async fn absent(&mut self) -> Result<Vec<u64>, Infallible> {
        self.asked_for_absent += 1;
        Ok(self.missing().iter().map(|id| key_hash(&[id])).collect())
    }

    fn progress(&mut self, progress: Progress) {
        assert!(progress.done > 0);
    }
}

impl Shown {
    fn missing(&self) -> BTreeSet<String> {
        let shown: BTreeSet<String> = self.released.iter().cloned().collect();
        self.stored.difference(&shown).cloned().collect()
    }
}

fn endpoint() -> Endpoint {
    let text = "name = \"jobs\"\ntitle = \"x\"\nabout = \"x\"\nservice = \"workspace\"\nmethod = \"GET\"\n\
                path = \"/v1/{project_id}/jobs\"\nscope = \"iam_project\"\nitems = \"items\"\ntotal = \"count\"\n\
                key = [{ column = \"id\" }]\norder = [\"made\"]\ndoc = \"x\"\n\
                [paging]\nkind = \"offset\"\nin = \"query\"\nposition = \"offset\"\nsize = \"limit\"\nlimit = 5\n\
                pages_max = 100\n\
                [[column]]\nname = \"id\"\ntype = \"text\"\nnullable = false\nabout = \"x\"\n\
                [[column]]\nname = \"made\"\ntype = \"int64\"\nabout = \"x\"\n\
                [[column]]\nname = \"state\"\ntype = \"int64\"\nabout = \"x\"\n";
    Catalog::load([("jobs.toml".to_owned(), text.to_owned())]).unwrap().endpoints()[0].clone()
}

fn read(world: &Arc<Mutex<World>>, stored: &[&str], limits: SweepLimits) -> (Swept, Shown) {
    let model = Model { world: Arc::clone(world), endpoint: Arc::new(endpoint()), piece: None };
    let mut shown = Shown { stored: stored.iter().map(|id| (*id).to_owned()).collect(), ..Shown::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let swept = runtime.block_on(sweep(Arc::new(model), &mut shown, limits)).unwrap();
    assert_eq!(swept.rows_read, shown.released.len() as u64);
    (swept, shown)
}

fn of(world: World) -> Arc<Mutex<World>> {
    Arc::new(Mutex::new(world))
}

fn reason(swept: &Swept) -> &str {
    let Ending::Unproved(reason) = &swept.ending else { panic!("{:?}", swept.ending) };
    reason
}

/// Records in turn of the values that are asked for.
fn in_turn(records: usize) -> impl Iterator<Item = usize> {
    (0..records).map(|n| n % ASKED_FOR)
}

#[test]
fn a_quiet_list_is_complete_whatever_the_service_shows_of_it() {
    for steps in [Steps::Overlapping, Steps::Apart] {
        for records in [0, 1, 14, SHOWN_MAX, SHOWN_MAX + 1, 30, 36] {
            let world = of(World { steps, ..World::quiet(in_turn(records)) });
            let (swept, shown) = read(&world, &[], SweepLimits::default());
            let Ending::Complete(proof) = swept.ending else { panic!("{records} records: {:?}", swept.ending) };
            assert_eq!(proof == Proof::Pieces, records > shown_max(steps), "{records} records: {proof:?}");
            assert_eq!((shown.released.len(), swept.distinct), (records, records as u64));
            assert_eq!(swept.total_last, Some(records as u64));
        }
    }
}

#[test]
fn what_is_missing_is_confirmed_by_a_second_reading_in_the_same_run_whatever_the_settings() {
    for confirms_at_once in [true, false] {
        let limits = SweepLimits { confirms_at_once, ..SweepLimits::default() };
        let world = of(World::quiet(in_turn(30)));
        let (swept, shown) = read(&world, &["1", "999"], limits);
        assert!(matches!(swept.ending, Ending::Complete(Proof::Agreement)), "{:?}", swept.ending);
        assert_eq!(shown.missing().into_iter().collect::<Vec<_>>(), ["999"]);
        let twice = locked(&world).requests;
        let world = of(World::quiet(in_turn(30)));
        read(&world, &["1"], limits);
        assert_eq!(twice, 2 * locked(&world).requests, "a night with nothing missing needs no second reading");
    }
}

#[test]
fn a_value_that_the_catalog_lacks_leaves_the_list_unproved_and_what_was_shown_is_kept() {
    let world = of(World::quiet(in_turn(30).chain([ASKED_FOR; 4])));
    let (swept, shown) = read(&world, &["999"], SweepLimits::default());
    assert_eq!(
        reason(&swept),
        "the total is 34, yet all pieces have 30 distinct records: the catalog may lack a value to split by, or records \
         changed theirs meanwhile"
    );
    assert_eq!((shown.released.len(), shown.asked_for_absent), (30, 0));
    // Those that the beginning of the list shows are kept too.
    let world = of(World { newest_first: true, ..World::quiet(in_turn(30).chain([ASKED_FOR; 16])) });
    let (swept, shown) = read(&world, &[], SweepLimits::default());
    assert!(reason(&swept).starts_with("the total is 46, yet all pieces have 43"));
    assert_eq!(shown.released.len(), 43);
}

#[test]
fn a_piece_that_is_cut_itself_is_named() {
    let world = of(World::quiet(in_turn(12).chain([1; 16])));
    let (swept, shown) = read(&world, &["999"], SweepLimits::default());
    assert_eq!(
        reason(&swept),
        "the piece state=RUNNING is not complete: the service shows at most 13 records of the list"
    );
    assert_eq!(shown.asked_for_absent, 0);
}

#[test]
fn a_piece_that_fails_is_named_and_what_was_shown_is_kept() {
    let world = of(World { refused: Some(1), ..World::quiet(in_turn(30)) });
    let (swept, shown) = read(&world, &["999"], SweepLimits::default());
    assert!(reason(&swept).starts_with("the piece state=RUNNING failed: "), "{}", reason(&swept));
    assert!(shown.released.len() > SHOWN_MAX);
}

#[test]
fn answers_without_a_total_prove_no_list_in_pieces() {
    let world = of(World { has_total: false, ..World::quiet(in_turn(30)) });
    let (swept, _) = read(&world, &["999"], SweepLimits::default());
    assert_eq!(reason(&swept), "the answers have no total, so the pieces may not be the whole list");
}

/// Thirty records; before the first page of each piece, the script changes them.
fn scripted(script: fn(&mut World, usize)) -> (Swept, Shown) {
    let stored: Vec<String> = (1..=30).map(|id| id.to_string()).collect();
    let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
    read(&of(World { script: Some(script), ..World::quiet(in_turn(30)) }), &stored, SweepLimits::default())
}

/// The last record, beyond what the service shows of the whole list.
const HIDING: u32 = 30;

#[test]
fn a_record_that_moves_to_a_piece_already_read_is_not_gone_though_another_is_counted_twice() {
    let (swept, shown) = scripted(|world, piece| {
        let (of_hiding, of_other) = if piece == 1 { (0, 1) } else { (1, 0) };
        world.records.insert(HIDING, of_hiding);
        world.records.insert(28, of_other);
    });
    assert_eq!(reason(&swept), "1 records were in two pieces of the list");
    assert_eq!((shown.missing().len(), shown.asked_for_absent), (1, 0));
}

#[test]
fn a_record_that_hides_in_every_reading_behind_one_that_was_counted_and_deleted_is_not_gone() {
    let (swept, shown) = scripted(|world, piece| {
        world.records.insert(HIDING, usize::from(piece != 1));
        if piece == 1 {
            let counted = world.records.iter().find(|(id, value)| **id != HIDING && **value == 0);
            let counted = *counted.expect("one of the piece before").0;
            world.records.remove(&counted);
            world.records.insert(world.next_id, 2);
            world.next_id += 1;
        }
    });
    assert_eq!(shown.asked_for_absent, 1, "distinct records were as many as the total");
    assert_eq!(shown.missing().into_iter().collect::<Vec<_>>(), ["30"]);
    assert_eq!(reason(&swept), "1 records were not shown, and no two readings of the list agree");
}

#[test]
fn a_record_that_hides_in_the_first_reading_only_is_shown_by_the_second() {
    let (swept, shown) = scripted(|world, piece| {
        let is_first = world.next_id == 31;
        if is_first {
            world.records.insert(HIDING, usize::from(piece != 1));
        }
        if is_first && piece == 1 {
            world.records.remove(&1);
            world.records.insert(world.next_id, 2);
            world.next_id += 1;
        }
    });
    assert!(matches!(swept.ending, Ending::Complete(Proof::Agreement)), "{:?}", swept.ending);
    assert!(shown.released.contains(&"30".to_owned()) && shown.missing().is_empty());
}

#[test]
fn a_total_that_moves_while_the_pieces_are_read_forbids_a_proof() {
    let (swept, _) = scripted(|world, piece| {
        if piece == 2 {
            world.records.insert(world.next_id, 2);
            world.next_id += 1;
        }
    });
    assert_eq!(
        reason(&swept),
        "the total moved from 32 to 33 while the pieces were read",
        "in the last of three readings"
    );
    let (swept, _) = scripted(|world, piece| {
        let counted = world.records.iter().find(|(_, value)| **value == 0).map(|(id, _)| *id);
        if let (2, Some(counted)) = (piece, counted) {
            world.records.remove(&counted);
            world.records.insert(world.next_id, 2);
            world.next_id += 1;
        }
    });
    assert!(reason(&swept).ends_with("31 distinct records were seen in the pieces: some were deleted meanwhile"));
}

/// However the list moves: what a complete sweep did not show was deleted, and once the list is quiet it is complete if
/// its pieces are shown.
#[test]
fn nothing_that_stayed_is_gone_and_a_quiet_list_is_complete() {
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for seed in 0..3_000 {
        let world = of(World::noisy(seed));
        let mut stored: Vec<String> = locked(&world).records.keys().map(u32::to_string).collect();
        stored.extend((seed % 2 == 0).then(|| "999".to_owned()));
        let stored: Vec<&str> = stored.iter().map(String::as_str).collect();
        let (swept, shown) = read(&world, &stored, SweepLimits::default());
        let held: BTreeSet<String> = locked(&world).records.keys().map(u32::to_string).collect();
        if let Ending::Complete(_) = swept.ending {
            let lost: Vec<_> = shown.missing().intersection(&held).cloned().collect();
            assert!(lost.is_empty(), "seed {seed}: {lost:?} are gone and were never deleted, by {:?}", swept.ending);
        }
        let is_in_pieces = held.len() > SHOWN_MAX;
        let ending = match swept.ending {
            Ending::Complete(proof) => proof.to_string(),
            _ => "unproved".to_owned(),
        };
        *seen.entry(format!("{ending} {}", if is_in_pieces { "in pieces" } else { "whole" })).or_default() += 1;
        locked(&world).noise = 0;
        let (swept, shown) = read(&world, &stored, SweepLimits::default());
        let world = locked(&world);
        let of_piece = |piece: usize| world.records.values().filter(|value| **value == piece).count();
        let is_shown = world.records.len() <= shown_max(world.steps)
            || (0..ASKED_FOR).all(|piece| of_piece(piece) <= shown_max(world.steps));
        assert_eq!(matches!(swept.ending, Ending::Complete(_)), is_shown, "seed {seed}: {:?}", swept.ending);
        if is_shown {
            assert_eq!(shown.released.iter().cloned().collect::<BTreeSet<_>>(), held, "seed {seed}");
        }
    }
    for ending in ["pieces in pieces", "agreement in pieces", "unproved in pieces", "agreement whole"] {
        assert!(seen.get(ending).is_some_and(|times| *times > 20), "{ending}: {seen:?}");
    }
}
