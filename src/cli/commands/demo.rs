//! `hclake demo`: a few nights of real syncs from the emulator on loopback, then questions to the store that they make, and
//! its dashboard.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::util::display::array_value_to_string;

use super::dashboard;
use super::report::answer::{self, Form};
use super::schedule::shell;
use super::sync as sync_command;
use crate::base::clock::{Clock, ShiftedClock, SystemClock, Timestamp};
use crate::base::exit::Exit;
use crate::base::time_zone::TimeZone;
use crate::catalog::Catalog;
use crate::cli::args::{DemoArgs, Global, SummaryFormat};
use crate::cli::message::Failure;
use crate::cli::output::query_format::QueryFormat;
use crate::cli::progress::lines::Lines;
use crate::cli::progress::runtime;
use crate::cli::stores::moment;
use crate::cli::streams::Streams;
use crate::config::{self, Environment, Settings};
use crate::emulator::{Emulator, EmulatorSettings, Running, World, WorldSettings};
use crate::report::{ReportResult, Reports, Request, Session};
use crate::store;
use crate::sync;

const STORE_DEFAULT: &str = "hclake-demo.duckdb";
const NIGHTS: i64 = 3;
const NIGHTS_FULL: i64 = 5;
const DAY_US: i64 = 86_400_000_000;
/// The emulator on loopback can take more than a real service.
const RATE_PER_S: f64 = 500.0;

pub(crate) fn run(
    global: &Global,
    args: &DemoArgs,
    _: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let store = global.store.clone().unwrap_or_else(|| PathBuf::from(STORE_DEFAULT));
    store::file_name(&store)?;
    make_room(&store, args.replace)?;
    let page = dashboard::place(&page_beside(&store), false)?;
    let nights = runtime::runtime()?.block_on(sync_nights(&store, args, streams))?;
    show_answers(&store, &nights, streams)?;
    dashboard::of_demo(&store, &page)?;
    streams.remark(&format!("\nThe dashboard is {}; any browser opens it.", page.display()));
    Ok(Exit::Done)
}

/// The file of the dashboard: called like the store, and never the store itself.
fn page_beside(store: &Path) -> PathBuf {
    let is_html = store.extension().is_some_and(|ending| ending == "html");
    store.with_extension(if is_html { "dashboard.html" } else { "html" })
}

/// Removes the store of an earlier demo. It removes nothing else: no other store, no other file, and no link.
fn make_room(store: &Path, replace: bool) -> Result<(), Failure> {
    let Ok(there) = store.symlink_metadata() else { return Ok(()) };
    let shown = store.display();
    if there.is_symlink() {
        let hint = "name the store itself, or another file, with --store";
        return Err(Failure::usage(format!("{shown} is a link; a demo replaces no link"), Some(hint.to_owned())));
    }
    if !replace {
        let hint = "--replace makes the store of an earlier demo again; --store names another file";
        return Err(Failure::usage(format!("{shown} is already there"), Some(hint.to_owned())));
    }
    let reader = store::open_read_only(store)?;
    if !store::is_demo(&reader)? {
        return Err(store::Error::NotDemoStore { path: store.to_owned() }.into());
    }
    drop(reader);
    Ok(std::fs::remove_file(store)?)
}

/// Runs the nights and returns when each began.
async fn sync_nights(store: &Path, args: &DemoArgs, streams: &mut Streams<'_>) -> Result<Vec<Timestamp>, Failure> {
    let (catalog, nights) =
        if args.full { (Catalog::builtin()?, NIGHTS_FULL) } else { (Catalog::core()?, NIGHTS) };
    let clock = Arc::new(ShiftedClock::new(SystemClock::shared(), -(nights - 1) * DAY_US));
    let world =
        WorldSettings { seed: args.seed, start: clock.wall(), install_jobs: args.rows as usize, ..Default::default() };
    let cloud = EmulatorSettings { clock: clock.clone(), ..Default::default() };
    let (ak, sk) = (cloud.ak.clone(), cloud.sk.clone());
    let emulator = Emulator::start(World::new(&catalog, world.clone()), cloud).await?;
    let settings = settings(store, &catalog, &world, &emulator, &ak, sk.expose())?;
    streams.remark(&format!("a cloud emulator serves {} lists on {}", catalog.endpoints().len(), emulator.base_url()));
    let mut began = Vec::new();
    for night in 0..nights {
        clock.set_shift_us((night + 1 - nights) * DAY_US);
        if night > 0 {
            emulator.with_world(World::advance_day);
        }
        streams.remark(&format!("\nnight {} of {nights}: hclake sync", night + 1));
        let settings = settings.clone();
        let request = sync::Request { settings, only: Vec::new(), allow_gone: false, max_time: None, is_demo: true };
        let observer = Arc::new(Lines::new(true));
        let summary = sync::sync(request, &catalog, clock.clone(), observer, runtime::interrupt()?).await?;
        sync_command::show(&summary, SummaryFormat::Text, streams)?;
        if summary.exit() != Exit::Done {
            return Err(Failure::failed("the demo's sync did not end well"));
        }
        began.push(summary.started_at);
    }
    Ok(began)
}

/// The settings that a person would make in the environment.
fn settings(
    store: &Path,
    catalog: &Catalog,
    world: &WorldSettings,
    emulator: &Running,
    ak: &str,
    sk: &str,
) -> Result<Settings, Failure> {
    let lists = catalog.sets().join(",");
    let environment = Environment::of(&[
        ("HCLAKE_ENDPOINT_URL", &emulator.base_url()),
        ("HCLAKE_REGION", &world.region),
        ("HCLAKE_LISTS", &lists),
        ("HCLAKE_CODEARTS_PROJECTS", &world.codearts_project_ids.join(",")),
        ("HUAWEICLOUD_SDK_AK", ak),
        ("HUAWEICLOUD_SDK_SK", sk),
    ]);
    let flags = config::Flags { store: Some(store.to_owned()), ..config::Flags::default() };
    let mut settings = config::resolve(&flags, &environment)?;
    settings.set_rates(RATE_PER_S);
    Ok(settings)
}

fn show_answers(store: &Path, nights: &[Timestamp], streams: &mut Streams<'_>) -> Result<(), Failure> {
    let Some(first) = nights.first() else { return Ok(()) };
    let reader = store::open_read_only(store)?;
    let moment = moment(&reader)?;
    let session = Session::begin(&reader, TimeZone::UTC)?;
    let reports = Reports::built_in();
    let shown = shell(&store.display().to_string());
    let ask = |name: &str, streams: &mut Streams<'_>| -> Result<ReportResult, Failure> {
        streams.remark(&format!("\n$ hclake --store {shown} report {name}"));
        let result = session.run(reports.find(name)?, &Request::default(), moment)?;
        let rows_only = ReportResult { notes: Vec::new(), ..result.clone() };
        let form = Form { format: QueryFormat::Table, zone: TimeZone::UTC, is_wide: false, out: None, replace: false };
        answer::write(&[(name, rows_only)], &form, streams)?;
        Ok(result)
    };
    let failures = ask("install_failures", streams)?;
    writeln!(streams.out, "\n{}", conclusion(&failures)?)?;
    ask("regressions", streams)?;
    ask("changes", streams)?;
    streams.remark(&format!(
        "\nThe store is {}. Try:\n  hclake --store {shown} report install_failures --by version\n  \
         hclake --store {shown} query \"SELECT * FROM app_install_jobs_as_of(TIMESTAMPTZ '{first}') LIMIT 5\"",
        store.display()
    ));
    Ok(())
}

/// Which application fails to install most, and whether it gets worse, with the counts.
fn conclusion(failures: &ReportResult) -> Result<String, Failure> {
    let Some(batch) = failures.batches.iter().find(|batch| batch.num_rows() > 0) else {
        return Ok("No installation has finished yet.".to_owned());
    };
    let cell = |name: &str| -> Result<String, Failure> {
        let column = batch.column_by_name(name).ok_or_else(|| Failure::failed(format!("no column {name}")))?;
        array_value_to_string(column, 0).map_err(|error| Failure::failed(error.to_string()))
    };
    let trend = match cell("trend")?.as_str() {
        "worse" => "It is getting worse",
        "better" => "It is getting better",
        "no clear change" => "There is no clear change",
        _ => "Too few finished lately to see a trend",
    };
    let share = |failed: &str, finished: &str| -> Result<String, Failure> {
        let (failed, finished) = (cell(failed)?, cell(finished)?);
        let rate = failed.parse::<f64>().unwrap_or(0.0) * 100.0 / finished.parse::<f64>().unwrap_or(0.0).max(1.0);
        Ok(if finished == "0" { "none finished".to_owned() } else { format!("{failed} of {finished} ({rate:.1} %)") })
    };
    Ok(format!(
        "{} fails to install most: {} of {} finished installations failed ({} %).\n\
         {trend}: {} in the last 7 days, {} in the 28 days before.",
        cell("app")?,
        cell("failed")?,
        cell("finished")?,
        cell("failure_rate_pct")?,
        share("failed_7d", "finished_7d")?,
        share("failed_28d_before", "finished_28d_before")?,
    ))
}
