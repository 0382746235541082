//! What a store has by name, for those who type: tables, views, macros, their columns, and the words of SQL. It is read
//! once, and knows nothing of what is typed.

use duckdb::Connection;

use crate::schema::ident;

/// Words of SQL that are offered and coloured: those of questions, of DuckDB's list `duckdb_keywords()`.
pub(super) const KEYWORDS: &[&str] = &[
    "ALL",
    "ANALYZE",
    "AND",
    "ANTI",
    "ANY",
    "AS",
    "ASC",
    "ASOF",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "COLUMNS",
    "CROSS",
    "CUBE",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "ELSE",
    "END",
    "ESCAPE",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "EXPLAIN",
    "EXTRACT",
    "FALSE",
    "FILTER",
    "FOLLOWING",
    "FROM",
    "FULL",
    "GLOB",
    "GROUP",
    "GROUPING",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LAMBDA",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MATERIALIZED",
    "NATURAL",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "ORDINALITY",
    "OUTER",
    "OVER",
    "PARTITION",
    "PIVOT",
    "POSITIONAL",
    "PRECEDING",
    "QUALIFY",
    "RANGE",
    "RECURSIVE",
    "RENAME",
    "REPLACE",
    "RIGHT",
    "ROLLUP",
    "ROWS",
    "SAMPLE",
    "SELECT",
    "SEMI",
    "SHOW",
    "SIMILAR",
    "STRUCT",
    "SUMMARIZE",
    "TABLE",
    "TABLESAMPLE",
    "THEN",
    "TRUE",
    "TRY_CAST",
    "UNBOUNDED",
    "UNION",
    "UNPIVOT",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
    "WITHIN",
];

pub(super) fn is_keyword(word: &str) -> bool {
    KEYWORDS.binary_search(&word.to_ascii_uppercase().as_str()).is_ok()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RelationKind {
    Table,
    View,
    Macro,
}

impl RelationKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            RelationKind::Table => "table",
            RelationKind::View => "view",
            RelationKind::Macro => "macro",
        }
    }
}

/// What can be read from: a table, a view, or a macro that returns a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Relation {
    pub name: String,
    pub kind: RelationKind,
    /// Of a macro.
    pub parameters: Vec<String>,
    /// Names with their types.
    pub columns: Vec<(String, String)>,
}

impl Relation {
    /// As it is called: a macro with its parameters.
    pub(crate) fn call(&self) -> String {
        match self.kind {
            RelationKind::Macro => format!("{}({})", self.name, self.parameters.join(", ")),
            _ => self.name.clone(),
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Tables, then views, then macros, each by name.
    pub relations: Vec<Relation>,
    reserved: Vec<String>,
}

impl Names {
    pub(crate) fn read(connection: &Connection) -> duckdb::Result<Names> {
        const RELATIONS: &str = "
            SELECT name, kind, parameters FROM (
                SELECT table_name AS name, 0 AS kind, [] AS parameters FROM duckdb_tables()
                WHERE NOT internal AND database_name = current_database()
                UNION ALL
                SELECT view_name, 1, [] FROM duckdb_views()
                WHERE NOT internal AND database_name = current_database()
                UNION ALL
                SELECT function_name, 2, parameters FROM duckdb_functions()
                WHERE NOT internal AND function_type = 'table_macro' AND database_name = current_database()
            ) ORDER BY kind, name";
        const RESERVED: &str = "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category = 'reserved'";
        let mut statement =
            connection.prepare(&format!("SELECT name, kind, to_json(parameters) FROM ({RELATIONS})"))?;
        let found = statement
            .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i32>(1)?, row.get::<_, String>(2)?)))?;
        let mut relations = Vec::new();
        for found in found {
            let (name, kind, parameters) = found?;
            let kind = [RelationKind::Table, RelationKind::View, RelationKind::Macro][kind as usize];
            let parameters: Vec<String> = serde_json::from_str(&parameters).unwrap_or_default();
            let columns = columns(connection, &name, kind, &parameters);
            relations.push(Relation { name, kind, parameters, columns });
        }
        let mut statement = connection.prepare(RESERVED)?;
        let reserved = statement.query_map([], |row| row.get(0))?.collect::<duckdb::Result<_>>()?;
        Ok(Names { relations, reserved })
    }

    /// The relation of that name, in any spelling.
    pub(crate) fn relation(&self, name: &str) -> Option<&Relation> {
        self.relations.iter().find(|relation| relation.name.eq_ignore_ascii_case(name))
    }

    /// The name as it is written in SQL: in quotes only where it needs them.
    pub(super) fn written(&self, name: &str) -> String {
        let is_plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        match is_plain && !self.reserved.iter().any(|word| word.eq_ignore_ascii_case(name)) {
            true => name.to_owned(),
            false => ident(name),
        }
    }

    #[cfg(test)]
    pub(super) fn of(relations: &[(&str, RelationKind, &[&str])]) -> Names {
        let relation = |(name, kind, columns): &(&str, RelationKind, &[&str])| Relation {
            name: (*name).to_owned(),
            kind: *kind,
            parameters: Vec::new(),
            columns: columns.iter().map(|column| ((*column).to_owned(), "VARCHAR".to_owned())).collect(),
        };
        Names { relations: relations.iter().map(relation).collect(), reserved: vec!["select".to_owned()] }
    }
}

/// None where DuckDB cannot say, as for a macro whose parameters must not be NULL.
fn columns(connection: &Connection, name: &str, kind: RelationKind, parameters: &[String]) -> Vec<(String, String)> {
    let nulls = vec!["NULL"; parameters.len()].join(", ");
    let arguments = if kind == RelationKind::Macro { format!("({nulls})") } else { String::new() };
    let read = || -> duckdb::Result<Vec<(String, String)>> {
        let mut statement = connection.prepare(&format!("DESCRIBE FROM {}{arguments}", ident(name)))?;
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    read().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::in_memory;

    #[test]
    fn every_keyword_is_one_of_duckdbs_and_they_are_sorted() {
        let connection = in_memory("UTC");
        let mut statement = connection.prepare("SELECT upper(keyword_name) FROM duckdb_keywords()").unwrap();
        let known: Vec<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        let unknown: Vec<_> = KEYWORDS.iter().filter(|word| !known.iter().any(|known| known == *word)).collect();
        assert!(unknown.is_empty(), "{unknown:?}");
        assert!(KEYWORDS.is_sorted());
        assert!(is_keyword("select") && is_keyword("Group") && !is_keyword("apps"));
    }

    #[test]
    fn tables_views_and_macros_are_read_with_their_columns() {
        let connection = in_memory("UTC");
        connection
            .execute_batch(
                "CREATE TABLE t (id BIGINT, \"a b\" VARCHAR); CREATE VIEW v AS SELECT id AS i FROM t;
                 CREATE MACRO m(a, b) AS TABLE SELECT * FROM t WHERE id BETWEEN a AND b;",
            )
            .unwrap();
        let names = Names::read(&connection).unwrap();
        let calls: Vec<_> = names.relations.iter().map(|r| (r.kind.name(), r.call())).collect();
        assert_eq!(calls, [("table", "t".to_owned()), ("view", "v".to_owned()), ("macro", "m(a, b)".to_owned())]);
        let column = |name: &str, ty: &str| (name.to_owned(), ty.to_owned());
        assert_eq!(names.relation("T").unwrap().columns, [column("id", "BIGINT"), column("a b", "VARCHAR")]);
        assert_eq!(names.relation("m").unwrap().columns, names.relation("t").unwrap().columns);
        assert_eq!(names.relation("v").unwrap().columns, [column("i", "BIGINT")]);
        assert_eq!(names.written("t"), "t");
        assert_eq!(names.written("a b"), "\"a b\"");
        assert_eq!(names.written("Select"), "\"Select\"");
    }
}
