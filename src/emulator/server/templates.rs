//! Which values a request gives where the documentation writes a placeholder such as `{project_id}`: in a part of the path,
//! or in the text of a parameter.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// Values of placeholders by name.
pub(crate) type Values = BTreeMap<String, String>;

/// The values in a text that fits a template; `None` where it does not fit. A value is never empty.
pub(crate) fn read(template: &str, text: &str) -> Option<Values> {
    let mut values = Values::new();
    read_into(template, text, &mut values).then_some(values)
}

fn read_into(template: &str, text: &str, values: &mut Values) -> bool {
    let Some((before, name, after)) = first_placeholder(template) else { return template == text };
    let Some(text) = text.strip_prefix(before) else { return false };
    let next = first_placeholder(after).map_or(after, |(literal, ..)| literal);
    let end = match (next.len() == after.len(), text.find(next)) {
        (true, _) if text.ends_with(next) => text.len() - next.len(),
        (false, Some(end)) => end,
        _ => return false,
    };
    let (value, rest) = text.split_at(end);
    !value.is_empty() && add(values, name, value) && read_into(after, rest, values)
}

/// What comes before the first placeholder, its name, and what comes after it.
fn first_placeholder(template: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = template.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    Some((before, name, after))
}

/// Adds a value; false where the placeholder has another one already.
pub(crate) fn add(values: &mut Values, name: &str, value: &str) -> bool {
    values.entry(name.to_owned()).or_insert_with(|| value.to_owned()) == value
}

/// The values in a path that fits a template part by part, and how many parts are the same in both.
pub(crate) fn read_path(template: &str, path: &str) -> Option<(Values, usize)> {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    if wanted.len() != given.len() {
        return None;
    }
    let mut values = Values::new();
    for (template, part) in wanted.iter().zip(&given) {
        let part = percent_decode_str(part).decode_utf8().ok()?;
        if !read_into(template, &part, &mut values) {
            return None;
        }
    }
    Some((values, wanted.iter().zip(&given).filter(|(template, part)| template == part).count()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(template: &str, text: &str) -> Option<Vec<(String, String)>> {
        Some(read(template, text)?.into_iter().collect())
    }

    #[test]
    fn a_text_gives_the_values_where_its_template_has_placeholders() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(values("asc", "asc"), Some(Vec::new()));
        assert_eq!(values("asc", "desc"), None);
        assert_eq!(values("{id}", "a/b"), Some(vec![pair("id", "a/b")]));
        assert_eq!(values("{id}", ""), None);
        assert_eq!(values("eq:{id}", "eq:7"), Some(vec![pair("id", "7")]));
        assert_eq!(values("{a}/{b}.json", "x/y.json"), Some(vec![pair("a", "x"), pair("b", "y")]));
        assert_eq!(values("{a}-{a}", "x-x"), Some(vec![pair("a", "x")]));
        assert_eq!(values("{a}-{a}", "x-y"), None, "one placeholder has one value");
    }

    #[test]
    fn a_path_fits_part_by_part_and_is_decoded() {
        let (values, same) = read_path("/v2/{p}/task/{id}/history", "/v2/p1/task/a%3Ab/history").unwrap();
        assert_eq!((values["p"].as_str(), values["id"].as_str(), same), ("p1", "a:b", 4));
        for other in ["/v2/p1/task/history", "/v2/p1/task/a/b/history", "/v2/p1/task//history", "/v2/p1/job/a/history"]
        {
            assert_eq!(read_path("/v2/{p}/task/{id}/history", other), None, "{other}");
        }
    }
}
