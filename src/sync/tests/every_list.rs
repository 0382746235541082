//! Every built-in list, each with the lists that it is read for, through nights in which something happens between any two
//! requests: the emulated tenant answers at once, to the real requests, rounds, sweeps, decoder and store. After each night
//! the store is checked against what happened. `HCLAKE_SIM_SEED` runs one seed, `HCLAKE_SIM_SEEDS` that many.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use fastrand::Rng;
use serde_json::Value;

use super::nights::{CODEARTS_OFFSET_S, Nights, night, refused, seeds};
use crate::base::clock::Timestamp;
use crate::catalog::Catalog;
use crate::catalog::reach::{Orphans, Span};
use crate::catalog::spec::{Endpoint, Given, Paging, Scope, ScopeKind};
use crate::cloud::Reply;
use crate::config::ConfirmGone;
use crate::emulator::direct::{self, Asked};
use crate::emulator::{ListId, Loss, Lost, Names, ServedOrder, World, WorldSettings};
use crate::store::{self, open_read_only, run_checks};
use crate::sweep::{Envelope, Fetched, ListRequest, PageRequest, PageSource, PagingShape, Traffic};
use crate::sync::pages::Pages;
use crate::sync::plan::ListPlan;

const DAY: i64 = 86_400_000_000;
const SEEDS: u64 = 1;
/// Records on a page: few, so that there are many seams.
const LIMIT: u32 = 3;
const ROWS: usize = 12;
const NOISY_NIGHTS: usize = 3;
/// What happens in one noisy night, about.
const EVENTS: usize = 20;
const REQUEST_US: i64 = 2_000_003;
/// Orders in which a service may show its records.
const ORDERS: [ServedOrder; 4] =
    [ServedOrder::OldestFirst, ServedOrder::NewestFirst, ServedOrder::LatestChangeFirst, ServedOrder::Scattered];

/// A list with its parent, the parent's parent and so on, all of them with small pages.
fn with_parents(catalog: &Catalog, name: &str) -> Catalog {
    let mut lists = Vec::new();
    let mut next = catalog.get(name);
    while let Some(endpoint) = next {
        lists.insert(0, small_pages(endpoint.clone()));
        next = endpoint.parent.as_ref().and_then(|parent| catalog.get(&parent.table));
    }
    Catalog::of(lists)
}

fn small_pages(mut endpoint: Endpoint) -> Endpoint {
    match &mut endpoint.paging {
        Paging::None => {}
        Paging::Counted(paging) => paging.limit = LIMIT,
        Paging::Marker(paging) => paging.limit = LIMIT,
    }
    endpoint
}

/// Names of a list's records, by table.
type Named = BTreeMap<String, BTreeSet<String>>;

struct Tenant {
    catalog: Catalog,
    world: World,
    rng: Rng,
    /// How often something happens before an answer, in a thousand.
    noise: u32,
    requests: usize,
    /// Records that were missing at some time.
    lost: Named,
    /// Those of them that only lost their parent, and are to stay as they were.
    kept: Named,
}

impl Tenant {
    fn new(catalog: Catalog, seed: u64) -> Tenant {
        let settings = WorldSettings {
            seed,
            codearts_project_ids: vec![
                "332f53cbabc44863a46ce6b4f82a9fe7".into(),
                "5c0ee9d8a2f14a6f9f0b1c2d3e4f5a6b".into(),
            ],
            install_jobs: ROWS,
            apps: ROWS,
            deploy_apps: ROWS,
            image_jobs: ROWS,
            swr_jobs: ROWS,
            other_rows: ROWS,
            children: 3,
            ..WorldSettings::default()
        };
        let mut rng = Rng::with_seed(seed);
        let mut world = World::new(&catalog, settings);
        for endpoint in catalog.endpoints() {
            world.set_order(&endpoint.name, ORDERS[rng.usize(..ORDERS.len())]);
        }
        Tenant { catalog, world, rng, noise: 0, requests: 0, lost: Named::new(), kept: Named::new() }
    }

    fn happen(&mut self) {
        for lost in self.world.stir(&mut self.rng) {
            self.note(&lost);
        }
    }

    fn note(&mut self, Lost { list, record, because }: &Lost) {
        let endpoint = self.catalog.get(&list.table).expect("a list of the tenant");
        let names = Names::of(endpoint);
        let name = names.name(list, record);
        let is_kept = endpoint.parent.as_ref().is_some_and(|parent| parent.orphans == Orphans::Kept);
        match because {
            Loss::Changed if names.are_of_a_key() => {}
            Loss::Orphaned if is_kept => drop(self.kept.entry(list.table.clone()).or_default().insert(name)),
            Loss::Removed | Loss::Changed | Loss::Orphaned => {
                self.lost.entry(list.table.clone()).or_default().insert(name);
            }
        }
    }

    /// A day in which the tenant works.
    fn work(&mut self) {
        let before: Vec<_> = self.world.lists().map(|id| (id.clone(), self.world.held(id).to_vec())).collect();
        self.world.advance_day();
        let listed: HashSet<_> = self.world.lists().cloned().collect();
        for (list, records) in before {
            let names = Names::of(self.catalog.get(&list.table).expect("a list of the tenant"));
            // A record without a key is another one once anything in it has changed.
            let known =
                |record: &Value| if names.are_of_a_key() { names.name(&list, record) } else { record.to_string() };
            let is_listed = listed.contains(&list);
            let there: HashSet<String> = self.world.held(&list).iter().filter(|_| is_listed).map(known).collect();
            let missing: Vec<_> = records.into_iter().filter(|record| !there.contains(&known(record))).collect();
            let because = if is_listed { Loss::Removed } else { Loss::Orphaned };
            missing.into_iter().for_each(|record| self.note(&Lost { list: list.clone(), record, because }));
        }
    }

    /// The names of the records that `of` gives of each listing.
    fn named(&self, of: impl Fn(&World, &ListId) -> Vec<Value>) -> Named {
        let mut named = Named::new();
        for id in self.world.lists() {
            let names = Names::of(self.catalog.get(&id.table).expect("a list of the tenant"));
            let records = of(&self.world, id);
            named.entry(id.table.clone()).or_default().extend(records.iter().map(|record| names.name(id, record)));
        }
        named
    }

    /// The page that a request asks for, or the status of a refusal.
    fn answer(&mut self, request: &ListRequest, page: &PageRequest) -> Result<Answered, u16> {
        self.requests += 1;
        self.world.pass_us(REQUEST_US);
        if self.rng.u32(..1000) < self.noise {
            self.happen();
        }
        if self.rng.u32(..10_000) < self.noise {
            return Err(503);
        }
        let call = request.call(page);
        let body = call.body.unwrap_or_default();
        let asked = Asked { method: call.method.name(), path: &call.path, query: &call.query, body: &body };
        let answer = direct::answer(&self.world, &asked);
        let header =
            |name: &str| answer.headers.iter().find(|(given, _)| given == name).map(|(_, value)| value.clone());
        let (content_range, x_total) = (header("Content-Range"), header("X-Total"));
        if answer.status == 200 {
            Ok(Answered { body: answer.body.into(), content_range, x_total })
        } else {
            Err(answer.status)
        }
    }
}

struct Answered {
    body: Bytes,
    content_range: Option<String>,
    x_total: Option<String>,
}

#[derive(Clone)]
struct Model(Arc<Mutex<Tenant>>);

impl Model {
    fn tenant(&self) -> MutexGuard<'_, Tenant> {
        self.0.lock().unwrap()
    }
}

struct ModelPages {
    model: Model,
    request: ListRequest,
    keyless: Arc<HashSet<u64>>,
}

impl ModelPages {
    fn envelope(&self) -> Envelope {
        let envelope = Envelope::new(&self.request.endpoint).with_given(&self.request.given);
        envelope.with_known_keyless(Arc::clone(&self.keyless))
    }
}

impl Pages for Model {
    type Source = ModelPages;

    fn of(&self, plan: &ListPlan, given: &Given, span: Option<Span>, keyless: &Arc<HashSet<u64>>) -> ModelPages {
        let request = ListRequest::new(Arc::clone(&plan.endpoint), plan.scope.clone(), None)
            .with_given(given.clone())
            .with_span(span, CODEARTS_OFFSET_S);
        ModelPages { model: self.clone(), request, keyless: Arc::clone(keyless) }
    }
}

impl PageSource for ModelPages {
    fn shape(&self) -> PagingShape {
        self.request.shape(self.envelope().order_columns())
    }

    async fn fetch(&self, request: PageRequest) -> Fetched {
        let naps = self.model.tenant().rng.usize(..4);
        for _ in 0..naps {
            tokio::task::yield_now().await;
        }
        let answered = self.model.tenant().answer(&self.request, &request);
        let read = |answered: Answered| {
            let Answered { body, content_range, x_total } = &answered;
            let reply = Reply { body, content_range: content_range.as_deref(), x_total: x_total.as_deref() };
            let (page, facts) = self.envelope().read(&reply).expect("the tenant answers what the catalog says");
            (page.named(request.offset, None), facts)
        };
        Fetched { result: answered.map_err(refused).map(read), traffic: Traffic::default() }
    }

    fn pieces(&self) -> Vec<(String, ModelPages)> {
        let of = |request| ModelPages { model: self.model.clone(), request, keyless: Arc::clone(&self.keyless) };
        self.request.pieces().into_iter().map(|(name, request)| (name, of(request))).collect()
    }
}

impl Nights for Model {
    fn now(&self) -> Timestamp {
        self.tenant().world.now()
    }

    fn scopes(&self, endpoint: &Endpoint) -> Vec<Scope> {
        let tenant = self.tenant();
        let settings = tenant.world.settings();
        let projects = match endpoint.scope {
            ScopeKind::IamProject => settings.iam_project_ids.clone(),
            ScopeKind::CodeartsProject => settings.codearts_project_ids.clone(),
            ScopeKind::Region => vec![String::new()],
        };
        let fixed =
            endpoint.fixed.as_ref().map_or(vec![None], |fixed| fixed.values.iter().cloned().map(Some).collect());
        let scope = |project: &String, fixed: &Option<String>| Scope {
            region: settings.region.clone(),
            project: project.clone(),
            fixed: fixed.clone(),
        };
        projects.iter().flat_map(|project| fixed.iter().map(move |fixed| scope(project, fixed))).collect()
    }
}

/// The names of a list's rows in the store.
fn stored(reader: &store::Reader, endpoint: &Endpoint, rows: &str) -> BTreeSet<String> {
    let sql = format!("SELECT {} FROM {}{rows}", Names::of(endpoint).sql(), endpoint.name);
    let mut statement = reader.prepare(&sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// What must hold after every night, whatever happened in it.
fn nothing_is_gone_that_stayed(model: &Model, store: &Path) {
    let reader = open_read_only(store).unwrap();
    let tenant = model.tenant();
    assert_eq!(run_checks(&reader, tenant.catalog.endpoints()).unwrap(), []);
    for endpoint in tenant.catalog.endpoints() {
        let lost = tenant.lost.get(&endpoint.name);
        for name in stored(&reader, endpoint, "_history WHERE _closed_by = 'gone'") {
            assert!(lost.is_some_and(|lost| lost.contains(&name)), "{} {name} is gone, but stayed", endpoint.name);
        }
    }
}

/// What must hold once the cloud was quiet for as long as a round over all parents takes. `quiet_from` is when that began.
fn what_the_cloud_has_is_stored(model: &Model, store: &Path, quiet_from: Timestamp) {
    let reader = open_read_only(store).unwrap();
    let tenant = model.tenant();
    for endpoint in tenant.catalog.endpoints() {
        let table = &endpoint.name;
        let from = endpoint.window.as_ref().map_or(i64::MIN, |window| {
            // A record without a key is another one once it has changed, and old ones are not read again.
            let back = if Names::of(endpoint).are_of_a_key() { window.back } else { window.again };
            quiet_from.0 - back.micros() + DAY
        });
        let shown =
            tenant.named(|world, id| world.listing_since(id, Timestamp(from))).remove(table).unwrap_or_default();
        let day = endpoint.window.as_ref().and_then(|window| window.day_column());
        let newest = day.map(|day| format!(" WHERE {day} = (SELECT max({day}) FROM {table})"));
        let open = stored(&reader, endpoint, newest.as_deref().unwrap_or_default());
        let missing: Vec<_> = shown.difference(&open).collect();
        assert!(missing.is_empty(), "{table}: the cloud shows {missing:?}, and they are not stored");
        if endpoint.window.is_none() && endpoint.memory.is_none() {
            let nothing = BTreeSet::new();
            let kept = tenant.kept.get(table).unwrap_or(&nothing);
            let stale: Vec<_> = open.difference(&shown).filter(|name| !kept.contains(*name)).collect();
            assert!(stale.is_empty(), "{table}: {stale:?} are stored, and the cloud no longer has them");
        }
    }
}

/// Days before each quiet night: after them every parent has had its turn, and what is gone was missed twice.
fn quiet_days(catalog: &Catalog) -> Vec<i64> {
    let parents = catalog.endpoints().iter().filter_map(|endpoint| endpoint.parent.as_ref());
    let round = parents.map(|parent| i64::from(parent.every.0)).max();
    round.map_or(vec![1, 1], |round| vec![1, round, round, 1])
}

fn simulate(catalog: Catalog, seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    let store = folder.path().join("hclake.duckdb");
    let model = Model(Arc::new(Mutex::new(Tenant::new(catalog.clone(), seed))));
    let confirm_gone = if model.tenant().rng.bool() { ConfirmGone::Again } else { ConfirmGone::NextNight };
    let one_night = || {
        model.tenant().requests = 0;
        let incomplete = runtime.block_on(night(&model, &catalog, &store, confirm_gone));
        nothing_is_gone_that_stayed(&model, &store);
        incomplete
    };
    let quiet_night = || {
        model.tenant().noise = 0;
        let incomplete = one_night();
        assert!(incomplete.is_empty(), "a quiet night is complete: {incomplete:?}");
    };
    quiet_night();
    for _ in 0..NOISY_NIGHTS {
        let mut tenant = model.tenant();
        tenant.work();
        tenant.noise = (1000 * EVENTS / tenant.requests.max(1)).min(400) as u32;
        drop(tenant);
        one_night();
    }
    let quiet_from = model.now();
    for days in quiet_days(&catalog) {
        model.tenant().world.pass_us(days * DAY);
        quiet_night();
    }
    what_the_cloud_has_is_stored(&model, &store, quiet_from);
}

#[test]
fn of_every_built_in_list_nothing_is_gone_that_stayed_and_nothing_is_lost() {
    let seeds = seeds(SEEDS);
    let catalog = Catalog::builtin().unwrap();
    let mut broken = Vec::new();
    for endpoint in catalog.endpoints() {
        for seed in seeds.clone() {
            let lists = with_parents(&catalog, &endpoint.name);
            if std::panic::catch_unwind(|| simulate(lists, seed)).is_err() {
                broken.push((endpoint.name.clone(), seed));
            }
        }
    }
    assert!(broken.is_empty(), "lists and seeds that broke a law: {broken:?}");
}
