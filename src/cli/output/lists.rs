//! How lists are named in tables for people: with the whole scope, or only with the part that differs. The ledger and
//! the formats for programs have the whole scope.

use std::collections::{BTreeMap, BTreeSet};

use crate::store::Verdict;

/// What is to be said of a list that could not be proved complete,
pub(crate) const UNPROVED_HINT: &str = "what was read is stored, and of what was not read completely nothing was declared \
    gone; the next run tries again";
/// and of one that was held back.
pub(crate) const HELD_BACK_HINT: &str = "if they are really gone, run hclake sync --allow-gone";

/// Characters of a project's id that are shown of a long one.
const PROJECT_CHARS: usize = 8;

/// The parts of a scope's text: region, project, and a fixed parameter where there is one.
struct Parts<'a> {
    region: &'a str,
    project: &'a str,
    fixed: Option<&'a str>,
}

impl Parts<'_> {
    fn of(scope: &str) -> Parts<'_> {
        let mut parts = scope.splitn(3, '/');
        let mut next = || parts.next();
        Parts { region: next().unwrap_or_default(), project: next().unwrap_or_default(), fixed: next() }
    }
}

/// The scope with a long project id cut.
pub(crate) fn short(scope: &str) -> String {
    let Parts { region, project, fixed } = Parts::of(scope);
    let project = (!project.is_empty()).then(|| cut(project));
    let parts = [Some(region.to_owned()), project, fixed.map(str::to_owned)];
    parts.into_iter().flatten().collect::<Vec<_>>().join("/")
}

fn cut(project: &str) -> String {
    match project.char_indices().nth(PROJECT_CHARS + 4) {
        Some(_) => project.chars().take(PROJECT_CHARS).chain(['…']).collect(),
        None => project.to_owned(),
    }
}

/// The parts of each scope that differ between lists: the region, and the project where a table has several.
/// `lists` are tables with their scopes.
pub(crate) fn distinguishing(lists: &[(&str, &str)]) -> Vec<String> {
    let regions: BTreeSet<&str> = lists.iter().map(|(_, scope)| Parts::of(scope).region).collect();
    let mut projects: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
    for (table, scope) in lists {
        let Parts { region, project, .. } = Parts::of(scope);
        projects.entry((table, region)).or_default().insert(project);
    }
    let has_several = projects.values().any(|projects| projects.len() > 1);
    let name = |(_, scope): &(&str, &str)| {
        let Parts { region, project, fixed } = Parts::of(scope);
        let region = (regions.len() > 1).then(|| region.to_owned());
        let project = (has_several && !project.is_empty()).then(|| cut(project));
        [region, project, fixed.map(str::to_owned)].into_iter().flatten().collect::<Vec<_>>().join("/")
    };
    lists.iter().map(name).collect()
}

/// The result of a listing: its verdict, its proof where that is given, and how many records are held back.
pub(crate) fn verdict_in_words(verdict: Verdict, proof: Option<&str>, held_back: u64) -> String {
    match (proof, held_back) {
        (_, 1..) => format!("{verdict}, {held_back} held back"),
        (Some(proof), 0) if verdict == Verdict::Complete => format!("{verdict} ({proof})"),
        _ => verdict.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROJECT: &str = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";

    #[test]
    fn long_projects_are_cut_and_short_ones_are_not() {
        assert_eq!(short(&format!("eu/{PROJECT}/CREATE_SERVER")), "eu/0a1b2c3d…/CREATE_SERVER");
        assert_eq!(short("eu/p1"), "eu/p1");
        assert_eq!(short("eu"), "eu");
    }

    #[test]
    fn what_all_lists_share_is_left_out() {
        let eu = format!("eu/{PROJECT}");
        let one = [("apps", eu.as_str()), ("tasks", "eu/other"), ("images", "eu/p/KIND")];
        assert_eq!(distinguishing(&one), ["", "", "KIND"]);
        let projects = [("apps", "eu/p1"), ("apps", "eu/p2")];
        assert_eq!(distinguishing(&projects), ["p1", "p2"]);
        let regions = [("apps", "eu/p1"), ("apps", "cn/p1/KIND")];
        assert_eq!(distinguishing(&regions), ["eu", "cn/KIND"]);
    }

    #[test]
    fn a_verdict_shows_its_proof_or_what_is_held_back() {
        assert_eq!(verdict_in_words(Verdict::Complete, Some("seams"), 0), "complete (seams)");
        assert_eq!(verdict_in_words(Verdict::Complete, None, 0), "complete");
        assert_eq!(verdict_in_words(Verdict::Complete, Some("seams"), 45), "complete, 45 held back");
        assert_eq!(verdict_in_words(Verdict::Unproved, Some("totals differ"), 0), "unproved");
    }
}
