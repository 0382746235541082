//! What the commands of a session show: what there is by name, how tables are made, and the reports. It writes for
//! people, whatever the format of rows is.

use duckdb::Connection;

use super::names::{Names, Relation};
use crate::base::nearest::{did_you_mean, nearest};
use crate::cli::message::Failure;
use crate::cli::output::grid::Grid;
use crate::cli::output::{self, Format};
use crate::cli::streams::{Streams, terminal_width};
use crate::report;
use crate::schema::literal;

pub(super) fn tables(names: &Names, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let relations = &names.relations;
    let grid = Grid::default()
        .texts("name", relations.iter().map(|relation| Some(relation.call())))
        .texts("kind", relations.iter().map(|relation| Some(relation.kind.name())))
        .counts("columns", relations.iter().map(|relation| Some(relation.columns.len() as u64)));
    table(grid, streams)
}

pub(super) fn reports(streams: &mut Streams<'_>) -> Result<(), Failure> {
    let reports = report::Reports::built_in();
    let grid = Grid::default()
        .texts("report", reports.iter().map(|report| Some(report.name.as_str())))
        .texts("title", reports.iter().map(|report| Some(report.header.title.as_str())));
    table(grid, streams)
}

fn table(grid: Grid, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let batch = grid.batch();
    output::write([batch.clone()], batch.schema_ref(), Format::Table, streams.out, terminal_width())?;
    Ok(())
}

/// The statements that would make everything, or one table, view or macro.
pub(super) fn schema(connection: &Connection, name: Option<&str>, streams: &mut Streams<'_>) -> Result<(), Failure> {
    let names = Names::read(connection)?;
    let wanted: Vec<&Relation> = match name {
        None => names.relations.iter().collect(),
        Some(name) => vec![names.relation(name).ok_or_else(|| unknown(name, &names))?],
    };
    let of_views = definitions(connection, "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal")?;
    let of_macros = definitions(
        connection,
        "SELECT function_name, macro_definition FROM duckdb_functions()
         WHERE NOT internal AND function_type = 'table_macro'",
    )?;
    for relation in wanted {
        let found =
            |all: &[(String, String)]| all.iter().find(|(name, _)| *name == relation.name).map(|(_, sql)| sql.clone());
        if let Some(sql) = found(&of_views) {
            writeln!(streams.out, "{}", sql.trim_end())?;
        } else if let Some(sql) = found(&of_macros) {
            writeln!(streams.out, "CREATE MACRO {} AS TABLE {sql};", relation.call())?;
        } else {
            write!(streams.out, "{}", table_definition(connection, &relation.name, &names)?)?;
        }
    }
    Ok(())
}

fn unknown(name: &str, names: &Names) -> Failure {
    let like = did_you_mean(nearest(name, names.relations.iter().map(|relation| relation.name.as_str())));
    Failure::usage(format!("there is no table, view or macro `{name}`{like}"), Some("`.tables` lists them".to_owned()))
}

fn definitions(connection: &Connection, sql: &str) -> duckdb::Result<Vec<(String, String)>> {
    let of_store = format!("{sql} AND database_name = current_database()");
    connection.prepare(&of_store)?.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// A column a line, each with its meaning as a comment.
fn table_definition(connection: &Connection, table: &str, names: &Names) -> duckdb::Result<String> {
    let columns = format!(
        "SELECT column_name, data_type, is_nullable, coalesce(comment, '') FROM duckdb_columns()
         WHERE database_name = current_database() AND table_name = {} ORDER BY column_index",
        literal(table)
    );
    let comment = format!(
        "SELECT coalesce(max(comment), '') FROM duckdb_tables()
         WHERE database_name = current_database() AND table_name = {}",
        literal(table)
    );
    let comment: String = connection.query_row(&comment, [], |row| row.get(0))?;
    let mut statement = connection.prepare(&columns)?;
    let lines = statement.query_map([], |row| {
        let (name, ty): (String, String) = (row.get(0)?, row.get(1)?);
        let (is_nullable, comment): (bool, String) = (row.get(2)?, row.get(3)?);
        let not_null = if is_nullable { "" } else { " NOT NULL" };
        Ok((format!("{} {ty}{not_null}", names.written(&name)), comment))
    })?;
    let lines: Vec<(String, String)> = lines.collect::<duckdb::Result<_>>()?;
    let mut text = commented("", &comment) + &format!("CREATE TABLE {} (\n", names.written(table));
    for (at, (line, comment)) in lines.iter().enumerate() {
        let comma = if at + 1 < lines.len() { "," } else { "" };
        text += &commented(&format!("    {line}{comma}"), comment);
    }
    Ok(text + ");\n")
}

/// A line with a comment, where there is one.
fn commented(line: &str, comment: &str) -> String {
    match (line, comment.replace(['\n', '\r'], " ")) {
        ("", comment) if comment.is_empty() => String::new(),
        (line, comment) if comment.is_empty() => format!("{line}\n"),
        ("", comment) => format!("-- {comment}\n"),
        (line, comment) => format!("{line}  -- {comment}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::in_memory;

    fn shown(show: impl FnOnce(&mut Streams<'_>) -> Result<(), Failure>) -> Result<String, String> {
        let mut out = Vec::new();
        let result = show(&mut Streams { out: &mut out, is_quiet: true });
        result.map(|()| String::from_utf8(out).unwrap()).map_err(|failure| failure.text())
    }

    #[test]
    fn a_schema_has_a_column_a_line_with_its_meaning() {
        let connection = in_memory("UTC");
        connection
            .execute_batch(
                "CREATE TABLE t (id BIGINT NOT NULL, \"a b\" VARCHAR); COMMENT ON TABLE t IS 'Things.';
                 COMMENT ON COLUMN t.id IS 'Which one.'; CREATE VIEW v AS SELECT 1 AS one;
                 CREATE MACRO m(a) AS TABLE SELECT a AS b;",
            )
            .unwrap();
        assert_eq!(
            shown(|streams| schema(&connection, Some("T"), streams)).unwrap(),
            "-- Things.\nCREATE TABLE t (\n    id BIGINT NOT NULL,  -- Which one.\n    \"a b\" VARCHAR\n);\n"
        );
        let all = shown(|streams| schema(&connection, None, streams)).unwrap();
        assert!(all.contains("CREATE TABLE t (") && all.contains("CREATE VIEW v") && all.contains("CREATE MACRO m(a)"));
        let again = in_memory("UTC");
        again.execute_batch(&all).unwrap();
        assert_eq!(Names::read(&again).unwrap(), Names::read(&connection).unwrap());
        assert_eq!(
            shown(|streams| schema(&connection, Some("vv"), streams)).unwrap_err(),
            "error: there is no table, view or macro `vv`; did you mean `v`?\nhint: `.tables` lists them"
        );
    }

    #[test]
    fn tables_and_reports_are_listed() {
        let connection = in_memory("UTC");
        connection.execute_batch("CREATE TABLE t (id BIGINT); CREATE MACRO m(a) AS TABLE SELECT a AS b;").unwrap();
        let names = Names::read(&connection).unwrap();
        let tables = shown(|streams| tables(&names, streams)).unwrap();
        assert_eq!(tables.lines().count(), 4, "{tables}");
        assert!(tables.contains("m(a)") && tables.contains("macro"));
        let reports = shown(reports).unwrap();
        assert!(report::Reports::built_in().iter().all(|report| reports.contains(&report.name)), "{reports}");
    }
}
