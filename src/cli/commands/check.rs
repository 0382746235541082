//! `hclake check`: one line for each thing that a sync needs, with a hint for each that does not work.

use std::collections::BTreeSet;

use serde_json::json;

use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::catalog::{Catalog, SkippedFile, is_builtin};
use crate::cli::args::upkeep::CheckArgs;
use crate::cli::args::{Global, SummaryFormat};
use crate::cli::catalogs::catalog_of;
use crate::cli::message::Failure;
use crate::cli::output::wrap::wrapped;
use crate::cli::progress::runtime;
use crate::cli::streams::{Streams, counted, terminal_width};
use crate::config::{self, Environment, Settings};
use crate::sync::check::{self, Finding, Mark, Trial};

/// Width of the mark before each finding.
const MARK_COLUMNS: u16 = 9;

pub(crate) fn run(
    global: &Global,
    args: &CheckArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let mut findings = Vec::new();
    let mut fault = None;
    let is_text = args.format == SummaryFormat::Text;
    let is_quiet = streams.is_quiet;
    let mut hinted = BTreeSet::new();
    let mut report = |mut finding: Finding| {
        if is_text {
            // A hint that several findings share is shown once.
            finding.hint.take_if(|hint| !hinted.insert(hint.clone()));
        }
        let is_wanted = is_text && (!is_quiet || finding.mark == Mark::Failed);
        if is_wanted && fault.is_none() {
            fault = write!(streams.out, "{}", lines(&finding)).and_then(|()| streams.out.flush()).err();
        }
        findings.push(finding);
    };
    match config::resolve(&global.flags(), environment) {
        Ok(settings) => {
            let catalog = catalog_of(&settings)?;
            skipped(&catalog).into_iter().for_each(&mut report);
            own_lists(&settings, &catalog).into_iter().for_each(&mut report);
            let trial = Trial { settings: &settings, catalog: &catalog, clock: SystemClock::shared(), all: args.all };
            runtime::runtime()?.block_on(check::check(&trial, &mut report));
        }
        Err(error) => {
            report(Finding::new(Mark::Failed, "configuration", error.to_string()).hint(error.hint()));
            report(Finding::new(
                Mark::Skipped,
                "the rest",
                "nothing was tried, since the configuration cannot be used",
            ));
        }
    }
    if let Some(fault) = fault {
        return Err(fault.into());
    }
    let count = |mark| findings.iter().filter(|finding| finding.mark == mark).count() as u64;
    let (failed, warnings) = (count(Mark::Failed), count(Mark::Warning));
    if is_text {
        streams.remark(&closing_line(failed, warnings));
    } else {
        let outcome = if failed == 0 { Mark::Ok } else { Mark::Failed };
        writeln!(streams.out, "{}", json!({ "outcome": outcome, "checks": findings }))?;
    }
    Ok(if failed == 0 { Exit::Done } else { Exit::Failed })
}

/// Files of the settings' own folder that cannot be used.
fn skipped(catalog: &Catalog) -> Vec<Finding> {
    let hint = "a sync leaves out the list of this file and asks for all others; `hclake catalog check FILE` checks it";
    let lines = catalog.skipped().iter().flat_map(SkippedFile::lines);
    lines.map(|line| Finding::new(Mark::Failed, "catalog", line).hint(hint.to_owned())).collect()
}

/// How many lists the settings' own folder holds, where there is one.
fn own_lists(settings: &Settings, catalog: &Catalog) -> Option<Finding> {
    let folder = settings.catalog_dir.as_ref()?.display();
    let count = catalog.endpoints().iter().filter(|endpoint| !is_builtin(&endpoint.name)).count();
    let (mark, what) = match count {
        0 if !catalog.skipped().is_empty() => return None,
        0 => (Mark::Warning, "no list".to_owned()),
        count => (Mark::Ok, counted(count as u64, "list")),
    };
    Some(Finding::new(mark, "catalog", format!("{what} of your own in {folder}")))
}

/// The finding's line, and that of its hint.
fn lines(finding: &Finding) -> String {
    let subject = finding.subject.as_ref().map_or(String::new(), |subject| format!(" {subject}"));
    let check = finding.check.replace('_', " ");
    let width = terminal_width();
    let below = |hint: &String| {
        let hint = wrapped(&format!("hint: {hint}"), width.map(|width| width.saturating_sub(MARK_COLUMNS)));
        hint.lines().map(|line| format!("{:1$}{line}\n", "", usize::from(MARK_COLUMNS))).collect::<String>()
    };
    let hint = finding.hint.as_ref().map_or(String::new(), below);
    let line = format!("{:<9}{check}{subject}: {}", finding.mark.name(), finding.detail);
    format!("{}\n{hint}", wrapped(&line, width))
}

fn closing_line(failed: u64, warnings: u64) -> String {
    match (failed, warnings) {
        (0, 0) => "everything works; next: hclake sync".to_owned(),
        (0, n) => format!("everything works, with {}; next: hclake sync", counted(n, "warning")),
        (n, 0) => format!("{} failed", counted(n, "check")),
        (n, w) => format!("{} failed, with {}", counted(n, "check"), counted(w, "warning")),
    }
}
