//! The built-in lists, as the texts of their files, set by set. It parses none of them.

/// Name and text of a file in the folder of its set.
macro_rules! list {
    ($set:literal, $name:literal) => {
        (concat!($name, ".toml"), include_str!(concat!("builtin/", $set, "/", $name, ".toml")))
    };
}

pub(super) const BUILTIN: &[(&str, &str)] = &[
    list!("core", "app_install_jobs"),
    list!("core", "apps"),
    list!("core", "deploy_tasks"),
    list!("core", "deploy_apps"),
    list!("core", "image_jobs"),
    list!("core", "swr_instance_jobs"),
];

/// How messages name the built-in files.
pub(super) const SHIPPED: &str = "built-in";

/// Name and text of each file.
pub(super) fn shipped() -> impl Iterator<Item = (String, String)> {
    BUILTIN.iter().map(|(name, text)| (format!("{SHIPPED} {name}"), text.to_string()))
}

/// Whether the list of that name is built in.
pub(crate) fn is_builtin(name: &str) -> bool {
    BUILTIN.iter().any(|(file, _)| file.strip_suffix(".toml") == Some(name))
}
