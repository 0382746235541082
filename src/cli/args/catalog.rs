//! The flags of `tables`, `describe`, `config`, `catalog` and `check`. It does not know what these commands do.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::output;

#[derive(Args)]
pub(crate) struct TablesArgs {
    /// What is asked of the cloud for each table, instead of what the store holds
    #[arg(long, conflicts_with = "columns")]
    pub api: bool,
    /// Every column of every table
    #[arg(long)]
    pub columns: bool,
    /// Every list that could be kept, by set: whether it is switched on, the permission it needs, its requests a night
    #[arg(long, conflicts_with_all = ["api", "columns"])]
    pub available: bool,
    /// The smallest IAM policy, as JSON to paste, that lets a user read the lists that are switched on
    #[arg(long, conflicts_with_all = ["api", "columns", "available", "format"])]
    pub policy: bool,
    #[arg(long, value_enum, default_value_t = output::Format::Table, value_name = "FORMAT")]
    pub format: output::Format,
}

#[derive(Args)]
pub(crate) struct DescribeArgs {
    /// Name of the table
    pub table: String,
    #[arg(long, value_enum, default_value_t = output::Format::Table, value_name = "FORMAT")]
    pub format: output::Format,
}

#[derive(Args)]
pub(crate) struct ConfigArgs {
    #[arg(long, value_enum, default_value_t = output::Format::Table, value_name = "FORMAT")]
    pub format: output::Format,
}

#[derive(Subcommand)]
pub(crate) enum CatalogCommand {
    /// Show every fault of catalog files
    Check(CheckArgs),
    /// Ask for one page of the list that a catalog file describes, and show how it reads
    Try(TryArgs),
    /// Ask for one page of a list, and write the first draft of its catalog file
    New(NewArgs),
}

#[derive(Args)]
pub(crate) struct CheckArgs {
    /// Catalog files, and folders of them, of which each *.toml is checked
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
}

#[derive(Args)]
pub(crate) struct TryArgs {
    /// The catalog file
    pub file: PathBuf,
    /// Records shown
    #[arg(long, default_value_t = 5, value_name = "ROWS")]
    pub rows: usize,
    #[arg(long, value_enum, default_value_t = output::Format::Table, value_name = "FORMAT")]
    pub format: output::Format,
}

#[derive(Args)]
pub(crate) struct NewArgs {
    /// Path of the API, with {project_id} where the project belongs, and a query if it needs one
    #[arg(value_name = "URL-PATH")]
    pub path: String,
    /// Service that answers, such as workspace, codearts_deploy or swr
    #[arg(long)]
    pub service: Option<String>,
    /// Member of the answer that holds the records, nested ones with dots; [] where the answer is the array
    #[arg(long, value_name = "MEMBER")]
    pub items: Option<String>,
    /// Name of the table [default: from the path]
    #[arg(long)]
    pub name: Option<String>,
    /// File to write, which must not be there yet [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}
