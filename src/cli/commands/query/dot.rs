//! The commands that begin with a point: what they are called and what they ask for. It runs none of them.

use clap::ValueEnum;

use crate::base::nearest::{did_you_mean, nearest};
use crate::cli::message::Failure;
use crate::cli::output::Format;

/// A command as it is offered and explained.
pub(super) struct Command {
    pub name: &'static str,
    pub argument: &'static str,
    pub about: &'static str,
}

pub(super) const COMMANDS: &[Command] = &[
    Command { name: ".tables", argument: "", about: "tables, views and macros of the store" },
    Command { name: ".schema", argument: "[TABLE]", about: "columns and their meanings, of all or of one" },
    Command { name: ".reports", argument: "", about: "the reports, which `hclake report NAME` runs" },
    Command { name: ".format", argument: "[FORMAT]", about: "how rows are written: table, csv, json, jsonl, markdown" },
    Command { name: ".timer", argument: "[on|off]", about: "whether each statement is followed by the time it took" },
    Command { name: ".help", argument: "", about: "this list" },
    Command { name: ".quit", argument: "", about: "end; so do Ctrl-D, `exit` and `quit`" },
];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Dot {
    Tables,
    Schema(Option<String>),
    Reports,
    /// Without a value: shows what is set.
    Format(Option<Format>),
    Timer(Option<bool>),
    Help,
    Quit,
}

/// Whether a line that begins a statement is a command instead.
pub(super) fn is_command(line: &str) -> bool {
    line.trim_start().starts_with('.') || plain_word(line).is_some()
}

/// Words that people try when they want to leave or need help; no statement is made of one word.
fn plain_word(line: &str) -> Option<Dot> {
    match line.trim().trim_end_matches(';').to_ascii_lowercase().as_str() {
        "exit" | "quit" => Some(Dot::Quit),
        "help" => Some(Dot::Help),
        _ => None,
    }
}

pub(super) fn parse(line: &str) -> Result<Dot, Failure> {
    if let Some(dot) = plain_word(line) {
        return Ok(dot);
    }
    let mut words = line.trim().trim_end_matches(';').split_whitespace();
    let name = words.next().unwrap_or_default().to_ascii_lowercase();
    let argument = words.next();
    let takes_argument = COMMANDS.iter().any(|command| command.name == name && !command.argument.is_empty());
    if let Some(more) = if takes_argument { words.next() } else { argument } {
        return Err(Failure::usage(format!("{name} takes no `{more}`"), Some("`.help` shows the commands".to_owned())));
    }
    match name.as_str() {
        ".tables" => Ok(Dot::Tables),
        ".schema" => Ok(Dot::Schema(argument.map(|table| table.trim_matches('"').to_owned()))),
        ".reports" => Ok(Dot::Reports),
        ".format" => Ok(Dot::Format(argument.map(format_named).transpose()?)),
        ".timer" => Ok(Dot::Timer(argument.map(on_or_off).transpose()?)),
        ".help" => Ok(Dot::Help),
        ".quit" | ".exit" => Ok(Dot::Quit),
        _ => {
            let names = COMMANDS.iter().map(|command| command.name);
            let like = did_you_mean(nearest(&name, names.clone()));
            let known = names.collect::<Vec<_>>().join(", ");
            Err(Failure::usage(format!("there is no command `{name}`{like}"), Some(format!("there are {known}"))))
        }
    }
}

pub(super) fn format_names() -> impl Iterator<Item = String> {
    Format::value_variants().iter().map(|format| name_of(*format))
}

pub(super) fn name_of(format: Format) -> String {
    format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn format_named(name: &str) -> Result<Format, Failure> {
    Format::from_str(name, true).map_err(|_| {
        let names: Vec<String> = format_names().collect();
        let like = did_you_mean(nearest(name, names.iter().map(String::as_str)));
        Failure::usage(format!("there is no format `{name}`{like}"), Some(format!("there are {}", names.join(", "))))
    })
}

fn on_or_off(word: &str) -> Result<bool, Failure> {
    match word.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(Failure::usage(format!(".timer is on or off, and not `{word}`"), None)),
    }
}

/// The list of commands.
pub(super) fn help() -> String {
    let mut text = String::new();
    for Command { name, argument, about } in COMMANDS {
        text += &format!("{:<18} {about}\n", format!("{name} {argument}"));
    }
    text + "\nA statement of SQL ends with `;` and may have several lines. Tab completes.\n\
            Ctrl-C drops what was typed, or stops the statement that runs.\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_their_arguments() {
        for (line, dot) in [
            (".tables", Dot::Tables),
            ("  .schema ", Dot::Schema(None)),
            (".schema apps;", Dot::Schema(Some("apps".to_owned()))),
            (".schema \"apps\"", Dot::Schema(Some("apps".to_owned()))),
            (".reports", Dot::Reports),
            (".FORMAT Csv", Dot::Format(Some(Format::Csv))),
            (".format", Dot::Format(None)),
            (".timer on", Dot::Timer(Some(true))),
            (".timer OFF", Dot::Timer(Some(false))),
            (".timer", Dot::Timer(None)),
            (".help", Dot::Help),
            ("help", Dot::Help),
            (".quit", Dot::Quit),
            (".exit", Dot::Quit),
            ("exit;", Dot::Quit),
            ("QUIT", Dot::Quit),
        ] {
            assert!(is_command(line), "{line}");
            assert_eq!(parse(line).unwrap(), dot, "{line}");
        }
        assert!(!is_command("SELECT 1;") && !is_command("exits") && !is_command(""));
    }

    #[test]
    fn what_is_unknown_gets_the_nearest_and_all_names() {
        let text = |line: &str| parse(line).unwrap_err().text();
        assert_eq!(
            text(".table"),
            "error: there is no command `.table`; did you mean `.tables`?\n\
             hint: there are .tables, .schema, .reports, .format, .timer, .help, .quit"
        );
        assert_eq!(
            text(".format jsn"),
            "error: there is no format `jsn`; did you mean `json`?\n\
             hint: there are table, csv, json, jsonl, markdown"
        );
        assert_eq!(text(".timer maybe"), "error: .timer is on or off, and not `maybe`");
        assert_eq!(text(".tables all"), "error: .tables takes no `all`\nhint: `.help` shows the commands");
        assert_eq!(text(".schema a b"), "error: .schema takes no `b`\nhint: `.help` shows the commands");
    }

    #[test]
    fn every_command_of_the_list_is_read_and_helped_with() {
        for command in COMMANDS {
            assert!(parse(command.name).is_ok(), "{}", command.name);
            assert!(help().contains(command.name));
        }
    }
}
