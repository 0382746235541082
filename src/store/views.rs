//! The views that the store offers beside its tables, for BI tools and reports: each a file of `sql/views` whose header
//! says what its rows and columns are. It makes the statements that create them; it runs none.

use duckdb::Connection;

use super::error::Error;
use super::read::holdings::lists_held;
use crate::catalog::spec::Endpoint;
use crate::schema::{
    CLOSING_COLUMNS, SCOPE_COLUMNS, VERSION_COLUMNS, as_of_macro, ident, literal, sql_type, versions_view,
};

/// A view, as its file declares it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its name, which is also the file's.
    pub name: &'static str,
    /// One line.
    pub title: String,
    /// What a row is.
    pub about: String,
    /// Tables and views without which it cannot be made.
    pub needs: Vec<String>,
    /// Each column with its meaning, in the order of the view.
    pub columns: Vec<(String, String)>,
    body: &'static str,
}

const FILES: &[(&str, &str)] = &[
    ("install_failure_facts", include_str!("../../sql/views/install_failure_facts.sql")),
    ("install_job_facts", include_str!("../../sql/views/install_job_facts.sql")),
    ("app_dim", include_str!("../../sql/views/app_dim.sql")),
    ("daily_install_status", include_str!("../../sql/views/daily_install_status.sql")),
];

/// What stands for the instant whose records the view shows.
const AT: &str = "{{at}}";

/// Every view, each after those that it needs.
pub fn views() -> Vec<View> {
    FILES.iter().map(|(name, text)| read(name, text)).collect()
}

impl View {
    /// The statement that creates the view of the records that are open.
    pub fn stored(&self) -> String {
        format!("CREATE OR REPLACE VIEW {} AS {}", self.name, self.at("TIMESTAMPTZ 'infinity'", ""))
    }

    fn comments(&self) -> String {
        let of_columns = self.columns.iter().map(|(column, meaning)| {
            format!("COMMENT ON COLUMN {}.{} IS {};", self.name, ident(column), literal(meaning))
        });
        let of_view = format!("COMMENT ON VIEW {} IS {};", self.name, literal(&self.about));
        std::iter::once(of_view).chain(of_columns).collect::<Vec<_>>().join("\n")
    }

    /// The statements that create the same view and `NAME_as_of(instant)` for one connection alone.
    pub fn temporary(&self) -> String {
        format!(
            "CREATE OR REPLACE TEMP VIEW {name} AS {open};\n\
             CREATE OR REPLACE TEMP MACRO {name}_as_of(asked_at) AS TABLE {at};",
            name = self.name,
            open = self.at("TIMESTAMPTZ 'infinity'", ""),
            at = self.at("CAST(asked_at AS TIMESTAMPTZ)", "_as_of(asked_at)"),
        )
    }

    /// The statement with an instant, and with the views that it stands on called with this ending.
    fn at(&self, instant: &str, ending: &str) -> String {
        let body = self.body.replace(AT, instant);
        let name = |need: &String| (format!("{{{{{need}}}}}"), format!("{need}{ending}"));
        self.needs.iter().map(name).fold(body, |body, (placeholder, name)| body.replace(&placeholder, &name))
    }
}

/// Creates the views whose tables the store has, with the comments of their columns. A view that cannot be made, as
/// where a list of the user's own has its name, is left out: no list depends on it.
pub(crate) fn create(connection: &Connection) -> Result<(), Error> {
    let held = lists_held(connection)?;
    let mut made: Vec<&'static str> = Vec::new();
    for view in views() {
        let is_there =
            |need: &String| made.contains(&need.as_str()) || held.iter().any(|list| versions_view(list) == *need);
        if !view.needs.iter().all(is_there) {
            continue;
        }
        match connection.execute_batch(&format!("{};\n{}", view.stored(), view.comments())) {
            Ok(()) => made.push(view.name),
            Err(fault) => tracing::warn!("the view {} was not made: {fault}", view.name),
        }
    }
    Ok(())
}

/// The statements that create, for one connection, the versions and `NAME_as_of(instant)` of a list that the store never
/// read: none.
pub fn no_versions(endpoint: &Endpoint) -> String {
    let own = VERSION_COLUMNS.iter().chain(SCOPE_COLUMNS.iter()).chain(CLOSING_COLUMNS.iter());
    let own = own.map(|column| format!("CAST(NULL AS {}) AS {}", column.ty.sql(), column.name));
    let known = endpoint.stored_columns();
    let known = known.iter().map(|column| format!("CAST(NULL AS {}) AS {}", sql_type(&column.ty), ident(&column.name)));
    let columns: Vec<String> = own.chain(known).collect();
    let view = ident(&versions_view(endpoint.name.as_str()));
    let as_of = ident(&as_of_macro(endpoint.name.as_str()));
    format!(
        "CREATE OR REPLACE TEMP VIEW {view} AS SELECT {} WHERE false;\n\
         CREATE OR REPLACE TEMP MACRO {as_of}(ts) AS TABLE FROM {view};",
        columns.join(", ")
    )
}

fn read(name: &'static str, text: &'static str) -> View {
    let header_length =
        text.lines().take_while(|line| line.starts_with("--")).map(|line| line.len() + 1).sum::<usize>();
    let (header, body) = text.split_at(header_length.min(text.len()));
    let mut view = View {
        name,
        title: String::new(),
        about: String::new(),
        needs: Vec::new(),
        columns: Vec::new(),
        body: body.trim(),
    };
    for line in entries(header) {
        let Some((key, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match key.trim() {
            "title" => view.title = value.to_owned(),
            "about" => view.about = value.to_owned(),
            "needs" => view.needs = value.split(',').map(|need| need.trim().to_owned()).collect(),
            "column" => {
                let (column, meaning) = value.split_once(' ').unwrap_or((value, ""));
                view.columns.push((column.to_owned(), meaning.trim().to_owned()));
            }
            _ => {}
        }
    }
    view
}

/// The header's lines without their dashes, continued ones joined.
fn entries(header: &str) -> Vec<String> {
    let mut entries: Vec<String> = Vec::new();
    for line in header.lines() {
        let content = line.trim_start_matches("--");
        match entries.last_mut() {
            Some(last) if content.starts_with("   ") => {
                last.push(' ');
                last.push_str(content.trim());
            }
            _ => entries.push(content.trim().to_owned()),
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::catalog::Catalog;
    use crate::schema::OFFERED_VIEWS;
    use crate::store::empty::empty;

    #[test]
    fn the_views_are_the_files_and_no_list_can_have_their_names() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/views");
        let files: BTreeSet<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|name| name != "versions")
            .collect();
        let names: BTreeSet<String> = views().iter().map(|view| view.name.to_owned()).collect();
        assert_eq!(names, files);
        assert_eq!(names, OFFERED_VIEWS.iter().map(|name| name.to_string()).collect());
    }

    #[test]
    fn each_view_has_the_columns_that_its_header_says_also_as_a_comment() {
        let connection = empty(Catalog::builtin().unwrap().endpoints());
        create(&connection).unwrap();
        for view in views() {
            assert!(!view.title.is_empty() && !view.about.is_empty(), "{}", view.name);
            let mut statement = connection
                .prepare("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index")
                .unwrap();
            let read = |row: &duckdb::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?));
            let held: Vec<(String, Option<String>)> =
                statement.query_map([view.name], read).unwrap().map(Result::unwrap).collect();
            let wanted: Vec<(String, Option<String>)> =
                view.columns.iter().map(|(column, meaning)| (column.clone(), Some(meaning.clone()))).collect();
            assert_eq!(held, wanted, "{}", view.name);
        }
    }

    #[test]
    fn a_view_whose_name_is_taken_is_left_out_and_so_are_those_on_top_of_it() {
        let connection = empty(Catalog::builtin().unwrap().endpoints());
        connection.execute_batch("CREATE TABLE install_job_facts (x INTEGER)").unwrap();
        create(&connection).unwrap();
        let views: Vec<String> = connection
            .prepare("SELECT view_name FROM duckdb_views() WHERE view_name IN ('app_dim', 'install_failure_facts')")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .unwrap();
        assert_eq!(views, ["install_failure_facts"]);
    }
}
