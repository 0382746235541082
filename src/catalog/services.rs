//! All services by name: those of the built-in file, and those of a person's own `services.toml`. It checks what the
//! files say, and asks nothing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;
use toml::Spanned;

use super::folder::{self, SERVICES_FILE, Unreadable};
use super::service::{ErrorForm, Service, ServiceEntry};
use super::toml_text;
use crate::base::nearest::{did_you_mean, nearest};
use crate::base::rate::Rate;
use crate::base::time::parse_offset;

const BUILT_IN: &str = include_str!("services.toml");

static SERVICES: LazyLock<Services> = LazyLock::new(|| {
    let none = Services(Vec::new());
    none.and(BUILT_IN).expect("the file is part of the program and tested")
});

/// Stands for the region in a host.
const REGION: &str = "{region}";
/// Keys beside the services' names in the tables of settings that have one for each service.
const KEYS_TAKEN: [&str; 2] = ["in_flight", "all"];
const NAME_CHARS_MAX: usize = 40;

/// The services that can be named.
#[derive(Clone, Debug)]
pub struct Services(Vec<Service>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ServicesFile {
    #[serde(default, rename = "service")]
    services: Vec<ServiceFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ServiceFile {
    name: Spanned<String>,
    title: String,
    host: Spanned<String>,
    #[serde(default)]
    regions: Vec<Spanned<String>>,
    #[serde(default)]
    hosts: BTreeMap<Spanned<String>, Spanned<String>>,
    elsewhere: Option<Spanned<String>>,
    rate: Option<Rate>,
    zone: Option<Spanned<String>>,
    #[serde(default)]
    codearts_projects: bool,
    #[serde(default)]
    offset_multiple: bool,
    #[serde(default)]
    errors: ErrorForm,
    grant: Option<String>,
}

/// A service that the program itself asks, or tests do.
///
/// # Panics
///
/// Where the built-in file has no such service.
pub fn built_in(name: &str) -> Service {
    Services::built_in().get(name).unwrap_or_else(|| panic!("{name} is no built-in service"))
}

/// Identity and Access Management.
pub(crate) fn iam() -> Service {
    built_in("iam")
}

/// ProjectMan, which lists the CodeArts projects.
pub(crate) fn projectman() -> Service {
    built_in("projectman")
}

impl Services {
    /// Those that hclake ships.
    pub fn built_in() -> &'static Services {
        &SERVICES
    }

    /// The built-in services, and those of the folder's `services.toml` where there is one.
    ///
    /// Errors: every fault of that file, each with file and line.
    pub(crate) fn with_folder(folder: &Path) -> Result<Services, Vec<String>> {
        let path = folder.join(SERVICES_FILE);
        match path.symlink_metadata() {
            Ok(_) => Services::with_file(&path),
            Err(_) => Ok(Services::built_in().clone()),
        }
    }

    /// The built-in services, and those of a file.
    ///
    /// Errors: every fault of the file, each with file and line.
    pub(crate) fn with_file(path: &Path) -> Result<Services, Vec<String>> {
        let (file, text) =
            folder::read_file(path).map_err(|Unreadable { file, fault }| vec![format!("{file}: {fault}")])?;
        Services::built_in().and(&text).map_err(|faults| faults.iter().map(|f| format!("{file}: {f}")).collect())
    }

    /// These services, and those of a text.
    fn and(&self, text: &str) -> Result<Services, Vec<String>> {
        let file: ServicesFile = toml_text::parse(text).map_err(|fault| vec![fault.to_string()])?;
        let mut services = self.clone();
        let mut faults = Vec::new();
        for service in file.services {
            let found = service.faults(&services);
            if found.is_empty() {
                services.0.push(service.resolve(services.0.len()));
            }
            faults.extend(found.into_iter().map(|(at, fault)| toml_text::fault_at(text, at, fault).to_string()));
        }
        if faults.is_empty() { Ok(services) } else { Err(faults) }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Service> {
        self.0.iter().copied()
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.iter().map(Service::name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<Service> {
        self.iter().find(|service| service.name() == name)
    }

    /// The service at a host; the first where several share it.
    pub(crate) fn at(&self, host: &str) -> Option<Service> {
        self.iter().find(|service| service.is_at(host))
    }

    /// Regions in which any of them is known.
    pub(crate) fn regions(&self) -> impl Iterator<Item = &'static str> {
        self.iter().flat_map(Service::regions)
    }

    /// The table of services as docs/lists-of-your-own.md has it, in Markdown.
    pub fn reference(&self) -> String {
        let row = |service: Service| {
            let rate = service.rate().map_or("as set".to_owned(), |rate| format!("`{rate}`"));
            format!("| `{service}` | {} | {rate} | {} |\n", service.title(), service.regions().count())
        };
        let rows: String = self.iter().map(row).collect();
        format!("| name | service | pace | regions |\n|---|---|---|---|\n{rows}")
    }

    /// The fault of a name that is none of them.
    pub(crate) fn unknown(&self, name: &str) -> String {
        let known: Vec<String> = self.names().map(|name| format!("`{name}`")).collect();
        let like = did_you_mean(nearest(name, self.names()));
        format!("unknown service `{name}`, expected one of {}{like}", known.join(", "))
    }
}

impl ServiceFile {
    /// What is wrong, each with the bytes of the text before it.
    fn faults(&self, others: &Services) -> Vec<(usize, String)> {
        let at = |spanned: &Spanned<String>, fault: String| (spanned.span().start, fault);
        let mut faults = Vec::new();
        let name: &str = self.name.get_ref();
        if !is_name(name) || KEYS_TAKEN.contains(&name) {
            let fault = format!(
                "name: {name:?} is no name for a service: write small letters, digits and underscores, at most \
                 {NAME_CHARS_MAX}, and not one of {}",
                KEYS_TAKEN.join(", ")
            );
            faults.push(at(&self.name, fault));
        }
        if others.get(name).is_some() {
            faults.push(at(&self.name, format!("name: \"{name}\" is that of another service; choose another")));
        }
        if self.title.trim().is_empty() {
            faults.push(at(&self.name, format!("title of {name}: is empty; say what the service is")));
        }
        let hosts = [&self.host].into_iter().chain(self.hosts.values()).chain(&self.elsewhere);
        for host in hosts.filter(|host| !is_host(&host.get_ref().replace(REGION, "r"))) {
            let fault = format!(
                "{:?} is no host: write its name alone, such as \"service.{REGION}.example.com\"",
                host.get_ref()
            );
            faults.push(at(host, fault));
        }
        for region in self.regions.iter().chain(self.hosts.keys()).filter(|region| !is_region_id(region.get_ref())) {
            let fault = format!(
                "{:?} is no id of a region: write small letters, digits and hyphens, such as ap-southeast-3",
                region.get_ref()
            );
            faults.push(at(region, fault));
        }
        for region in self.regions.iter().filter(|region| self.hosts.contains_key(*region)) {
            let fault = format!("{} has a host of its own under `hosts`; name it in one place", region.get_ref());
            faults.push(at(region, fault));
        }
        if self.regions.is_empty() && self.hosts.is_empty() && self.elsewhere.is_none() {
            faults.push(at(&self.host, format!("{name} is known in no region; name some in `regions`")));
        }
        if let Some(zone) = self.zone.as_ref().filter(|zone| *zone.get_ref() != "codearts") {
            let fault =
                || format!("zone: \"{}\" is neither an offset like \"+08:00\" nor \"codearts\"", zone.get_ref());
            faults.extend(parse_offset(zone.get_ref()).is_none().then(|| at(zone, fault())));
        }
        faults
    }

    fn resolve(self, place: usize) -> Service {
        let template = self.host.into_inner();
        let usual = self.regions.into_iter().map(Spanned::into_inner);
        let usual = usual.map(|region| (region.clone(), template.replace(REGION, &region)));
        let own = self.hosts.into_iter().map(|(region, host)| (region.into_inner(), host.into_inner()));
        Service::of(ServiceEntry {
            place,
            name: self.name.into_inner(),
            title: self.title,
            hosts: usual.chain(own).collect(),
            elsewhere: self.elsewhere.map(Spanned::into_inner),
            rate: self.rate,
            zone: self.zone.map(Spanned::into_inner),
            has_codearts_projects: self.codearts_projects,
            has_offset_multiple: self.offset_multiple,
            errors: self.errors,
            grant: self.grant,
        })
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= NAME_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_host(host: &str) -> bool {
    let is_label = |label: &str| !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    host.split('.').all(is_label)
}

/// Whether a text can be the id of a region.
pub(crate) fn is_region_id(region: &str) -> bool {
    !region.is_empty() && region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    type Hosts = BTreeMap<String, BTreeMap<String, Vec<String>>>;

    /// The table that the file was made from.
    fn table() -> Hosts {
        serde_json::from_str(include_str!("../../tests/fixtures/services/hosts.json")).unwrap()
    }

    fn faults(text: &str) -> Vec<String> {
        Services::built_in().and(text).err().unwrap_or_default()
    }

    const MINE: &str = "[[service]]\nname = \"mine\"\ntitle = \"Mine\"\nhost = \"mine.{region}.example.com\"\n";

    #[test]
    fn hosts_are_those_of_the_sdks_to_the_letter() {
        let mut table = table();
        for (name, in_table) in [
            ("workspace", "workspace"),
            ("appstream", "workspaceapp"),
            ("codearts_deploy", "codeartsdeploy"),
            ("projectman", "projectman"),
            ("swr", "swr"),
            ("iam", "iam"),
        ] {
            let service = built_in(name);
            let hosts = table.remove(in_table).unwrap();
            assert_eq!(service.regions().collect::<Vec<_>>(), hosts.keys().collect::<Vec<_>>(), "{name}");
            for (region, host) in hosts {
                assert_eq!(service.host(&region).unwrap(), host[0], "{name} {region}");
            }
        }
        assert!(table.is_empty(), "{table:?}");
    }

    #[test]
    fn hosts_of_the_further_services_have_their_exceptions() {
        let cases = [
            ("codearts_build", "tr-west-1", "cloudbuild-ext.tr-west-1.myhuaweicloud.com"),
            ("codearts_pipeline", "cn-north-4", "cloudpipeline-ext.cn-north-4.myhuaweicloud.com"),
            ("codearts_pipeline", "la-south-2", "pipeline-external.la-south-2.myhuaweicloud.com"),
            ("codearts_pipeline", "me-east-1", "pipeline.me-east-1.myhuaweicloud.com"),
            ("codearts_repo", "eu-west-101", "codeartsrepo-ext.eu-west-101.myhuaweicloud.com"),
            ("codearts_repo", "af-south-1", "repo.af-south-1.myhuaweicloud.com"),
            ("codearts_check", "ap-southeast-3", "codearts-check.ap-southeast-3.myhuaweicloud.com"),
            ("ims", "cn-north-4", "ims.cn-north-4.myhuaweicloud.com"),
            ("cts", "eu-west-101", "cts.eu-west-101.myhuaweicloud.eu"),
        ];
        for (name, region, host) in cases {
            assert_eq!(built_in(name).host(region), Some(host));
        }
        assert_eq!(built_in("codearts_check").host("tr-west-1"), None);
        assert_eq!(built_in("codearts_build").rate().unwrap().to_string(), "50/min");
        assert_eq!(built_in("codearts_build").regions().count(), 12);
    }

    #[test]
    fn every_region_of_a_service_is_in_its_host() {
        for service in Services::built_in().iter() {
            assert!(service.regions().count() > 5, "{service}");
            for region in service.regions() {
                assert!(service.host(region).unwrap().contains(region), "{service} {region}");
            }
        }
    }

    #[test]
    fn a_host_leads_to_its_service() {
        let at = |host| Services::built_in().at(host);
        assert_eq!(at("swr-api.eu-west-101.myhuaweicloud.eu"), Some(built_in("swr")));
        assert_eq!(at("workspace.ap-southeast-3.myhuaweicloud.com"), Some(built_in("workspace")));
        assert_eq!(at("swr.example"), None);
        assert!(built_in("appstream").is_at("workspace.ap-southeast-3.myhuaweicloud.com"));
    }

    #[test]
    fn iam_has_a_host_for_every_region() {
        assert_eq!(iam().host("cn-north-11"), Some("iam.myhuaweicloud.com"));
        assert!(!iam().is_at("iam.myhuaweicloud.com"));
    }

    #[test]
    fn a_service_of_ones_own_comes_after_the_built_in_ones() {
        let text = format!(
            "{MINE}regions = [\"r1\"]\nhosts = {{ r2 = \"other.example\" }}\nrate = \"50/min\"\nzone = \"+08:00\"\n"
        );
        let services = Services::built_in().and(&text).unwrap();
        let mine = services.get("mine").unwrap();
        assert_eq!(
            [mine.host("r1"), mine.host("r2"), mine.host("r3")],
            [Some("mine.r1.example.com"), Some("other.example"), None]
        );
        assert_eq!(services.iter().last(), Some(mine));
        assert!(services.iter().all(|other| other <= mine));
        assert_eq!(
            (mine.errors(), mine.has_codearts_projects(), mine.zone()),
            (ErrorForm::Plain, false, Some("+08:00"))
        );
    }

    #[test]
    fn faults_have_their_line_and_what_to_write() {
        let taken = faults(&format!("{MINE}regions = [\"r1\"]\n{MINE}regions = [\"r1\"]\n").replace("Mine", "M"));
        assert_eq!(taken, ["line 7, column 8: name: \"mine\" is that of another service; choose another"]);
        let built_in = faults(&MINE.replace("\"mine\"", "\"swr\"").replace("host =", "regions = [\"r1\"]\nhost ="));
        assert_eq!(built_in, ["line 2, column 8: name: \"swr\" is that of another service; choose another"]);
        let misspelt = faults(&format!("{MINE}regoins = [\"r1\"]\n"));
        assert!(misspelt[0].starts_with("line 5, column 1: unknown field `regoins`"), "{misspelt:?}");
        assert!(misspelt[0].ends_with("did you mean `regions`?"), "{misspelt:?}");
        for (line, fault) in [
            ("regions = [\"R1\"]", "line 5, column 12: \"R1\" is no id of a region"),
            ("regions = [\"r1\"]\nhosts = { r1 = \"h\" }", "line 5, column 12: r1 has a host of its own"),
            ("hosts = { r1 = \"https://h\" }", "line 5, column 16: \"https://h\" is no host"),
            ("", "line 4, column 8: mine is known in no region"),
            ("regions = [\"r1\"]\nzone = \"Asia\"", "line 6, column 8: zone: \"Asia\" is neither"),
            ("regions = [\"r1\"]\nrate = \"fast\"", "line 6, column 8: write a number of requests a second, or a text"),
        ] {
            let found = faults(&format!("{MINE}{line}\n"));
            assert!(found.len() == 1 && found[0].starts_with(fault), "{line}: {found:?}");
        }
        for name in ["in_flight", "all", "Mine", "1st", "", "my-service"] {
            let found = faults(&format!("{}regions = [\"r1\"]\n", MINE.replace("\"mine\"", &format!("{name:?}"))));
            assert!(found[0].contains("is no name for a service"), "{name}: {found:?}");
        }
    }

    #[test]
    fn an_unknown_service_is_named_with_the_nearest() {
        let fault = Services::built_in().unknown("workspce");
        assert!(fault.starts_with("unknown service `workspce`, expected one of `workspace`, `appstream`"), "{fault}");
        assert!(fault.ends_with("; did you mean `workspace`?"), "{fault}");
    }
}
