//! Where parameters of a request go.

use serde::Deserialize;

/// Where the parameters of paging go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagingPlace {
    /// Into the query.
    #[default]
    Query,
    /// Into the JSON body of a POST.
    Body,
}
