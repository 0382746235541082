//! The description of a list: the types that an endpoint's file becomes. Plain data in closed enums; it knows nothing
//! of HTTP, Arrow or DuckDB, and nothing of the file.

use std::fmt;

use serde::{Deserialize, Serialize};

pub use super::place::PagingPlace;
use super::reach::{Memory, Parent, Window};
pub use super::service::Service;

use crate::base::privacy::Privacy;
use crate::schema::{ColumnType, StoredColumn};

/// A list API of one service, and the table of its records.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoint {
    /// Also the table's name: lower-case letters, digits and underscores.
    pub name: String,
    pub(crate) title: String,
    /// What a record is, for people who read the table.
    pub about: String,
    /// The set of lists that it is switched on with.
    pub set: String,
    pub(crate) service: Service,
    pub(crate) method: Method,
    /// May hold `{project_id}`.
    pub(crate) path: String,
    pub(crate) scope: ScopeKind,
    /// Query parameters except those of paging; a value may be `{project_id}`.
    pub(crate) query: Vec<(String, String)>,
    /// Members of a POST's JSON body except those of paging; any text in them may be `{project_id}`.
    pub(crate) body: Vec<(String, serde_json::Value)>,
    /// A mandatory parameter; each of its values has its own sweep.
    pub fixed: Option<FixedParam>,
    /// The table whose records it is read for, once for each.
    pub parent: Option<Parent>,
    /// Where it is asked for by a span of time.
    pub window: Option<Window>,
    /// How long the service remembers its records, where it forgets them.
    pub memory: Option<Memory>,
    /// How its pages are requested.
    pub paging: Paging,
    /// How it can be asked for in pieces, where the service shows only its first records.
    pub split: Option<Split>,
    pub(crate) items: Items,
    /// Where the answer has the number of records.
    pub(crate) total: Option<Total>,
    /// Members of records that are left out on purpose, by path.
    pub(crate) omit: Vec<Vec<String>>,
    /// Members that are removed before anything of a record is kept, by path.
    pub(crate) never_stored: Vec<Vec<String>>,
    /// What no source settles, in sentences for people.
    pub(crate) not_verified: Vec<String>,
    /// Texts that stand for no time, in any of its timestamps.
    pub(crate) none_times: Vec<String>,
    /// Identifies a record, together with the scope.
    pub key: Vec<KeyPart>,
    /// Columns that the server may sort by. Their value never changes in a record's life.
    pub(crate) order: Vec<String>,
    /// Column with the time of the record's last change.
    pub(crate) updated: Option<String>,
    /// IAM action that the call needs.
    pub(crate) permission: Option<String>,
    /// Page of the official documentation.
    pub(crate) doc: String,
    /// Name of the list that replaces this one.
    pub(crate) successor: Option<String>,
    /// The declared columns, in the table's order.
    pub columns: Vec<Column>,
    /// What is done with what its records say of persons. No file says it: it is a setting.
    pub privacy: Privacy,
}

/// The HTTP methods of list APIs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Everything is in the path and the query.
    Get,
    /// Parameters may also be in a JSON body.
    Post,
}

impl Method {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
        }
    }
}

/// What one sweep covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// One IAM project, which belongs to a region.
    IamProject,
    /// One CodeArts project.
    CodeartsProject,
    /// A whole region: the list is that of the account, not of a project.
    Region,
}

/// Where an answer has the array of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Items {
    /// The answer itself is the array.
    Answer,
    /// Member names from the outside in.
    Member(Vec<String>),
}

/// Where an answer has the total number of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Total {
    /// Member names from the outside in.
    Member(Vec<String>),
    /// The header `Content-Range`: the number after its slash.
    ContentRange,
    /// The header `X-Total`: the number itself.
    XTotal,
}

/// A mandatory parameter and the values it is called with.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedParam {
    pub(crate) param: String,
    /// Where it goes.
    #[serde(rename = "in", default)]
    pub(crate) place: PagingPlace,
    /// The column that holds the value in each record.
    #[serde(rename = "as")]
    pub(crate) column: Option<String>,
    /// The list is read once for each.
    pub values: Vec<String>,
}

/// A parameter by whose values a list can be asked for in pieces. Each record has one of the values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Split {
    pub(crate) param: String,
    /// Where it goes.
    #[serde(rename = "in", default)]
    pub(crate) place: PagingPlace,
    /// The column of the records that holds the value.
    pub(crate) column: Option<String>,
    /// Each has a piece of its own.
    pub values: Vec<String>,
}

/// How the pages of a list are requested.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Paging {
    /// There are no pages: one answer holds the whole list.
    None,
    /// By how many records or pages come before.
    Counted(CountedPaging),
    /// By a marker that the page before gives.
    Marker(MarkerPaging),
}

impl Paging {
    /// Parameters that paging uses.
    pub(crate) fn params(&self) -> Vec<&str> {
        match self {
            Paging::None => Vec::new(),
            Paging::Counted(paging) => vec![&paging.position, &paging.size],
            Paging::Marker(paging) => std::iter::once(&paging.marker).chain(&paging.size).map(String::as_str).collect(),
        }
    }

    pub(crate) fn is_in_body(&self) -> bool {
        match self {
            Paging::None => false,
            Paging::Counted(paging) => paging.place == PagingPlace::Body,
            Paging::Marker(paging) => paging.place == PagingPlace::Body,
        }
    }
}

/// Pages that are found by a count of records or pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedPaging {
    /// What the position parameter counts.
    pub count: Count,
    /// Where the two parameters go.
    pub(crate) place: PagingPlace,
    /// Name of the offset or page parameter.
    pub(crate) position: String,
    /// Name of the page-size parameter.
    pub(crate) size: String,
    /// Requested records a page: the documented maximum.
    pub limit: u32,
    /// The greatest offset that the service takes, where there is one.
    pub offset_max: Option<u64>,
    /// The most pages of one pass over the list.
    pub pages_max: u32,
}

/// What the position of a page counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// The records to skip; any number.
    Offset,
    /// The records to skip, which must be a multiple of the page size.
    OffsetMultiple,
    /// Pages; the first has the number `start`.
    Page {
        /// 0 or 1.
        start: u64,
    },
}

/// Each page names the next one. The first is requested without a marker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarkerPaging {
    /// Where the two parameters go.
    pub(crate) place: PagingPlace,
    /// Name of the parameter that takes the marker.
    pub(crate) marker: String,
    /// Where the marker of the next page is.
    pub(crate) next: NextMarker,
    /// Where the answer says whether there is a next page; also member names.
    pub(crate) more: Option<Vec<String>>,
    /// Name of the page-size parameter, where there is one.
    pub(crate) size: Option<String>,
    /// The most records a page.
    pub limit: u32,
    /// The most pages of one pass over the list.
    pub pages_max: u32,
}

/// Where the marker of the next page is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextMarker {
    /// In a member of the answer: names from the outside in. Absent, null, empty or the number 0 means that there is no
    /// next page.
    Member(Vec<String>),
    /// In this column of the page's last record. A page with fewer records than asked for is the last.
    Column(String),
}

/// One column of the key. Where a record does not have it, the other column is used.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyPart {
    /// Name of the column.
    pub column: String,
    /// Name of the column to use instead.
    #[serde(rename = "else")]
    pub fallback: Option<String>,
}

/// One column that the API's records fill.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name in the table, which may differ from the API's.
    pub name: String,
    /// Where a record has the value: member names from the outside in. Empty where the request or hclake gives it.
    pub path: Vec<String>,
    /// The type it is stored in.
    pub ty: ColumnType,
    pub(crate) nullable: bool,
    pub(crate) about: String,
    /// The documented values; others are stored unchanged.
    pub(crate) values: Vec<String>,
    /// Texts that stand for no value.
    pub(crate) none: Vec<String>,
    /// The column with the zone of a time that is written without one.
    pub(crate) zone_column: Option<String>,
    /// Stored, but a change in it alone opens no new version.
    pub(crate) volatile: bool,
    /// Personal data; a setting may have it hashed or dropped.
    pub(crate) personal: bool,
}

impl Column {
    /// Whether the request or hclake gives the value, and not a record.
    pub fn is_given(&self) -> bool {
        self.path.is_empty()
    }

    /// Whether hclake makes the value from the whole record.
    pub(crate) fn is_record_key(&self) -> bool {
        self.is_given() && self.name == RECORD_KEY
    }
}

/// The column for the key of records that have none.
pub(crate) const RECORD_KEY: &str = "record_key";

/// The set of lists that are on where nothing else is said.
pub(crate) const CORE_SET: &str = "core";
/// The set of a user's lists that name none.
pub(crate) const OWN_SET: &str = "own";

impl Endpoint {
    /// The declared column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// Every text of the request that may hold a placeholder.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let query = self.query.iter().map(|(_, value)| value.as_str());
        let mut texts: Vec<&str> = std::iter::once(self.path.as_str()).chain(query).collect();
        self.body.iter().for_each(|(_, value)| add_texts(value, &mut texts));
        texts
    }

    /// The members that no column takes and that are not kept either, by path.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &Vec<String>> {
        self.omit.iter().chain(&self.never_stored)
    }

    /// The columns that say which part of the list a record belongs to: whose it is, or the day.
    pub(crate) fn part_columns(&self) -> impl Iterator<Item = &str> {
        let of_parent = self.parent.iter().flat_map(|parent| &parent.fill).map(|filled| filled.name.as_str());
        of_parent.chain(self.window.as_ref().and_then(Window::day_column))
    }

    /// Whether the list is read in parts, of which a run asks for some.
    pub(crate) fn has_parts(&self) -> bool {
        self.part_columns().next().is_some()
    }

    /// The column by whose time a sweep's reach is limited.
    pub(crate) fn reach_of(&self) -> Option<&str> {
        let of_window = self.window.as_ref().and_then(Window::column);
        of_window.or(self.memory.as_ref().map(|memory| memory.of.as_str()))
    }

    /// The columns of the table that come from the API, in order: the declared ones, the seconds of an elapsed time
    /// after its text, and last `extra`.
    pub fn stored_columns(&self) -> Vec<StoredColumn> {
        let stored = |column: &Column| {
            let stored = StoredColumn {
                name: column.name.clone(),
                ty: column.ty.clone(),
                about: column.about.clone(),
                nullable: column.nullable,
                volatile: column.volatile,
            };
            let seconds = stored.seconds();
            std::iter::once(stored).chain(seconds)
        };
        self.columns.iter().flat_map(stored).chain([StoredColumn::extra()]).collect()
    }
}

/// Adds the texts in a JSON value, however deep.
pub(crate) fn add_texts<'a>(value: &'a serde_json::Value, texts: &mut Vec<&'a str>) {
    match value {
        serde_json::Value::String(text) => texts.push(text),
        serde_json::Value::Array(items) => items.iter().for_each(|item| add_texts(item, texts)),
        serde_json::Value::Object(members) => members.values().for_each(|value| add_texts(value, texts)),
        _ => {}
    }
}

/// The values that a request gives to each of its records: text by name of the column. One parent has one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Given(pub Vec<(String, String)>);

impl Given {
    /// The value for a column.
    pub(crate) fn get(&self, column: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == column).map(|(_, value)| value.as_str())
    }

    /// These values, and for each record that of the fixed parameter, where a column is to hold it.
    pub(crate) fn with_fixed(self, endpoint: &Endpoint, scope: &Scope) -> Given {
        let column = endpoint.fixed.as_ref().and_then(|fixed| fixed.column.clone());
        let fixed = column.zip(scope.fixed.clone());
        Given(self.0.into_iter().chain(fixed).collect())
    }

    /// A text with the values in place of `{name}`.
    pub(crate) fn fill(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }
}

/// Where the records of a sweep live. It is the part of a record's identity that the API does not return.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// As the cloud names it, such as `ap-southeast-3`.
    pub region: String,
    /// Id of an IAM or CodeArts project, by the endpoint's kind of scope; empty for a whole region.
    pub project: String,
    /// The value of the fixed parameter, where the endpoint has one.
    pub fixed: Option<String>,
}

/// `region/project` or `region/project/fixed`. A list of a whole region has `region` or `region//fixed`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.region)?;
        if !self.project.is_empty() || self.fixed.is_some() {
            write!(f, "/{}", self.project)?;
        }
        self.fixed.as_ref().map_or(Ok(()), |value| write!(f, "/{value}"))
    }
}

/// Whether a text can be the id of an IAM or CodeArts project, which goes into paths, headers and names of scopes.
pub(crate) fn is_project_id(id: &str) -> bool {
    !id.is_empty()
        && id.len() <= PROJECT_ID_BYTES_MAX
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// The services' ids have 32.
const PROJECT_ID_BYTES_MAX: usize = 128;
