//! The layout of one list's tables as SQL text: names, types, keys and the expressions for templates.
//! It runs no statement.

use arrow::datatypes::DataType;

use crate::base::clock::Timestamp;
use crate::catalog::reach::{Orphans, Parent, Reach};
use crate::catalog::spec::{Endpoint, KeyPart};
use crate::schema::{
    StoredColumn, arrow_type, as_of_macro, as_text, changes_macro, history_table, is_own_column, sql_type,
    versions_view,
};
use crate::store::template::{Values, ident, instant, literal};

/// One list's tables: the endpoint's columns and the columns of older catalogs.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub table: String,
    pub about: String,
    pub known: Vec<StoredColumn>,
    retired: Vec<(String, DataType)>,
    key: Vec<KeyPart>,
    updated: Option<String>,
    /// The columns that say whose a record is.
    part_columns: Vec<String>,
    /// The column by whose time a sweep's reach is limited.
    reach_of: Option<String>,
    parent: Option<Parent>,
}

impl Layout {
    pub(crate) fn new(endpoint: &Endpoint) -> Layout {
        Layout {
            table: endpoint.name.clone(),
            about: endpoint.about.clone(),
            known: endpoint.stored_columns(),
            retired: Vec::new(),
            key: endpoint.key.clone(),
            updated: endpoint.updated.clone(),
            part_columns: endpoint.part_columns().map(str::to_owned).collect(),
            reach_of: endpoint.reach_of().map(str::to_owned),
            parent: endpoint.parent.clone(),
        }
    }

    /// Adds the columns that the stored table has and the catalog no longer knows.
    pub(crate) fn with_retired(mut self, held: &[(String, DataType)]) -> Layout {
        self.retired = held
            .iter()
            .filter(|(name, _)| !is_own_column(name) && !self.known.iter().any(|c| c.name.eq_ignore_ascii_case(name)))
            .cloned()
            .collect();
        self
    }

    /// The key as the catalog has it: `id`, or `order or task, step`.
    pub(crate) fn key_text(&self) -> String {
        let part = |part: &KeyPart| match &part.fallback {
            Some(fallback) => format!("{} or {fallback}", part.column),
            None => part.column.clone(),
        };
        self.key.iter().map(part).collect::<Vec<_>>().join(", ")
    }

    pub(crate) fn history(&self) -> String {
        history_table(&self.table)
    }

    pub(crate) fn stage(&self) -> String {
        format!("_hclake_stage_{}", self.table)
    }

    /// The names that the list uses in the store.
    pub(crate) fn names(&self) -> [String; 5] {
        let table = &self.table;
        [table.clone(), history_table(table), versions_view(table), as_of_macro(table), changes_macro(table)]
    }

    /// The values for the placeholders of templates over this list.
    pub(crate) fn values(&self) -> Values {
        let all = self.all_columns();
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        let key_names: Vec<String> = (0..self.key.len()).map(key_name).collect();
        let each_key = |write: &dyn Fn(&String) -> String, between: &str| {
            key_names.iter().map(write).collect::<Vec<_>>().join(between)
        };
        let key_columns = self.key_columns();
        Values::from([
            ("table", ident(&self.table)),
            ("table_text", literal(&self.table)),
            ("history", ident(&self.history())),
            ("versions", ident(&versions_view(&self.table))),
            ("as_of", ident(&as_of_macro(&self.table))),
            ("changes", ident(&changes_macro(&self.table))),
            ("stage", format!("temp.main.{}", ident(&self.stage()))),
            ("column_definitions", joined(&self.known, |c| format!("{} {}", ident(&c.name), sql_type(&c.ty)))),
            ("staged_definitions", self.staged_definitions()),
            ("columns", listed("", &names)),
            ("columns_of_current", listed("c.", &names)),
            ("columns_of_version", listed("v.", &names)),
            ("same_parent", self.same_parent("c")),
            ("same_parent_of_history", self.same_parent("h")),
            ("within_reach", self.within_reach("c")),
            ("parent_of_current", self.parent_of("c")),
            ("keys_of_staged", self.keys_of("s")),
            ("keys_of_current", self.keys_of("c")),
            ("keys_of_history", self.keys_of("h")),
            ("keys_of_version", self.keys_of("v")),
            ("key_names", key_names.join(", ")),
            ("key_texts", format!("[{}]", each_key(&|k| format!("CAST({k} AS VARCHAR)"), ", "))),
            ("keys_present", each_key(&|k| format!("{k} IS NOT NULL"), " AND ")),
            ("keys_agree", each_key(&|k| format!("o.{k} = c.{k}"), " AND ")),
            ("key_columns_of_change", joined(&key_columns, |c| format!("coalesce(o.{0}, c.{0}) AS {0}", ident(c)))),
            ("key_columns_of_event", listed("e.", &key_columns)),
            ("updated_of_staged", self.updated_of("s")),
            ("updated_of_current", self.updated_of("c")),
            ("column_pairs", joined(&all, |(name, ty)| pair(name, ty))),
        ])
    }

    fn all_columns(&self) -> Vec<(&str, DataType)> {
        let known = self.known.iter().map(|c| (c.name.as_str(), arrow_type(&c.ty)));
        known.chain(self.retired.iter().map(|(name, ty)| (name.as_str(), ty.clone()))).collect()
    }

    /// The columns of the key, fallbacks included, each once.
    fn key_columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = Vec::new();
        for name in self.key.iter().flat_map(|part| [Some(&part.column), part.fallback.as_ref()]).flatten() {
            if !columns.contains(&name.as_str()) {
                columns.push(name);
            }
        }
        columns
    }

    /// Whether the staging table has a column: those of the key, and the update time, which decides between two copies
    /// of a record.
    pub(crate) fn is_staged(&self, column: &str) -> bool {
        self.updated.as_deref() == Some(column) || self.key_columns().contains(&column)
    }

    fn staged_definitions(&self) -> String {
        let staged: Vec<_> = self.known.iter().filter(|column| self.is_staged(&column.name)).collect();
        joined(&staged, |column| format!("{} {}", ident(&column.name), sql_type(&column.ty)))
    }

    fn updated_of(&self, alias: &str) -> String {
        self.updated.as_ref().map_or("NULL".to_owned(), |column| format!("{alias}.{}", ident(column)))
    }

    /// The parent's values as a list of texts.
    fn parent_of(&self, alias: &str) -> String {
        format!("[{}]", joined(&self.part_columns, |column| format!("CAST({alias}.{} AS VARCHAR)", ident(column))))
    }

    /// Whether a row belongs to the parent that the sweep `w` asked for.
    fn same_parent(&self, alias: &str) -> String {
        match self.part_columns.as_slice() {
            [] => "true".to_owned(),
            _ => format!("{} = w.parent", self.parent_of(alias)),
        }
    }

    /// Whether a row lies within the reach of the sweep `w`.
    fn within_reach(&self, alias: &str) -> String {
        let Some(column) = &self.reach_of else { return "true".to_owned() };
        let at = format!("{alias}.{}", ident(column));
        format!(
            "coalesce((w.reach_from IS NULL OR {at} >= w.reach_from) AND (w.reach_to IS NULL OR {at} < w.reach_to), \
             w.reach_from IS NULL AND w.reach_to IS NULL)"
        )
    }

    /// Whether the row `c` of the current table is one that a sweep of this scope and parent could have listed.
    pub(crate) fn in_sweep(&self, scope: &str, parent: Option<&[String]>, reach: Reach) -> String {
        let mut tests = vec![format!("c._scope = {}", literal(scope))];
        if let Some(values) = parent {
            let list = values.iter().map(|value| literal(value)).collect::<Vec<_>>().join(", ");
            tests.push(format!("{} = [{list}]", self.parent_of("c")));
        }
        if let Some(column) = &self.reach_of {
            let at = format!("c.{}", ident(column));
            tests.extend(reach.from_us.map(|from| format!("{at} >= {}", instant(Timestamp(from)))));
            tests.extend(reach.to_us.map(|to| format!("{at} < {}", instant(Timestamp(to)))));
        }
        tests.join(" AND ")
    }

    /// The table whose lost records take this list's records with them.
    pub(crate) fn orphaned_by(&self) -> Option<&str> {
        self.parent.as_ref().filter(|parent| parent.orphans == Orphans::Gone).map(|parent| parent.table.as_str())
    }

    /// The values that a row `p` of the parent's table gives. A list on the way gives a row for each of its items.
    pub(crate) fn values_of_parent(&self, parent: &Layout) -> String {
        let fill = self.parent.iter().flat_map(|parent| &parent.fill).collect::<Vec<_>>();
        let values = joined(&fill, |filled| {
            let (column, fields) = filled.of.split_first().expect("a path has a first step");
            let is_list = parent.known.iter().any(|known| known.name == *column && known.ty.is_list());
            let start = if is_list { format!("unnest(p.{})", ident(column)) } else { format!("p.{}", ident(column)) };
            let value =
                fields.iter().fold(start, |value, field| format!("struct_extract({value}, {})", literal(field)));
            format!("CAST({value} AS VARCHAR)")
        });
        format!("[{values}]")
    }

    fn keys_of(&self, alias: &str) -> String {
        let parts = self.key.iter().enumerate();
        parts.map(|(i, part)| format!("{} AS {}", key_value(alias, part), key_name(i))).collect::<Vec<_>>().join(", ")
    }
}

fn key_name(position: usize) -> String {
    format!("_key_{position}")
}

fn key_value(alias: &str, part: &KeyPart) -> String {
    match &part.fallback {
        None => format!("{alias}.{}", ident(&part.column)),
        Some(other) => format!("coalesce({alias}.{}, {alias}.{})", ident(&part.column), ident(other)),
    }
}

/// A column before and after, as texts, and whether the two differ.
fn pair(name: &str, ty: &DataType) -> String {
    let column = ident(name);
    format!(
        "struct_pack(name := {}, differs := c.{column} IS DISTINCT FROM o.{column}, old := {}, new := {})",
        literal(name),
        as_text(&format!("c.{column}"), ty),
        as_text(&format!("o.{column}"), ty),
    )
}

fn listed(alias: &str, names: &[&str]) -> String {
    joined(names, |name| format!("{alias}{}", ident(name)))
}

fn joined<T>(items: &[T], write: impl Fn(&T) -> String) -> String {
    items.iter().map(write).collect::<Vec<_>>().join(", ")
}
