//! `hclake report help NAME`: what a report answers, how it can be asked, and what its columns mean.

use crate::cli::message::Failure;
use crate::cli::output::wrap::wrapped;
use crate::cli::streams::{self, Streams};
use crate::report::header::{Cross, ParamDefault};
use crate::report::{Report, Reports};

pub(super) fn write(reports: &Reports, names: &[String], streams: &mut Streams<'_>) -> Result<(), Failure> {
    if names.is_empty() {
        return Err(Failure::usage("no report is named", Some("hclake report help NAME".to_owned())));
    }
    for name in names {
        let text = text(reports.find(name)?);
        writeln!(streams.out, "{}", wrapped(&text, streams::terminal_width()))?;
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let header = &report.header;
    let mut lines = vec![format!("{}: {}", report.name, header.title), String::new(), header.about.clone()];
    lines.extend(report.sets_in_words());
    if !header.groupings.is_empty() {
        let names: Vec<&str> = header.groupings.iter().map(|grouping| grouping.name.as_str()).collect();
        let others: Vec<String> = header.aliases.iter().map(|(other, name)| format!("{other} = {name}")).collect();
        let others = if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) };
        lines.extend([String::new(), format!("--by {}{others}; up to three, between commas", names.join(" | "))]);
    }
    if !header.params.is_empty() {
        lines.push(String::new());
    }
    for param in header.params.iter().filter(|param| param.default != ParamDefault::Now) {
        let default = match &param.default {
            ParamDefault::Value(value) => format!(" [default: {value}]"),
            ParamDefault::Newest => " [default: the newest run]".to_owned(),
            ParamDefault::None | ParamDefault::Now => String::new(),
        };
        let place = if header.args.contains(&param.name) { param.name.to_uppercase() } else { param.option() };
        let choices = if param.choices.is_empty() { String::new() } else { format!(": {}", param.choices.join(" | ")) };
        lines.push(format!("{place}  {}{choices}{default}", param.about));
    }
    if let Some(Cross { row, column, .. }) = &header.cross {
        lines.extend([String::new(), format!("a table shows a row for each {row} and a column for each {column}; with --wide, all columns and a row for each of both")]);
    } else if !header.wide.is_empty() {
        lines.extend([String::new(), format!("--wide also shows {}", header.wide.join(", "))]);
    }
    if !header.notes.is_empty() {
        lines.push(String::new());
        lines.extend(header.notes.iter().map(|note| note.text.clone()));
    }
    lines.join("\n")
}
