//! `hclake init`: writes a commented configuration file to start from. It asks for no secret and writes none.

use std::path::PathBuf;

use crate::base::exit::Exit;
use crate::base::nearest::{did_you_mean, nearest};
use crate::catalog::Services;
use crate::cli::args::Global;
use crate::cli::args::upkeep::InitArgs;
use crate::cli::message::Failure;
use crate::cli::output::new_file;
use crate::cli::streams::Streams;
use crate::config;

pub(crate) fn run(global: &Global, args: &InitArgs, streams: &mut Streams<'_>) -> Result<Exit, Failure> {
    let path = global.config.clone().unwrap_or_else(|| PathBuf::from(config::FILE_NAME));
    new_file::write(&path, &config::template(args.region.as_deref()), "--config")?;
    writeln!(streams.out, "{}", path.display())?;
    let region = match &args.region {
        Some(_) => "",
        None => "\n  set `region` in it",
    };
    if let Some(warning) = args.region.as_deref().and_then(unknown_region) {
        streams.remark(&warning);
    }
    streams
        .remark(&format!("written; next:{region}\n  export HUAWEICLOUD_SDK_AK=… HUAWEICLOUD_SDK_SK=…\n  hclake check"));
    Ok(Exit::Done)
}

/// A warning where hclake knows no service in this region. It may still be one that is newer than hclake.
pub(crate) fn unknown_region(region: &str) -> Option<String> {
    let known = || Services::built_in().regions();
    let guess = did_you_mean(nearest(region, known()));
    (!known().any(|one| one == region)).then(|| format!("warning: hclake knows no region `{region}`{guess}"))
}
