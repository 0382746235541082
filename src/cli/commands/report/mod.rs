//! `hclake report`: lists the reports, or runs one and writes its rows. Warnings about the lists behind it come before the
//! rows, on standard error; notes come after.

pub(crate) mod answer;
mod check;
mod cross;
mod help;
mod list;

use crate::base::clock::Timestamp;
use crate::base::exit::Exit;
use crate::base::time_zone::TimeZone;
use crate::cli::args::{Global, ReportArgs, ReportOptions};
use crate::cli::message::Failure;
use crate::cli::output::query_format::{QueryFormat, format_of};
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::stores::{moment, open_closed, require_plain_target};
use crate::cli::streams::Streams;
use crate::config::settings::{REPORT_DIR, TIMEZONE};
use crate::config::{self, Environment, Settings};
use crate::report::folder::{self, FileError};
use crate::report::{Moment, Report, Reports, Request, Session, count, head};
use crate::store::{self, Reader};

/// What is written in place of a report's name to check files, or to read how a report is asked.
const CHECK: &str = "check";
const HELP: &str = "help";
/// The report behind `hclake changes`.
const CHANGES: &str = "changes";

pub(crate) fn run(
    global: &Global,
    args: &ReportArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    match args.name.as_deref() {
        None => list::write(&reports(&settings, streams), streams)?,
        Some(CHECK) => {
            reports(&settings, streams);
            return check::run(&args.values, &settings, streams);
        }
        Some(HELP) => {
            let names: Vec<&str> = args.values.iter().map(String::as_str).collect();
            help::write(&reports_for(&names, &settings, streams), &args.values, streams)?;
        }
        Some(names) => ask(names, &args.values, &args.options, &settings, streams)?,
    }
    Ok(Exit::Done)
}

/// `hclake changes`: the report of that name.
pub(crate) fn changes(
    global: &Global,
    options: &ReportOptions,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    ask(CHANGES, &[], options, &settings, streams)?;
    Ok(Exit::Done)
}

/// Runs the reports of these names, and writes their answers.
fn ask(
    names: &str,
    values: &[String],
    options: &ReportOptions,
    settings: &Settings,
    streams: &mut Streams<'_>,
) -> Result<(), Failure> {
    let format = format_of(options.format, options.out.as_deref())?;
    let top = options.top.as_deref().map(|text| count("--top", text)).transpose()?;
    let names: Vec<&str> = names.split(',').map(str::trim).collect();
    let reports = reports_for(&names, settings, streams);
    let asked = names.into_iter().map(|name| reports.find(name)).collect::<Result<Vec<_>, _>>()?;
    if asked.len() > 1 && format != QueryFormat::Xlsx {
        return Err(Failure::usage(
            "several reports at once go into an Excel workbook, a sheet each",
            Some("add --out FILE.xlsx, or ask for one report at a time".to_owned()),
        ));
    }
    if let Some(twice) = (1..asked.len()).find(|at| asked[..*at].iter().any(|one| one.name == asked[*at].name)) {
        return Err(Failure::usage(format!("the report `{}` is named twice", asked[twice].name), None));
    }
    if let Some(path) = &options.out {
        require_plain_target(path, &settings.store.value)?;
    }
    let zone = zone_of(options.timezone.as_deref(), settings)?;
    let listener = Listener::begin()?;
    let reader = open_closed(&settings.store.value)?;
    let moment = moment(&reader)?;
    listener.attend(&reader, Watched { is_shown: options.out.is_none(), ..Watched::default() }, |_| {
        let session = Session::begin(&reader, zone)?;
        let mut answers = Vec::new();
        for report in asked {
            let request = Request { top: top.map(|top| top as usize), ..request(options, values, report)? };
            let result = session.run(report, &request, moment)?;
            for line in heads(&reader, report, result.as_of, moment)? {
                streams.remark(&format!("note: {line}"));
            }
            answers.push((report.name.as_str(), result));
        }
        let form =
            answer::Form { format, zone, is_wide: options.wide, out: options.out.as_deref(), replace: options.replace };
        answer::write(&answers, &form, streams)
    })
}

/// The built-in reports, and those of the user's folder; each faulty file is named and left out.
pub(crate) fn reports(settings: &Settings, streams: &Streams<'_>) -> Reports {
    let (reports, faults) = read(settings);
    faults.iter().for_each(|fault| warn(fault, streams));
    reports
}

/// The same, for a question to reports of these names. Faulty files are named that may stand for one of them.
fn reports_for(names: &[&str], settings: &Settings, streams: &Streams<'_>) -> Reports {
    let (reports, faults) = read(settings);
    let is_missing = names.iter().any(|name| reports.find(name).is_err());
    let asked = faults.iter().filter(|fault| is_missing || names.iter().any(|name| fault.concerns(name)));
    asked.for_each(|fault| warn(fault, streams));
    reports
}

fn read(settings: &Settings) -> (Reports, Vec<FileError>) {
    let (own, faults) = settings.get(REPORT_DIR).map_or_else(Default::default, |folder| folder::read(&folder));
    (Reports::built_in().and(own), faults)
}

fn warn(fault: &FileError, streams: &Streams<'_>) {
    streams.remark(&format!("warning: {fault}"));
}

/// The zone of `--timezone`, else of the settings.
pub(crate) fn zone_of(given: Option<&str>, settings: &Settings) -> Result<TimeZone, Failure> {
    match given {
        Some(text) => text.parse().map_err(|error: crate::base::time_zone::UnknownZone| {
            Failure::usage(error.to_string(), Some(error.hint()))
        }),
        None => Ok(settings.get(TIMEZONE)),
    }
}

/// The options that were given, as a question to `report`.
fn request(options: &ReportOptions, values: &[String], report: &Report) -> Result<Request, Failure> {
    let mut request = Request { by: options.by.clone(), ..Request::default() };
    for (name, text) in [
        ("since", &options.since),
        ("until", &options.until),
        ("as_of", &options.as_of),
        ("app", &options.app),
        ("instance", &options.instance),
        ("target", &options.target),
        ("scope", &options.scope),
        ("min", &options.min),
    ] {
        if let Some(text) = text {
            request = request.with(name, text);
        }
    }
    for pair in &options.param {
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            Failure::usage(format!("--param {pair} has no value"), Some("write --param NAME=VALUE".to_owned()))
        })?;
        request = request.with(name, value);
    }
    let places = &report.header.args;
    if values.len() > places.len() {
        let extra = &values[places.len()];
        let hint = match places.as_slice() {
            [] => "it takes options alone".to_owned(),
            places => format!("hclake report {} {}", report.name, places.join(" ").to_uppercase()),
        };
        return Err(Failure::usage(format!("the report `{}` has no place for `{extra}`", report.name), Some(hint)));
    }
    for (name, value) in places.iter().zip(values) {
        request = request.with(name, value);
    }
    Ok(request)
}

/// Remarks on the lists that the report is made of, as they are now or were at the instant that was asked for.
pub(crate) fn heads(
    reader: &Reader,
    report: &Report,
    as_of: Option<Timestamp>,
    moment: Moment,
) -> Result<Vec<String>, Failure> {
    let tables: Vec<&str> = report.lists().collect();
    Ok(head::head(&store::freshness(reader, as_of)?, &tables, as_of.unwrap_or(moment.now), as_of.is_some()))
}
