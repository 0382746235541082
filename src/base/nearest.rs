//! Suggests the known name that is nearest to a misspelt one. It knows nothing of what the names stand for.

/// Names less alike than this are unrelated.
const LIKENESS_MIN: f64 = 0.7;

/// The candidate most like `name`, if any is like it.
///
/// ```
/// use hclake::base::nearest::nearest;
///
/// assert_eq!(nearest("app", ["apps", "deploy_tasks"].into_iter()), Some("apps"));
/// ```
pub fn nearest<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    candidates
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS_MIN)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `; did you mean `x`?` for the end of a message; empty where no name is near.
pub(crate) fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or(String::new(), |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_right_one_and_an_unrelated_one_finds_none() {
        let names = ["apps", "deploy_tasks", "image_jobs"];
        assert_eq!(nearest("deploy_task", names.into_iter()), Some("deploy_tasks"));
        assert_eq!(nearest("xyz", names.into_iter()), None);
        assert_eq!(did_you_mean(Some("apps")), "; did you mean `apps`?");
        assert_eq!(did_you_mean(None), "");
    }
}
