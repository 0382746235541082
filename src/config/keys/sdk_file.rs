//! The credentials file of the vendor's SDKs: INI, with a section `[basic]` for a project's keys or `[global]` for
//! an account's. Sections of other names are profiles. Members that hclake has no use for are passed over.

use std::path::PathBuf;

use super::found::{FoundKeys, Looked, SourceState, pair, read};
use crate::base::credentials::Credentials;
use crate::base::secret::Secret;
use crate::config::env::{Environment, SDK_CREDENTIALS_FILE};

pub(super) const PATH_SHOWN: &str = "~/.huaweicloud/credentials";
const USUAL_SECTIONS: [&str; 2] = ["basic", "global"];

/// The keys of a section, and the names of all sections.
pub(super) fn look(environment: &Environment, profile: Option<&str>) -> (Looked, Vec<String>) {
    let (path, is_named) = match environment.text(SDK_CREDENTIALS_FILE) {
        Some(path) => (Some(PathBuf::from(path)), true),
        None => (environment.home().map(|home| home.join(".huaweicloud").join("credentials")), false),
    };
    let source = path.as_ref().map_or(PATH_SHOWN.to_owned(), |path| path.display().to_string());
    let text = match path.as_deref().map_or(Ok(None), read) {
        Ok(Some(text)) => text,
        Ok(None) if is_named => {
            let missing = SourceState::Unreadable(format!("{SDK_CREDENTIALS_FILE} names it, and it is not there"));
            return (Looked::new(source, Err(missing)), Vec::new());
        }
        Ok(None) => return (Looked::new(source, Err(SourceState::Absent)), Vec::new()),
        Err(state) => return (Looked::new(source, Err(state)), Vec::new()),
    };
    let sections = match sections(text.expose()) {
        Ok(sections) => sections,
        Err(fault) => return (Looked::new(source, Err(SourceState::Unreadable(fault))), Vec::new()),
    };
    let names = sections.iter().map(|section| section.name.to_owned()).collect();
    let wanted = profile.map_or(USUAL_SECTIONS.to_vec(), |profile| vec![profile]);
    let section = wanted.iter().find_map(|name| sections.iter().find(|section| section.name == *name));
    let held = section.map_or(Err(SourceState::Absent), |section| section.keys(&source));
    let place = section.map_or(source.clone(), |section| section.place(&source));
    (Looked::new(place, held), names)
}

#[derive(Debug, Default, PartialEq)]
struct Section<'a> {
    name: &'a str,
    members: Vec<(&'a str, &'a str)>,
}

impl Section<'_> {
    /// If a member is there twice, the later one counts. An empty one counts as missing.
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.members.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value).filter(|value| !value.is_empty())
    }

    fn place(&self, file: &str) -> String {
        format!("[{}] of {file}", self.name)
    }

    fn keys(&self, file: &str) -> Result<FoundKeys, SourceState> {
        let secret = |name: &str| self.get(name).map(Secret::new);
        let place = self.place(file);
        let (ak, sk) = pair([&format!("ak in {place}"), "sk"], self.get("ak"), secret("sk"))?;
        let keys = Credentials::AkSk { ak, sk, security_token: secret("security_token") };
        Ok(FoundKeys {
            project_id: self.get("project_id").map(str::to_owned),
            iam_endpoint: self.get("iam_endpoint").map(str::to_owned),
            ..FoundKeys::new(keys, place)
        })
    }
}

/// The sections of an INI text. Errors name the line and never repeat it.
fn sections(text: &str) -> Result<Vec<Section<'_>>, String> {
    let mut sections: Vec<Section> = Vec::new();
    for (number, line) in text.trim_start_matches('\u{feff}').lines().map(str::trim).enumerate() {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.push(Section { name: name.trim(), members: Vec::new() });
            continue;
        }
        let member = line.split_once(['=', ':']);
        match (sections.last_mut(), member) {
            (Some(section), Some((name, value))) => section.members.push((name.trim(), unquoted(value.trim()))),
            (None, Some(_)) => return Err(format!("line {} stands before any [section]", number + 1)),
            (_, None) => return Err(format!("line {} is neither a [section] nor name = value", number + 1)),
        }
    }
    Ok(sections)
}

fn unquoted(value: &str) -> &str {
    let within = |quote: char| value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
    within('"').or_else(|| within('\'')).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_ini_files_come_in_are_read() {
        let text = "\u{feff}# the nightly user\r\n; another remark\r\n\r\n[ basic ]\r\nak = AK1\r\nSK=a=b+c/d==\r\n\
                    project_id:p1\r\nidp_id =\r\n[prod]\nak=\"AK2\"\nsk='s 2'\nak = AK3\n";
        let found = sections(text).unwrap();
        let names: Vec<_> = found.iter().map(|section| section.name).collect();
        assert_eq!(names, ["basic", "prod"]);
        assert_eq!((found[0].get("ak"), found[0].get("sk")), (Some("AK1"), Some("a=b+c/d==")));
        assert_eq!((found[0].get("project_id"), found[0].get("idp_id")), (Some("p1"), None));
        assert_eq!((found[1].get("ak"), found[1].get("sk")), (Some("AK3"), Some("s 2")));
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_by_its_number_alone() {
        for (text, fault) in [
            ("ak = canary\n[basic]", "line 1 stands before any [section]"),
            ("[basic]\n\ncanary\n", "line 3 is neither a [section] nor name = value"),
        ] {
            assert_eq!(sections(text).unwrap_err(), fault);
        }
    }
}
