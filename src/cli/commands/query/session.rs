//! Statements and commands in turn over one store, for a person or from standard input. Each statement answers from the
//! store as one run left it; where a run has replaced the file, the next statement reads the new one.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Instant;

use super::dot::{self, Dot};
use super::editor::{Input, Typed};
use super::limits::{CutHint, remark_on_rows, rows_max};
use super::names::Names;
use super::show;
use super::sql;
use super::statement::{self, Wanted};
use crate::base::exit::Exit;
use crate::cli::message::Failure;
use crate::cli::output::Format;
use crate::cli::output::query_format::QueryFormat;
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::stores::open_closed;
use crate::cli::streams::{Streams, say};
use crate::config::Environment;
use crate::store::Reader;

pub(super) fn run(
    store: &Path,
    format: QueryFormat,
    limit: Option<u64>,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let format = format.as_text().ok_or_else(|| {
        Failure::usage("parquet is written to a file", Some("give one statement, with --out FILE".to_owned()))
    })?;
    let mut input = Input::of_process(environment);
    let mut session = Session::begin(store, format, limit, input.is_interactive())?;
    if session.is_interactive {
        streams.remark(&format!(
            "reading {}; a statement ends with `;`, .help shows commands, Ctrl-D ends",
            store.display()
        ));
        input.offer(Names::read(&session.reader)?);
    }
    let mut pending = String::new();
    loop {
        let typed = input.read(&mut session.listener, session.reader.spill_folder(), !sql::is_blank(&pending))?;
        let text = match typed {
            Typed::Text(text) => text,
            Typed::Restarted(text) => {
                pending.clear();
                text
            }
            Typed::End if session.listener.must_end() => return Err(Failure::interrupted()),
            Typed::End => {
                if !sql::is_blank(&pending) {
                    session.step(&Step::Statement(pending), streams)?;
                }
                return Ok(Exit::Done);
            }
        };
        for step in steps(&mut pending, &text) {
            match session.step(&step, streams)? {
                Next::GoOn => {}
                Next::DropRest => break,
                Next::End => return Ok(Exit::Done),
            }
        }
        if std::mem::take(&mut session.is_renewed) && session.is_interactive {
            input.offer(Names::read(&session.reader)?);
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Step {
    Statement(String),
    Command(String),
}

/// What can be run now that more text has come; the rest stays in `pending`.
fn steps(pending: &mut String, text: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    for line in text.lines() {
        if sql::is_blank(pending) && dot::is_command(line) {
            pending.clear();
            steps.push(Step::Command(line.to_owned()));
            continue;
        }
        pending.push_str(line);
        pending.push('\n');
        if line.contains(';') {
            let (complete, rest) = sql::statements(pending);
            steps.extend(complete.into_iter().map(|statement| Step::Statement(statement.to_owned())));
            *pending = rest.trim_start().to_owned();
        }
    }
    steps
}

enum Next {
    GoOn,
    /// What was typed with it is dropped too.
    DropRest,
    End,
}

struct Session<'a> {
    store: &'a Path,
    reader: Reader,
    identity: Option<Identity>,
    /// Whether another file is read since the last look.
    is_renewed: bool,
    listener: Listener,
    format: Format,
    limit: Option<u64>,
    has_timer: bool,
    is_interactive: bool,
    /// Statements that were run.
    asked: u64,
    /// Whether an answer of several lines came last, after which another one needs an empty line.
    is_apart: bool,
}

impl<'a> Session<'a> {
    fn begin(
        store: &'a Path,
        format: Format,
        limit: Option<u64>,
        is_interactive: bool,
    ) -> Result<Session<'a>, Failure> {
        let listener = Listener::begin()?;
        let identity = Identity::of(store);
        let reader = open_closed(store)?;
        Ok(Session {
            store,
            reader,
            identity,
            is_renewed: false,
            listener,
            format,
            limit,
            has_timer: false,
            is_interactive,
            asked: 0,
            is_apart: true,
        })
    }

    /// Runs a statement or command. A person sees what failed and goes on; otherwise a failure is the end.
    fn step(&mut self, step: &Step, streams: &mut Streams<'_>) -> Result<Next, Failure> {
        let ran = match step {
            Step::Statement(sql) => self.ask(sql, streams).map(|()| Next::GoOn).map_err(|failure| self.placed(failure)),
            Step::Command(line) => dot::parse(line).and_then(|dot| self.obey(dot, streams)),
        };
        match ran {
            Err(failure) if self.is_interactive && !self.listener.must_end() && failure.exit != Exit::Done => {
                say(&failure.text());
                Ok(if failure.exit == Exit::Interrupted { Next::DropRest } else { Next::GoOn })
            }
            other => other,
        }
    }

    /// Outside a terminal nobody sees which statement failed.
    fn placed(&self, failure: Failure) -> Failure {
        let place = format!("it is statement {} of standard input; none after it was run", self.asked);
        match failure.exit {
            Exit::Failed | Exit::Usage if !self.is_interactive => {
                Failure { hint: Some(failure.hint.map_or(place.clone(), |hint| format!("{hint}; {place}"))), ..failure }
            }
            _ => failure,
        }
    }

    /// A table in a file is apart from what comes before it.
    fn set_apart(&mut self, streams: &mut Streams<'_>) -> Result<(), Failure> {
        let is_for_people = matches!(self.format, Format::Table | Format::Markdown);
        if is_for_people && !self.is_apart && !self.is_interactive {
            writeln!(streams.out)?;
        }
        self.is_apart = false;
        Ok(())
    }

    fn ask(&mut self, sql: &str, streams: &mut Streams<'_>) -> Result<(), Failure> {
        self.asked += 1;
        self.renew(streams)?;
        self.set_apart(streams)?;
        let begun = Instant::now();
        let format = QueryFormat::from(self.format);
        let wanted = Wanted { format, rows_max: rows_max(format, self.limit)?, out: None };
        let watched = Watched { is_shown: true, is_one_of_many: self.is_interactive, ..Watched::default() };
        let Session { store, reader, listener, .. } = self;
        let answered =
            listener.attend_one(reader, watched, |stop| statement::ask(reader, store, sql, &wanted, stop, streams))?;
        remark_on_rows(format, answered, if self.limit.is_some() { CutHint::None } else { CutHint::Dot }, streams);
        if self.has_timer {
            streams.remark(&format!("took {:.3} s", begun.elapsed().as_secs_f64()));
        }
        Ok(())
    }

    /// Opens the store again where its file is another one now.
    fn renew(&mut self, streams: &Streams<'_>) -> Result<(), Failure> {
        let identity = Identity::of(self.store);
        if identity != self.identity {
            self.reader = open_closed(self.store)?;
            self.identity = identity;
            self.is_renewed = true;
            streams.remark("note: a newer run has replaced the store, and is read from here on");
        }
        Ok(())
    }

    fn obey(&mut self, dot: Dot, streams: &mut Streams<'_>) -> Result<Next, Failure> {
        match dot {
            Dot::Tables => {
                self.renew(streams)?;
                show::tables(&Names::read(&self.reader)?, streams)?;
            }
            Dot::Schema(table) => {
                self.renew(streams)?;
                show::schema(&self.reader, table.as_deref(), streams)?;
            }
            Dot::Reports => show::reports(streams)?,
            Dot::Format(Some(format)) => self.format = format,
            Dot::Format(None) => writeln!(streams.out, "{}", dot::name_of(self.format))?,
            Dot::Timer(Some(is_on)) => self.has_timer = is_on,
            Dot::Timer(None) => writeln!(streams.out, "{}", if self.has_timer { "on" } else { "off" })?,
            Dot::Help => write!(streams.out, "{}", dot::help())?,
            Dot::Quit => return Ok(Next::End),
        }
        streams.out.flush()?;
        Ok(Next::GoOn)
    }
}

/// What differs between a file and the one that replaces it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl Identity {
    /// `None` where there is no file, which opening it reports.
    fn of(path: &Path) -> Option<Identity> {
        let found = fs::metadata(path).ok()?;
        Some(Identity { device: found.dev(), inode: found.ino(), changed: (found.mtime(), found.mtime_nsec()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(lines: &[&str]) -> (Vec<Step>, String) {
        let mut pending = String::new();
        let steps = lines.iter().flat_map(|line| steps(&mut pending, line)).collect();
        (steps, pending)
    }

    #[test]
    fn statements_may_share_a_line_or_have_several() {
        let statement = |sql: &str| Step::Statement(sql.to_owned());
        let (steps, rest) = fed(&["SELECT 1; SELECT", "  2", ";", "FROM t"]);
        assert_eq!(steps, [statement("SELECT 1;"), statement("SELECT\n  2\n;")]);
        assert_eq!(rest, "FROM t\n");
    }

    #[test]
    fn a_command_is_read_only_where_a_statement_could_begin() {
        let command = |line: &str| Step::Command(line.to_owned());
        let (steps, rest) = fed(&["-- look around", ".tables", "SELECT '", ".help';", "exit"]);
        assert_eq!(steps, [command(".tables"), Step::Statement("SELECT '\n.help';".to_owned()), command("exit")]);
        assert_eq!(rest, "");
    }
}
