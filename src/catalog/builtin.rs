//! The built-in lists, as the texts of their files. It parses none of them.

pub(super) const BUILTIN: &[(&str, &str)] = &[
    ("app_install_jobs.toml", include_str!("builtin/app_install_jobs.toml")),
    ("apps.toml", include_str!("builtin/apps.toml")),
    ("deploy_tasks.toml", include_str!("builtin/deploy_tasks.toml")),
    ("deploy_apps.toml", include_str!("builtin/deploy_apps.toml")),
    ("image_jobs.toml", include_str!("builtin/image_jobs.toml")),
    ("swr_instance_jobs.toml", include_str!("builtin/swr_instance_jobs.toml")),
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
