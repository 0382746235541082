//! `hclake publish check`: tries what publishing needs at a target, and says what will work there.

use serde_json::json;

use crate::base::exit::Exit;
use crate::cli::args::{PublishCheckArgs, SummaryFormat};
use crate::cli::message::Failure;
use crate::cli::streams::Streams;
use crate::config::Settings;
use crate::publish::bucket::{Probe, Verdict};
use crate::publish::{Checked, DeltaMode, Site, check};

const NAME_CHARS: usize = 30;

pub(super) fn run(settings: &Settings, args: &PublishCheckArgs, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let site = Site::open(&args.target, &settings.bucket)?;
    let checked = check(&site, &format!("{:08x}", fastrand::u32(..)));
    match args.format {
        SummaryFormat::Json => writeln!(streams.out, "{}", as_json(&site, &checked))?,
        SummaryFormat::Text => {
            for (probe, verdict) in &checked.verdicts {
                writeln!(streams.out, "{:NAME_CHARS$}{}", probe.name(), in_words(verdict))?;
            }
            let parquet = if checked.parquet_works() { "works" } else { "does not work here" };
            writeln!(streams.out, "{:NAME_CHARS$}{parquet}", "publish parquet")?;
            writeln!(streams.out, "{:NAME_CHARS$}{}", "publish delta", delta_in_words(checked.delta()))?;
        }
    }
    Ok(if checked.parquet_works() { Exit::Done } else { Exit::Failed })
}

fn in_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Works => "works".to_owned(),
        Verdict::Wrong(what) => format!("does not: {what}"),
        Verdict::Failed(said) => format!("fails: {said}"),
    }
}

fn delta_in_words(mode: DeltaMode) -> &'static str {
    match mode {
        DeltaMode::Shared => "works, with many exporters in one table",
        DeltaMode::Apart => "works, with a table for each exporter, since an object is not created only once",
        DeltaMode::Impossible => "does not work here",
    }
}

fn as_json(site: &Site, checked: &Checked) -> serde_json::Value {
    let probe = |(probe, verdict): &(Probe, Verdict)| {
        json!({ "request": probe.name(), "works": *verdict == Verdict::Works, "said": match verdict {
            Verdict::Works => None,
            other => Some(in_words(other)),
        } })
    };
    json!({
        "target": site.name(),
        "requests": checked.verdicts.iter().map(probe).collect::<Vec<_>>(),
        "parquet": checked.parquet_works(),
        "delta": match checked.delta() {
            DeltaMode::Shared => "shared",
            DeltaMode::Apart => "apart",
            DeltaMode::Impossible => "impossible",
        },
    })
}
