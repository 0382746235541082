//! Faults in the written form of the configuration, in the words of the mistake that was probably made. It knows the
//! names of settings and nothing of their values.

use crate::catalog::toml_text::TomlFault;

/// What a `[[scope]]` may say, and the top of the file for all of them.
const OF_SCOPES: [&str; 6] = ["region", "profile", "project_id", "project", "codearts_projects", "tables"];
/// Names, or parts of them, under which people write keys.
const OF_KEYS: [&str; 8] =
    ["ak", "sk", "access_key", "secret_key", "accesskey", "secretkey", "security_token", "securitytoken"];
const OF_USERS: [&str; 4] = ["token", "auth_token", "password", "user_password"];

/// The fault as a person should read it.
pub(super) fn explained(fault: TomlFault, text: &str) -> TomlFault {
    let message = explanation(&fault, text);
    TomlFault { message: message.unwrap_or(fault.message), ..fault }
}

fn explanation(fault: &TomlFault, text: &str) -> Option<String> {
    let header = header_above(text, fault.line);
    if fault.message.contains("invalid type: map") && text.lines().any(|line| bare(line) == "[scope]") {
        return Some("write [[scope]], with two brackets on each side: there may be several".to_owned());
    }
    let name = unknown_name(&fault.message)?;
    let lower = name.to_ascii_lowercase();
    let is_key = OF_KEYS.iter().any(|key| lower == *key || lower.ends_with(&format!("_{key}")));
    if is_key || OF_USERS.contains(&lower.as_str()) {
        return Some(format!(
            "`{name}` is no setting, since secrets do not belong in this file: set HUAWEICLOUD_SDK_AK and \
             HUAWEICLOUD_SDK_SK in the environment, or name a `profile` of the SDKs' or KooCLI's own file"
        ));
    }
    (OF_SCOPES.contains(&name) && !header.is_empty() && header != "[[scope]]").then(|| {
        format!(
            "`{name}` stands under {header}, which has no such setting: it belongs at the top of the file, before any \
             [table], or under a line [[scope]] of its own"
        )
    })
}

/// The name that a message of the parser says it does not know.
fn unknown_name(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    rest.split('`').next()
}

/// The last line at or above this one that begins a table; empty at the top of the file.
fn header_above(text: &str, line: usize) -> &str {
    let above = text.lines().take(line).map(bare);
    above.filter(|line| line.starts_with('[') && line.ends_with(']')).last().unwrap_or_default()
}

/// A line without its comment.
fn bare(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::toml_text;
    use crate::config::file::ConfigFile;

    fn told(text: &str) -> String {
        explained(toml_text::parse::<ConfigFile>(text).unwrap_err(), text).to_string()
    }

    #[test]
    fn a_setting_of_a_scope_without_its_header_is_told_where_it_belongs() {
        let fault = told("[endpoint]\n#all = \"x\"\n# [[scope]]\n#[[scope]]\ncodearts_projects = [\"a\"]\n");
        assert!(
            fault.starts_with("line 5, column 1: `codearts_projects` stands under [endpoint], which has"),
            "{fault}"
        );
        assert!(told("[publish] # for BI\nregion = \"x\"\n").contains("`region` stands under [publish]"));
        assert!(told("regoin = \"x\"\n").contains("did you mean `region`?"));
    }

    #[test]
    fn one_pair_of_brackets_around_scope_is_told_from_other_faults() {
        let fault = told("store = \"x\"\n[scope] # one\nregion = \"cn-north-4\"\n");
        assert!(fault.contains("write [[scope]], with two brackets"), "{fault}");
    }

    #[test]
    fn keys_in_the_file_are_sent_elsewhere_and_not_repeated() {
        for name in ["ak", "SK", "access_key", "HUAWEICLOUD_SDK_SK", "password", "security_token", "hw_secret_key"] {
            for header in ["", "[credentials]\n", "[[scope]]\n"] {
                let fault = told(&format!("{header}{name} = \"canary\"\n"));
                assert!(fault.contains("set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK in the environment"), "{fault}");
                assert!(!fault.contains("canary"), "{fault}");
            }
        }
        assert!(told("task = 1\n").contains("unknown field `task`"));
    }
}
