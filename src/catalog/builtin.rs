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
    list!("desktops", "desktops"),
    list!("desktops", "desktop_details"),
    list!("desktops", "desktop_pools"),
    list!("desktops", "desktop_users"),
    list!("desktops", "user_groups"),
    list!("desktops", "workspace_sub_jobs"),
    list!("desktops", "user_events"),
    list!("desktops", "login_records"),
    list!("desktops", "script_records"),
    list!("desktops", "desktop_usage"),
    list!("desktops", "user_usage"),
    list!("streaming", "app_servers"),
    list!("streaming", "app_server_groups"),
    list!("streaming", "app_server_sub_jobs"),
    list!("streaming", "app_connections"),
    list!("streaming", "app_sessions"),
    list!("streaming", "image_servers"),
    list!("streaming", "image_sub_jobs"),
    list!("streaming", "app_restricted_rules"),
    list!("streaming", "app_authorizations"),
    list!("delivery", "deploy_records"),
    list!("delivery", "build_jobs"),
    list!("delivery", "build_records"),
    list!("delivery", "pipelines"),
    list!("delivery", "pipeline_runs"),
    list!("registry", "swr_instances"),
    list!("registry", "swr_repositories"),
    list!("registry", "swr_artifacts"),
    list!("platform", "ims_images"),
    list!("platform", "cts_traces"),
    list!("platform", "codearts_projects"),
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
