//! `hclake catalog new URL-PATH`: asks for one page, and writes the draft of its catalog file.

use crate::base::clock::SystemClock;
use crate::base::exit::Exit;
use crate::base::nearest::{did_you_mean, nearest};
use crate::catalog::draft::json::Json;
use crate::catalog::draft::text::{self, Asked};
use crate::catalog::spec::{ScopeKind, Service};
use crate::catalog::{Catalog, Services};
use crate::cli::args::catalog::NewArgs;
use crate::cli::commands::schedule::shell;
use crate::cli::message::Failure;
use crate::cli::output::new_file;
use crate::cli::progress::runtime;
use crate::cli::streams::Streams;
use crate::config::Settings;
use crate::sync::probe::{self, RawRequest};

const PROJECT: &str = "{project_id}";
const OUT: &str = "--out";

pub(crate) fn run(args: &NewArgs, settings: &Settings, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let request = request(args, &settings.services)?;
    if let Some(path) = &args.out {
        new_file::require_absent(path, OUT)?;
    }
    let answer = runtime::runtime()?.block_on(probe::raw(settings, &request, SystemClock::shared()))?;
    let json: Json = serde_json::from_slice(&answer.body)
        .map_err(|error| Failure::failed(format!("the answer is not JSON: {error}")))?;
    let taken = Catalog::names_taken(settings.catalog_dir.as_deref(), &settings.services);
    let asked = Asked {
        service: request.service,
        path: &request.path,
        query: &request.query,
        scope: request.scope,
        items: args.items.as_deref(),
        content_range: answer.content_range.as_deref(),
        name: args.name.as_deref(),
        taken: &taken,
    };
    let text = text::write(&asked, &json).map_err(|fault| Failure::usage(fault.to_string(), fault.hint()))?;
    if let Err(error) = Catalog::beside_builtin_of([("the draft".to_owned(), text.clone())], &settings.services) {
        return Err(Failure::failed(format!("no sound draft came of this page: {error}")));
    }
    let file = match &args.out {
        Some(path) => {
            new_file::write(path, &text, OUT)?;
            shell(&path.to_string_lossy())
        }
        None => {
            write!(streams.out, "{text}")?;
            streams.out.flush()?;
            "FILE".to_owned()
        }
    };
    streams.remark(&format!(
        "drafted from one page of {} in {}; fill in what is marked, then try `hclake catalog try {file}`",
        request.path, answer.scope
    ));
    Ok(Exit::Done)
}

fn request(args: &NewArgs, services: &Services) -> Result<RawRequest, Failure> {
    let (host, target) = split(&args.path)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    });
    let query: Vec<(String, String)> = query.collect();
    let texts = [path].into_iter().chain(query.iter().map(|(_, value)| value.as_str()));
    if let Some(name) = texts.filter_map(unknown_placeholder).next() {
        return Err(no_value_for(name));
    }
    let service = service(args.service.as_deref(), host, services)?;
    let has_project = path.contains(PROJECT) || query.iter().any(|(_, value)| value.contains(PROJECT));
    let scope = match service {
        _ if !has_project => ScopeKind::Region,
        service if service.has_codearts_projects() => ScopeKind::CodeartsProject,
        _ => ScopeKind::IamProject,
    };
    Ok(RawRequest { service, path: path.to_owned(), query, scope })
}

/// The first `{name}` of a text that is not the project.
fn unknown_placeholder(text: &str) -> Option<&str> {
    let found = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
    found.filter(|name| *name != PROJECT.trim_matches(['{', '}'])).find(|name| !name.is_empty())
}

/// Only the project is known before there is a file.
fn no_value_for(name: &str) -> Failure {
    let hint = format!(
        "write the id of a real one in its place; in the draft put {{{name}}} back, and say in [parent] which table fills \
         it: docs/lists-of-your-own.md shows how"
    );
    Failure::usage(format!("no value is known for {{{name}}}; only {PROJECT} is filled in"), Some(hint))
}

/// The host, where a whole URL is given, and what follows it.
fn split(url_path: &str) -> Result<(Option<&str>, &str), Failure> {
    let wrong = || {
        let hint = "write it as the documentation does, such as '/v2/{project_id}/repositories?limit=100'";
        Failure::usage(format!("{url_path} is no path of an API"), Some(hint.to_owned()))
    };
    match url_path.split_once("://") {
        Some((_, rest)) => {
            let at = rest.find('/').ok_or_else(wrong)?;
            Ok((Some(without_user(&rest[..at])), &rest[at..]))
        }
        None if url_path.starts_with('/') => Ok((None, url_path)),
        None => Err(wrong()),
    }
}

/// The host without a user name and password, which a message must not repeat.
fn without_user(authority: &str) -> &str {
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

fn service(named: Option<&str>, host: Option<&str>, services: &Services) -> Result<Service, Failure> {
    let known = || Some(format!("the services are {}", services.names().collect::<Vec<_>>().join(", ")));
    match (named, host) {
        (Some(name), host) => {
            let service = services.get(name).ok_or_else(|| {
                let like = did_you_mean(nearest(name, services.names()));
                Failure::usage(format!("there is no service `{name}`{like}"), known())
            })?;
            host.map_or(Ok(()), |host| require_host_of(service, host))?;
            Ok(service)
        }
        (None, Some(host)) => services
            .at(host)
            .ok_or_else(|| Failure::usage(format!("no service is known at {host}; name it with --service"), known())),
        (None, None) => {
            Err(Failure::usage("no service is named: a path alone does not show it; use --service", known()))
        }
    }
}

/// The request goes to the service's own host, so a URL of another host would be drafted from an answer that is not its.
fn require_host_of(service: Service, host: &str) -> Result<(), Failure> {
    if service.is_at(host) {
        return Ok(());
    }
    let hint = format!(
        "write the path alone: it is asked of the host of {service} in your region, or of the address that the settings \
         name for it"
    );
    Err(Failure::usage(format!("{host} is no host of {service}"), Some(hint)))
}
