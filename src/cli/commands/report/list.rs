//! The list of reports: a line each with the question that it answers, under headings.

use crate::cli::message::Failure;
use crate::cli::output::wrap::wrapped;
use crate::cli::streams::{self, Streams};
use crate::report::{GROUPS, Report, Reports};

/// The heading of reports of the user's own that name none.
const OTHERS: &str = "your own";
/// Columns between the name and the question.
const GAP: usize = 2;

pub(super) fn write(reports: &Reports, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let name_width = reports.iter().map(|report| report.name.len()).max().unwrap_or_default();
    for (number, group) in groups(reports).into_iter().enumerate() {
        if number > 0 {
            writeln!(streams.out)?;
        }
        writeln!(streams.out, "{group}")?;
        for report in reports.iter().filter(|report| heading(report) == group) {
            let indent = 2 + name_width + GAP;
            let width = streams::terminal_width().map(|width| width.saturating_sub(indent as u16));
            let title = wrapped(&titled(report), width).replace('\n', &format!("\n{}", " ".repeat(indent)));
            writeln!(streams.out, "  {:name_width$}{}{title}", report.name, " ".repeat(GAP))?;
        }
    }
    streams.remark("\nhclake report help NAME says how one can be asked: --by, --since, --app and others");
    Ok(())
}

/// The question, and the sets that have to be switched on for an answer.
fn titled(report: &Report) -> String {
    match report.sets_needed().as_slice() {
        [] => report.header.title.clone(),
        sets => format!("{} ({})", report.header.title, sets.join(", ")),
    }
}

fn heading(report: &Report) -> &str {
    if report.header.group.is_empty() { OTHERS } else { &report.header.group }
}

/// The headings in use: the known ones first, then others as they come.
fn groups(reports: &Reports) -> Vec<&str> {
    let mut groups: Vec<&str> =
        GROUPS.into_iter().filter(|group| reports.iter().any(|r| heading(r) == *group)).collect();
    for report in reports.iter() {
        if !groups.contains(&heading(report)) {
            groups.push(heading(report));
        }
    }
    groups
}
