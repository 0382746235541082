//! What tests of this room share.

use crate::catalog::Catalog;

/// The built-in catalog and one list more, which is read for each record of `apps` and belongs to the set `more`.
pub(super) fn child_of_apps() -> Catalog {
    let text = include_str!("../../tests/fixtures/services/app_users.toml");
    Catalog::beside_builtin([("app_users.toml".to_owned(), text.to_owned())]).unwrap()
}
