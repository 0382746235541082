//! The catalog for a command's settings.

use crate::catalog::{Catalog, CatalogError, SkippedFile};
use crate::cli::streams::Streams;
use crate::config::Settings;

/// The lists that hclake ships, and those of the folder that the settings name; with what the settings do with their
/// personal data.
pub(crate) fn catalog_of(settings: &Settings) -> Result<Catalog, CatalogError> {
    let catalog = match &settings.catalog_dir {
        Some(folder) => Catalog::with_folder(folder),
        None => Catalog::builtin(),
    };
    Ok(catalog?.with_privacy(|table| settings.privacy.of_table(table)))
}

/// The same, for a command that can work without the unusable files: it warns of them.
pub(crate) fn usable_catalog(settings: &Settings, streams: &Streams<'_>) -> Result<Catalog, CatalogError> {
    let catalog = catalog_of(settings)?;
    for line in catalog.skipped().iter().flat_map(SkippedFile::lines) {
        streams.remark(&format!("warning: {line}; its list is left out"));
    }
    Ok(catalog)
}
