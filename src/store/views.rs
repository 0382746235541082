//! The views that the store offers beside its tables, for BI tools and reports: each a file of `sql/views` whose header
//! says what its rows and columns are. It makes the statements that create them; it runs none.

use crate::catalog::spec::Endpoint;
use crate::schema::{CLOSING_COLUMNS, SCOPE_COLUMNS, VERSION_COLUMNS, ident, sql_type, versions_view};

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

/// The statement that creates, for one connection, the versions of a list that the store never read: none.
pub fn no_versions(endpoint: &Endpoint) -> String {
    let own = VERSION_COLUMNS.iter().chain(SCOPE_COLUMNS.iter()).chain(CLOSING_COLUMNS.iter());
    let own = own.map(|column| format!("CAST(NULL AS {}) AS {}", column.ty.sql(), column.name));
    let known = endpoint.stored_columns();
    let known = known.iter().map(|column| format!("CAST(NULL AS {}) AS {}", sql_type(&column.ty), ident(&column.name)));
    let columns: Vec<String> = own.chain(known).collect();
    let view = ident(&versions_view(endpoint.name.as_str()));
    format!("CREATE OR REPLACE TEMP VIEW {view} AS SELECT {} WHERE false", columns.join(", "))
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
