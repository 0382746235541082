//! The TOML file of an endpoint: reads it, refuses unknown keys, and turns it into a [`spec::Endpoint`]. It checks one
//! file alone; rules between endpoints are checked in `validate`.

use serde::Deserialize;
use toml::Spanned;

use super::file_key::{KeyFile, RECORD};
use super::file_paging::{ItemsFile, PagingFile, TotalFile};
use super::file_reach::{ParentFile, WindowFile};
use super::reach::Memory;
use super::services::Services;
use super::spec::{Column, Endpoint, FixedParam, KeyPart, Method, OWN_SET, RECORD_KEY, ScopeKind, Service, Split};
use super::toml_text::{self, TomlFault};
use super::{file_request, member_path};
use crate::base::privacy::Privacy;
use crate::base::time::parse_offset;
use crate::schema::{ColumnType, Field, TimeForm, ZoneRule};

/// The deepest nesting of struct, list and map types in a column.
pub(crate) const TYPE_DEPTH_MAX: usize = 8;

/// Reads one endpoint of a built-in service, for tests. Returns every fault that is found, each as a sentence.
#[cfg(test)]
pub(crate) fn parse(text: &str) -> Result<Endpoint, Vec<FileFault>> {
    parse_with(text, Services::built_in())
}

/// The same, of one of these services.
pub(crate) fn parse_with(text: &str, services: &Services) -> Result<Endpoint, Vec<FileFault>> {
    let file: EndpointFile = toml_text::parse(text).map_err(|fault| vec![FileFault::Toml(fault)])?;
    let name = file.service.get_ref();
    let service = services.get(name).ok_or_else(|| {
        vec![FileFault::Toml(toml_text::fault_at(text, file.service.span().start, services.unknown(name)))]
    })?;
    file.resolve(service).map_err(|faults| faults.into_iter().map(FileFault::Meaning).collect())
}

/// The name of the list, even where the rest of the text cannot be read.
pub(crate) fn name_in(text: &str) -> Option<String> {
    let line = text.lines().map(str::trim_start).find(|line| line.starts_with("name"))?;
    let named: toml::Table = toml::from_str(line).ok()?;
    Some(named.get("name")?.as_str()?.to_owned())
}

#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub(crate) enum FileFault {
    #[error(transparent)]
    Toml(TomlFault),
    #[error("{0}")]
    Meaning(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointFile {
    name: String,
    title: String,
    about: String,
    set: Option<String>,
    service: Spanned<String>,
    method: Method,
    path: String,
    scope: ScopeKind,
    #[serde(default)]
    query: toml::Table,
    #[serde(default)]
    body: toml::Table,
    fixed: Option<FixedParam>,
    parent: Option<ParentFile>,
    window: Option<WindowFile>,
    memory: Option<Memory>,
    paging: PagingFile,
    split: Option<Split>,
    items: ItemsFile,
    total: Option<TotalFile>,
    key: KeyFile,
    #[serde(default)]
    omit: Vec<String>,
    #[serde(default)]
    never_stored: Vec<String>,
    #[serde(default)]
    not_verified: Vec<String>,
    #[serde(default)]
    order: Vec<String>,
    updated: Option<String>,
    permission: Option<String>,
    doc: String,
    successor: Option<String>,
    /// Zone of times that have none: `+08:00`, or `codearts` for the configured one.
    zone: Option<String>,
    /// Texts that stand for no time.
    #[serde(default)]
    none: Vec<String>,
    #[serde(rename = "column")]
    columns: Vec<ColumnFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnFile {
    name: String,
    path: Option<String>,
    #[serde(rename = "type")]
    ty: TypeName,
    format: Option<TimeFormat>,
    #[serde(default)]
    fields: Vec<FieldFile>,
    item: Option<Box<TypeFile>>,
    nullable: Option<bool>,
    about: String,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    none: Vec<String>,
    zone_column: Option<String>,
    #[serde(default)]
    volatile: bool,
    #[serde(default)]
    personal: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldFile {
    name: String,
    path: Option<String>,
    #[serde(rename = "type")]
    ty: TypeName,
    format: Option<TimeFormat>,
    #[serde(default)]
    fields: Vec<FieldFile>,
    item: Option<Box<TypeFile>>,
    about: String,
}

/// The type of a list's items or a map's values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TypeFile {
    #[serde(rename = "type")]
    ty: TypeName,
    format: Option<TimeFormat>,
    #[serde(default)]
    fields: Vec<FieldFile>,
    item: Option<Box<TypeFile>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum TypeName {
    Text,
    Bool,
    Int32,
    Int64,
    Double,
    Json,
    Timestamp,
    Elapsed,
    Struct,
    List,
    Map,
}

#[derive(Clone, Copy, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum TimeFormat {
    Text,
    EpochSeconds,
    EpochMillis,
}

impl EndpointFile {
    fn resolve(self, service: Service) -> Result<Endpoint, Vec<String>> {
        let mut faults = Vec::new();
        let assumed = match self.zone.as_deref() {
            None => ZoneRule::Fixed(0),
            Some("codearts") => ZoneRule::Codearts,
            Some(text) => parse_offset(text).map(ZoneRule::Fixed).unwrap_or_else(|| {
                faults.push(format!("zone: \"{text}\" is neither an offset like \"+08:00\" nor \"codearts\""));
                ZoneRule::Fixed(0)
            }),
        };
        let query = file_request::query(self.query, &mut faults);
        let body = file_request::body(self.body, &mut faults);
        let paging = self.paging.resolve(&mut faults);
        let parent = self.parent.map(|parent| parent.resolve(&mut faults));
        let mut columns: Vec<Column> = self.columns.into_iter().map(|c| c.resolve(assumed, &mut faults)).collect();
        let window = self.window.map(|window| window.resolve(assumed, &mut faults));
        let of_parent = parent.iter().flat_map(|parent| &parent.fill).map(|filled| filled.name.clone());
        let of_window = window.iter().filter_map(|window| window.day_column().map(str::to_owned));
        let of_part: Vec<String> = of_parent.chain(of_window).collect();
        let fixed = self.fixed.iter().filter_map(|fixed| fixed.column.as_deref());
        give(&mut columns, of_part.iter().map(String::as_str).chain(fixed), &mut faults);
        // Which part a record belongs to, is part of its key.
        let own_key = key(self.key, &mut columns, &mut faults);
        let whose = of_part.iter().filter(|name| !own_key.iter().any(|part| part.column == **name));
        let whose: Vec<KeyPart> = whose.map(|name| KeyPart { column: name.clone(), fallback: None }).collect();
        let key = [whose, own_key].concat();
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Endpoint {
            name: self.name,
            title: self.title,
            about: self.about,
            set: self.set.unwrap_or_else(|| OWN_SET.to_owned()),
            service,
            method: self.method,
            path: self.path,
            scope: self.scope,
            query,
            body,
            fixed: self.fixed,
            parent,
            window,
            memory: self.memory,
            paging,
            split: self.split,
            items: self.items.0,
            total: self.total.map(|total| total.0),
            omit: self.omit.iter().map(|path| member_path::parse(path)).collect(),
            not_verified: self.not_verified,
            never_stored: self.never_stored.iter().map(|path| member_path::parse(path)).collect(),
            none_times: self.none,
            key,
            order: self.order,
            updated: self.updated,
            permission: self.permission,
            doc: self.doc,
            successor: self.successor,
            columns,
            privacy: Privacy::default(),
        })
    }
}

/// The parts of the key. A list whose records have none gets a column for the one that is made.
fn key(file: KeyFile, columns: &mut Vec<Column>, faults: &mut Vec<String>) -> Vec<KeyPart> {
    let is_taken = columns.iter().any(|column| column.name == RECORD_KEY);
    match file {
        KeyFile::Columns(parts) => parts,
        KeyFile::Record if is_taken => {
            faults.push(format!("column {RECORD_KEY}: `key = \"{RECORD}\"` makes it; leave the column out"));
            Vec::new()
        }
        KeyFile::Record => {
            columns.insert(0, record_key());
            vec![KeyPart { column: RECORD_KEY.to_owned(), fallback: None }]
        }
    }
}

fn record_key() -> Column {
    Column {
        name: RECORD_KEY.to_owned(),
        path: Vec::new(),
        ty: ColumnType::Text,
        nullable: false,
        about: "Hash of the record's content: the API gives its records no key.".to_owned(),
        values: Vec::new(),
        none: Vec::new(),
        zone_column: None,
        volatile: false,
        personal: false,
    }
}

/// Marks the columns that the request fills and not a record. They have no path.
fn give<'a>(columns: &mut [Column], names: impl Iterator<Item = &'a str>, faults: &mut Vec<String>) {
    for name in names {
        let Some(column) = columns.iter_mut().find(|column| column.name == name) else { continue };
        if column.path != [name] {
            faults.push(format!("column {name}: the request gives its value, so it has no `path`; leave it out"));
        }
        column.path.clear();
    }
}

impl ColumnFile {
    fn resolve(self, assumed: ZoneRule, faults: &mut Vec<String>) -> Column {
        let place = format!("column {}", self.name);
        let declared = TypeFile { ty: self.ty, format: self.format, fields: self.fields, item: self.item };
        Column {
            path: self.path.as_deref().map_or_else(|| vec![self.name.clone()], member_path::parse),
            ty: declared.resolve(assumed, &place, 1, faults),
            nullable: self.nullable.unwrap_or(true),
            about: self.about,
            values: self.values,
            none: self.none,
            zone_column: self.zone_column,
            volatile: self.volatile,
            personal: self.personal,
            name: self.name,
        }
    }
}

impl TypeFile {
    fn resolve(self, assumed: ZoneRule, place: &str, depth: usize, faults: &mut Vec<String>) -> ColumnType {
        if depth > TYPE_DEPTH_MAX {
            faults.push(format!("{place}: types nest deeper than {TYPE_DEPTH_MAX}"));
            return ColumnType::Text;
        }
        if self.format.is_some() && self.ty != TypeName::Timestamp {
            faults.push(format!("{place}: only a timestamp has a format"));
        }
        if (self.ty == TypeName::Struct) == self.fields.is_empty() {
            faults.push(format!("{place}: a struct, and only a struct, has fields"));
        }
        if matches!(self.ty, TypeName::List | TypeName::Map) != self.item.is_some() {
            faults.push(format!("{place}: a list or map, and only these, has an item type"));
        }
        if self.ty == TypeName::Elapsed && depth > 1 {
            faults.push(format!("{place}: an elapsed time can only be a column of its own"));
        }
        let item = |file: Option<Box<TypeFile>>, faults: &mut Vec<String>| {
            Box::new(file.map_or(ColumnType::Text, |t| t.resolve(assumed, place, depth + 1, faults)))
        };
        match self.ty {
            TypeName::Text => ColumnType::Text,
            TypeName::Bool => ColumnType::Bool,
            TypeName::Int32 => ColumnType::Int32,
            TypeName::Int64 => ColumnType::Int64,
            TypeName::Double => ColumnType::Double,
            TypeName::Json => ColumnType::Json,
            TypeName::Elapsed => ColumnType::Elapsed,
            TypeName::Timestamp => ColumnType::Timestamp(match self.format {
                None | Some(TimeFormat::Text) => TimeForm::Text { assumed },
                Some(TimeFormat::EpochSeconds) => TimeForm::EpochSeconds,
                Some(TimeFormat::EpochMillis) => TimeForm::EpochMillis,
            }),
            TypeName::List => ColumnType::List(item(self.item, faults)),
            TypeName::Map => ColumnType::Map(item(self.item, faults)),
            TypeName::Struct => ColumnType::Struct(
                self.fields.into_iter().map(|field| field.resolve(assumed, place, depth, faults)).collect(),
            ),
        }
    }
}

impl FieldFile {
    fn resolve(self, assumed: ZoneRule, place: &str, depth: usize, faults: &mut Vec<String>) -> Field {
        let place = format!("{place}.{}", self.name);
        let declared = TypeFile { ty: self.ty, format: self.format, fields: self.fields, item: self.item };
        Field {
            path: self.path.as_deref().map_or_else(|| vec![self.name.clone()], member_path::parse),
            ty: declared.resolve(assumed, &place, depth + 1, faults),
            name: self.name,
            about: self.about,
        }
    }
}
