//! `hclake dashboard`: writes the page of figures to a file, by hand or after a sync. It replaces a page that hclake made,
//! and no other file unless `--replace` is given.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::report::zone_of;
use crate::base::exit::Exit;
use crate::base::time_zone::TimeZone;
use crate::cli::args::{DashboardArgs, Global};
use crate::cli::message::Failure;
use crate::cli::output::whole::{self, FileError, IfExists};
use crate::cli::progress::watch::{Listener, Watched};
use crate::cli::stores::moment;
use crate::cli::streams::{Streams, say};
use crate::config::settings::{DASHBOARD_FILE, TIMEZONE};
use crate::config::{self, Environment, Settings};
use crate::report::page::{PageRequest, is_page, page};
use crate::report::{Moment, Session};
use crate::store::{self, Reader};

/// Bytes of a file that are read to see who made it.
const BEGINNING_BYTES: u64 = 4096;

/// What the page shows.
struct Shown<'a> {
    store: &'a Path,
    as_of: Option<&'a str>,
    zone: TimeZone,
    moment: Moment,
}

pub(crate) fn run(
    global: &Global,
    args: &DashboardArgs,
    environment: &Environment,
    streams: &mut Streams<'_>,
) -> Result<Exit, Failure> {
    let settings = config::resolve(&global.flags(), environment)?;
    let path = match &args.out {
        Some(path) => path.clone(),
        None => settings.get(DASHBOARD_FILE).ok_or_else(|| {
            let hint = "name it: [dashboard] file = \"dashboard.html\" in hclake.toml; or write one with --out FILE";
            Failure::usage("no dashboard is set that could be refreshed", Some(hint.to_owned()))
        })?,
    };
    let path = place(&path, args.replace)?;
    let zone = zone_of(args.timezone.as_deref(), &settings)?;
    let listener = Listener::begin()?;
    let reader = store::open_read_only(&settings.store.value)?;
    let shown = Shown { store: &settings.store.value, as_of: args.as_of.as_deref(), zone, moment: moment(&reader)? };
    listener.attend(&reader, Watched::default(), |_| {
        let bytes = write(&reader, &shown, &path)?;
        streams.remark(&written(&path, bytes));
        Ok(())
    })?;
    Ok(Exit::Done)
}

/// Writes the page of a demo's store to this file.
pub(crate) fn of_demo(store: &Path, path: &Path) -> Result<(), Failure> {
    let path = place(path, false)?;
    let reader = store::open_read_only(store)?;
    let shown = Shown { store, as_of: None, zone: TimeZone::UTC, moment: moment(&reader)? };
    write(&reader, &shown, &path).map(drop)
}

/// Writes the page that the settings name, after a sync that stored a run. A fault is reported here; the run stays stored.
pub(crate) fn after_sync(settings: &Settings, streams: &Streams<'_>) -> Result<(), Failure> {
    let Some(path) = settings.get(DASHBOARD_FILE) else { return Ok(()) };
    let refreshed = (|| {
        let path = place(&path, false)?;
        let store = &settings.store.value;
        let reader = store::open_read_only(store)?;
        let shown = Shown { store, as_of: None, zone: settings.get(TIMEZONE), moment: moment(&reader)? };
        let bytes = write(&reader, &shown, &path)?;
        Ok(written(&path, bytes))
    })();
    match refreshed {
        Ok(written) => {
            streams.remark(&written);
            Ok(())
        }
        Err(failure) => {
            let failure: Failure = failure;
            say(&failure.after("warning: the run is stored, but the dashboard was not written"));
            Err(failure)
        }
    }
}

/// Refuses the store itself as the place of its page.
fn require_other(store: &Path, path: &Path) -> Result<(), Failure> {
    let is_store = fs::canonicalize(path).ok().is_some_and(|path| fs::canonicalize(store).ok() == Some(path));
    match is_store {
        false => Ok(()),
        true => Err(Failure::usage(format!("{} is the store", path.display()), Some("name another file".to_owned()))),
    }
}

/// Where the file is written: where a link leads, if the path is one. Refused is a file that hclake did not make.
pub(crate) fn place(path: &Path, is_replaced: bool) -> Result<PathBuf, Failure> {
    let fault = FileError::at(path);
    if path.as_os_str() == "-" {
        let hint = "a dashboard is written to a file: name one, such as dashboard.html";
        return Err(Failure::usage("- is no file name here", Some(hint.to_owned())));
    }
    let Ok(there) = path.symlink_metadata() else { return Ok(path.to_owned()) };
    let place = if there.is_symlink() { fs::canonicalize(path).map_err(&fault)? } else { path.to_owned() };
    let is_file = fs::metadata(&place).map_err(&fault)?.is_file();
    if !is_file {
        let hint = "name a file, such as dashboard.html";
        return Err(Failure::usage(format!("{} is not a file", path.display()), Some(hint.to_owned())));
    }
    if is_replaced || is_page(&beginning(&place).map_err(&fault)?) {
        return Ok(place);
    }
    Err(Failure::usage(
        format!("{} is already there and is no dashboard that hclake made; it was left as it is", path.display()),
        Some("name another file, or replace it by hand: hclake dashboard --out FILE --replace".to_owned()),
    ))
}

fn beginning(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(BEGINNING_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// The page of the newest run, to be attached to a message.
pub(crate) fn bytes(reader: &Reader, settings: &Settings) -> Result<Vec<u8>, Failure> {
    let store = &settings.store.value;
    let shown = Shown { store, as_of: None, zone: settings.get(TIMEZONE), moment: moment(reader)? };
    html(reader, &shown).map(String::into_bytes)
}

fn html(reader: &Reader, shown: &Shown<'_>) -> Result<String, Failure> {
    let session = Session::begin(reader, shown.zone)?;
    let name = shown.store.file_name().unwrap_or(shown.store.as_os_str());
    let store = name.to_string_lossy();
    Ok(page(&session, &PageRequest { store: &store, as_of: shown.as_of, moment: shown.moment })?)
}

/// Makes the page and puts it in its place; returns how many bytes it has.
fn write(reader: &Reader, shown: &Shown<'_>, path: &Path) -> Result<usize, Failure> {
    require_other(shown.store, path)?;
    let html = html(reader, shown)?;
    let file = whole::begin(path, IfExists::Replace)?;
    (&file.file).write_all(html.as_bytes())?;
    file.finish().map_err(FileError::at(path))?;
    Ok(html.len())
}

fn written(path: &Path, bytes: usize) -> String {
    format!("the dashboard is written to {} ({} kB)", path.display(), bytes.div_ceil(1000))
}
