//! What may follow at the cursor: dot commands with their arguments, and in SQL tables, columns and keywords. It knows
//! the names of a store and the text so far, and no grammar beyond them.

use std::collections::BTreeSet;

use super::dot;
use super::names::{KEYWORDS, Names, Relation, RelationKind, is_keyword};
use super::sql::{Kind, Token, statements, tokens};

/// A text that may take the place of what was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub text: String,
    /// What it is, in a few words.
    pub about: String,
}

impl Candidate {
    fn new(text: impl Into<String>, about: impl Into<String>) -> Candidate {
        Candidate { text: text.into(), about: about.into() }
    }
}

/// Words after which a table is named.
const BEFORE_RELATION: &[&str] = &["FROM", "JOIN", "DESCRIBE", "SUMMARIZE", "PIVOT", "UNPIVOT", "TABLE"];

/// The candidates for the text before the cursor, and where in it the word begins that they replace.
pub(super) fn complete(before: &str, after: &str, names: &Names) -> (usize, Vec<Candidate>) {
    if before.trim_start().starts_with('.') {
        return dot_candidates(before, names);
    }
    let tokens = tokens(before);
    let (start, begun) = match tokens.last() {
        Some(token) if token.kind == Kind::Word => (token.start, token.text),
        Some(token) if token.kind == Kind::Name && token.is_open => (token.start, &token.text[1..]),
        Some(token) if token.is_open || matches!(token.kind, Kind::Comment | Kind::Number) => {
            return (before.len(), Vec::new());
        }
        _ => (before.len(), ""),
    };
    let is_quoted = start < before.len() && before[start..].starts_with('"');
    let earlier: Vec<Token<'_>> =
        tokens.iter().filter(|token| token.start < start && token.is_significant()).copied().collect();
    let statement_start = before[..start].len() - statements(&before[..start]).1.len();
    let rest_after = after.split(';').next().unwrap_or_default();
    let whole = format!("{} {rest_after}", &before[statement_start..start]);
    let mentioned = mentioned(&whole, names);
    let found = match earlier.as_slice() {
        [.., of, point] if point.text == "." && point.start + 1 == start => of_relation(of, &mentioned, names),
        [.., last] if expects_relation(&earlier, last) => relations(names),
        _ if begun.is_empty() && !is_quoted => first_or_relations(columns_of(&mentioned, names), names),
        _ => anything(begun, &mentioned, names, is_quoted),
    };
    (start, matching(found, begun, is_quoted))
}

fn dot_candidates(before: &str, names: &Names) -> (usize, Vec<Candidate>) {
    let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
    let start = start.max(before.len() - before.trim_start().len());
    let begun = &before[start..];
    let earlier: Vec<&str> = before[..start].split_whitespace().collect();
    let found: Vec<Candidate> = match earlier.as_slice() {
        [] => dot::COMMANDS.iter().map(|command| Candidate::new(command.name, command.about)).collect(),
        [".schema"] => names.relations.iter().map(|r| Candidate::new(&r.name, r.kind.name())).collect(),
        [".format"] => dot::format_names().map(|name| Candidate::new(name, "")).collect(),
        [".timer"] => ["on", "off"].map(|state| Candidate::new(state, "")).to_vec(),
        _ => Vec::new(),
    };
    (start, matching(found, begun, false))
}

fn expects_relation(earlier: &[Token<'_>], last: &Token<'_>) -> bool {
    let is_before = |token: &Token<'_>| BEFORE_RELATION.iter().any(|word| word.eq_ignore_ascii_case(token.text));
    if last.kind == Kind::Word {
        return is_before(last);
    }
    // After a comma in a list of tables: no keyword but FROM stands between.
    let keyword =
        earlier.iter().rev().find(|token| token.kind == Kind::Word && is_keyword(token.text) && !is_as(token));
    last.text == "," && keyword.is_some_and(|token| token.text.eq_ignore_ascii_case("FROM"))
}

fn is_as(token: &Token<'_>) -> bool {
    token.text.eq_ignore_ascii_case("AS")
}

/// A relation that a statement names, and what the statement calls it.
struct Mention<'a> {
    alias: String,
    relation: &'a Relation,
}

/// The relations that a statement names, in its order.
fn mentioned<'a>(statement: &str, names: &'a Names) -> Vec<Mention<'a>> {
    let tokens: Vec<Token<'_>> = tokens(statement).into_iter().filter(Token::is_significant).collect();
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is_column = at > 0 && tokens[at - 1].text == "." || tokens.get(at + 1).is_some_and(|next| next.text == ".");
        let Some(relation) = bare(token).and_then(|name| names.relation(&name)).filter(|_| !is_column) else {
            continue;
        };
        let rest = after_arguments(&tokens[at + 1..]);
        let alias = match rest {
            [word, name, ..] if is_as(word) => bare(name),
            [name, ..] if !is_keyword(name.text) => bare(name),
            _ => None,
        };
        found.push(Mention { alias: alias.unwrap_or_else(|| relation.name.clone()), relation });
    }
    found
}

/// The name that a token is, without quotes.
fn bare(token: &Token<'_>) -> Option<String> {
    match token.kind {
        Kind::Word => Some(token.text.to_owned()),
        Kind::Name => Some(token.text.trim_matches('"').replace("\"\"", "\"")),
        _ => None,
    }
}

/// What follows the arguments of a macro.
fn after_arguments<'a, 'b>(tokens: &'a [Token<'b>]) -> &'a [Token<'b>] {
    let mut depth = 0;
    let end = tokens.iter().position(|token| {
        depth += i32::from(token.text == "(") - i32::from(token.text == ")");
        depth == 0
    });
    match tokens.first() {
        Some(first) if first.text == "(" => end.map_or(&[], |end| &tokens[end + 1..]),
        _ => tokens,
    }
}

/// The columns of what stands before a point.
fn of_relation(of: &Token<'_>, mentioned: &[Mention<'_>], names: &Names) -> Vec<Candidate> {
    let Some(name) = bare(of) else { return Vec::new() };
    let alias = mentioned.iter().find(|mention| mention.alias.eq_ignore_ascii_case(&name));
    let relation = alias.map(|mention| mention.relation).or_else(|| names.relation(&name));
    relation.map_or(Vec::new(), |relation| columns(relation, names).collect())
}

/// The columns of the API, then hclake's own.
fn columns<'a>(relation: &'a Relation, names: &'a Names) -> impl Iterator<Item = Candidate> + 'a {
    let about = |ty: &str| format!("{} of {}", short(ty), relation.name);
    let (own, others): (Vec<_>, Vec<_>) = relation.columns.iter().partition(|(name, _)| name.starts_with('_'));
    others.into_iter().chain(own).map(move |(name, ty)| Candidate::new(names.written(name), about(ty)))
}

/// A type without its fields.
fn short(ty: &str) -> &str {
    ty.split('(').next().unwrap_or(ty)
}

fn columns_of(mentioned: &[Mention<'_>], names: &Names) -> Vec<Candidate> {
    mentioned.iter().flat_map(|mention| columns(mention.relation, names)).collect()
}

fn relations(names: &Names) -> Vec<Candidate> {
    let candidate = |relation: &Relation| {
        let name = names.written(&relation.name);
        match relation.kind {
            RelationKind::Macro => Candidate::new(format!("{name}("), relation.call()),
            kind => Candidate::new(name, kind.name()),
        }
    };
    names.relations.iter().map(candidate).collect()
}

fn first_or_relations(first: Vec<Candidate>, names: &Names) -> Vec<Candidate> {
    if first.is_empty() { relations(names) } else { first }
}

/// Columns of what the statement names, then relations, keywords, and the columns of all others.
fn anything(begun: &str, mentioned: &[Mention<'_>], names: &Names, is_quoted: bool) -> Vec<Candidate> {
    let mut found = columns_of(mentioned, names);
    found.extend(relations(names));
    if !is_quoted {
        let is_small = begun.chars().any(char::is_lowercase) && !begun.chars().any(char::is_uppercase);
        let spelled = |word: &&str| if is_small { word.to_lowercase() } else { (*word).to_owned() };
        found.extend(KEYWORDS.iter().map(|word| Candidate::new(spelled(word), "")));
    }
    found.extend(names.relations.iter().flat_map(|relation| columns(relation, names)));
    found
}

/// Those that begin as the word does, each text once. Without a word, hclake's own helpers are left out.
fn matching(found: Vec<Candidate>, begun: &str, is_quoted: bool) -> Vec<Candidate> {
    let mut texts = BTreeSet::new();
    let bare = |text: &str| text.trim_start_matches('"').to_lowercase();
    let begun = begun.to_lowercase();
    let fits = |candidate: &Candidate| {
        let text = bare(&candidate.text);
        text.starts_with(&begun) && (begun.starts_with('_') || !text.starts_with("_hclake"))
    };
    let quoted = |candidate: Candidate| match is_quoted && !candidate.text.starts_with('"') {
        true => Candidate { text: format!("\"{}\"", candidate.text.trim_end_matches('(')), ..candidate },
        false => candidate,
    };
    found.into_iter().filter(fits).map(quoted).filter(|candidate| texts.insert(candidate.text.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        Names::of(&[
            ("apps", RelationKind::Table, &["id", "app_name", "status"]),
            ("_hclake_keys", RelationKind::Table, &["list"]),
            ("jobs", RelationKind::Table, &["job_id", "app_id", "two words"]),
            ("jobs_versions", RelationKind::View, &["_scope", "job_id", "_valid_to"]),
            ("jobs_as_of", RelationKind::Macro, &["job_id", "app_id"]),
        ])
    }

    /// The texts offered where `|` stands.
    fn offered(text: &str) -> Vec<String> {
        let (before, after) = text.split_once('|').expect("a cursor");
        let (start, found) = complete(before, after, &names());
        assert!(start <= before.len());
        found.into_iter().map(|candidate| candidate.text).collect()
    }

    #[test]
    fn after_from_and_join_tables_views_and_macros_are_offered() {
        assert_eq!(offered("SELECT * FROM |"), ["apps", "jobs", "jobs_versions", "jobs_as_of("]);
        assert_eq!(offered("FROM j|"), ["jobs", "jobs_versions", "jobs_as_of("]);
        assert_eq!(offered("select * from apps a join jo|"), ["jobs", "jobs_versions", "jobs_as_of("]);
        assert_eq!(offered("FROM apps, jobs_|"), ["jobs_versions", "jobs_as_of("]);
        assert_eq!(offered("FROM \"jobs_v|"), ["\"jobs_versions\""]);
        assert_eq!(offered("FROM _h|"), ["_hclake_keys"]);
        assert_eq!(offered("SUMMARIZE a|"), ["apps"]);
    }

    #[test]
    fn columns_of_the_tables_named_come_first() {
        assert_eq!(offered("SELECT app| FROM jobs"), ["app_id", "apps", "app_name"]);
        assert_eq!(offered("FROM apps SELECT s|").first().map(String::as_str), Some("status"));
        assert_eq!(offered("SELECT | FROM apps"), ["id", "app_name", "status"]);
        assert_eq!(offered("SELECT tw|; SELECT 1").len(), 1);
        assert_eq!(offered("SELECT a FROM jobs; SELECT app_| FROM apps"), ["app_name", "app_id"]);
    }

    #[test]
    fn behind_a_point_the_columns_of_the_table_or_its_alias_are_offered() {
        assert_eq!(offered("SELECT j.| FROM jobs AS j"), ["job_id", "app_id", "\"two words\""]);
        assert_eq!(offered("SELECT a.s| FROM apps a WHERE true"), ["status"]);
        assert_eq!(offered("SELECT apps.i|"), ["id"]);
        assert_eq!(offered("SELECT jobs_versions.|"), ["job_id", "_scope", "_valid_to"]);
        assert_eq!(offered("SELECT x.| FROM jobs_as_of(TIMESTAMPTZ '2026-01-01') x"), ["job_id", "app_id"]);
        assert!(offered("SELECT nothing.|").is_empty());
    }

    #[test]
    fn keywords_are_spelled_as_they_were_begun() {
        assert_eq!(offered("sel|"), ["select"]);
        assert_eq!(offered("SEL|"), ["SELECT"]);
        assert_eq!(offered("SELECT 1 gro|"), ["group", "grouping"]);
    }

    #[test]
    fn in_strings_comments_and_numbers_nothing_is_offered() {
        for text in ["SELECT 'ap|'", "-- ap|", "/* ap|", "SELECT 12|", "SELECT $$ap|"] {
            assert!(offered(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn dot_commands_and_their_arguments_are_offered() {
        assert_eq!(offered(".t|"), [".tables", ".timer"]);
        assert_eq!(offered(".schema jobs_|"), ["jobs_versions", "jobs_as_of"]);
        assert_eq!(offered(".format js|"), ["json", "jsonl"]);
        assert_eq!(offered(".timer |"), ["on", "off"]);
        assert!(offered(".help |").is_empty());
    }
}
