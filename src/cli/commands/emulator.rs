//! `hclake emulator`: serves the stand-in cloud on this machine, for anyone who wants to try hclake, an SDK or a script
//! against it. It makes no store, and nothing but this machine reaches it.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use fastrand::Rng;

use crate::base::clock::{Clock, SystemClock, Timestamp};
use crate::base::exit::Exit;
use crate::catalog::Catalog;
use crate::cli::args::Global;
use crate::cli::args::upkeep::{EmulatorArgs, FaultArg, FaultKind};
use crate::cli::catalogs;
use crate::cli::message::Failure;
use crate::cli::progress::runtime;
use crate::cli::streams::{Streams, counted};
use crate::config::{self, Environment};
use crate::emulator::{Emulator, EmulatorSettings, Fault, NIGHT_PATH, When, World, WorldSettings};

const DAY_US: i64 = 86_400_000_000;
/// One of so many answers comes after something has happened, where the tenant moves.
const MOVES_EVERY: u64 = 5;
/// A 429 asks for this pause.
const RETRY_AFTER_S: u32 = 1;
/// How long a stalled answer takes.
const STALL: Duration = Duration::from_secs(5);
/// How far a skewed clock is ahead.
const SKEW_S: i64 = 3_600;

pub(crate) fn run(
    global: &Global,
    args: &EmulatorArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    require_loopback(args.listen)?;
    let settings = config::resolve(&global.flags(), environment)?;
    let catalog = catalogs::catalog_of(&settings)?;
    // Today as a date, so that one seed gives the same records all day.
    let today = SystemClock::new().wall().0.div_euclid(DAY_US);
    let world = WorldSettings {
        seed: args.seed,
        start: Timestamp((today - i64::from(args.nights - 1)) * DAY_US),
        install_jobs: args.rows as usize,
        ..WorldSettings::default()
    };
    runtime::runtime()?.block_on(serve(args, &catalog, world, streams))
}

async fn serve(
    args: &EmulatorArgs,
    catalog: &Catalog,
    world: WorldSettings,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let ended = runtime::interrupt()?;
    let cloud = EmulatorSettings { passes_nights: true, ..EmulatorSettings::default() };
    let (ak, sk) = (cloud.ak.clone(), cloud.sk.clone());
    let started = Emulator::start_at(args.listen, World::new(catalog, world.clone()), cloud).await;
    let emulator = started.map_err(|error| {
        let hint = "another program may have the port; with port 0 a free one is taken".to_owned();
        Failure { hint: Some(hint), ..Failure::failed(format!("cannot listen on {}: {error}", args.listen)) }
    })?;
    for FaultArg { kind, every } in &args.fault {
        let when = if *every == 1 { When::Always } else { When::EveryNth(*every) };
        emulator.faults.add(place_of(*kind), when, fault(*kind));
    }
    if args.moving {
        let rng = Mutex::new(Rng::with_seed(args.seed));
        let stir = move |world: &mut World| {
            rng.lock().map(|mut rng| drop(world.stir(&mut rng))).unwrap_or_default();
        };
        emulator.faults.add("", When::EveryNth(MOVES_EVERY), Fault::change(stir));
    }
    let url = emulator.base_url();
    for (name, value) in [
        ("HCLAKE_ENDPOINT_URL", url.as_str()),
        ("HCLAKE_REGION", &world.region),
        ("HCLAKE_CODEARTS_PROJECTS", &world.codearts_project_ids.join(",")),
        ("HUAWEICLOUD_SDK_AK", &ak),
        ("HUAWEICLOUD_SDK_SK", sk.expose()),
        ("HUAWEICLOUD_SDK_PROJECT_ID", &world.iam_project_ids.join(",")),
    ] {
        writeln!(streams.out, "export {name}='{value}'")?;
    }
    streams.out.flush()?;
    streams.remark(&format!(
        "the emulator serves {} on {url} until it is stopped (Ctrl-C)\n\
         hint: give the lines above to another shell; then `hclake sync` there reads the emulator\n\
         hint: `curl -X POST {url}{NIGHT_PATH}` lets a night pass: there are {}",
        counted(catalog.endpoints().len() as u64, "list"),
        counted(u64::from(args.nights), "night"),
    ));
    ended.await;
    Ok(Exit::Done)
}

/// Records that are invented need no protection, but keys that are printed must open nothing that others can reach.
fn require_loopback(address: SocketAddr) -> Result<(), Failure> {
    match address.ip().is_loopback() {
        true => Ok(()),
        false => Err(Failure::usage(
            format!("{address} is not of this machine alone, and the emulator's keys are known to everyone"),
            Some("listen on 127.0.0.1 or [::1]".to_owned()),
        )),
    }
}

/// The requests that a fault is for: all, or those for applications.
fn place_of(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Forbidden => "app-center/apps",
        _ => "/v",
    }
}

fn fault(kind: FaultKind) -> Fault {
    match kind {
        FaultKind::Throttled => Fault::throttled(10, "1 second", Some(RETRY_AFTER_S)),
        FaultKind::Forbidden => Fault::forbidden("workspace:apps:list"),
        FaultKind::ServerError => Fault::gateway(500, "APIGW.0501", "Internal error"),
        FaultKind::Unavailable => Fault::gateway(503, "APIGW.0601", "Service unavailable"),
        FaultKind::Reset => Fault::Reset,
        FaultKind::Cut => Fault::CutBody,
        FaultKind::Stall => Fault::Stall(STALL),
        FaultKind::Html => Fault::html(502),
        FaultKind::Clock => Fault::SkewedClock { seconds: SKEW_S },
    }
}
