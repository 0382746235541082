//! Sources against each other, with files in a home folder of their own.

use std::fs;

use super::found::CREDENTIALS_FILE_BYTES_MAX;
use super::*;
use crate::base::credentials::Credentials;
use crate::config::Environment;

const PAIR: [(&str, &str); 2] = [("HUAWEICLOUD_SDK_AK", "ak-sdk"), ("HUAWEICLOUD_SDK_SK", "sk-sdk")];
const KOOCLI: &str = r#"{"language":"en","authEncrypt":"false","current":"work","profiles":[
    {"name":"work","mode":"AKSK","accessKeyId":"ak-koo","secretAccessKey":"sk-koo","securityToken":"",
     "region":"cn-north-4","projectId":"p-koo"},
    {"name":"agency","mode":"ecsAgency","accessKeyId":"","secretAccessKey":""}]}"#;

/// A home folder with these files, and these variables.
struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(String, String)>,
}

impl Home {
    fn new(variables: &[(&str, &str)]) -> Home {
        let folder = tempfile::tempdir().unwrap();
        let home = ("HOME".to_owned(), folder.path().display().to_string());
        let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let variables = variables.chain([home]).collect();
        Home { folder, variables }
    }

    fn with(self, path: &str, text: &str) -> Home {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    fn with_sdk_file(self, text: &str) -> Home {
        self.with(".huaweicloud/credentials", text)
    }

    fn with_koocli(self, text: &str) -> Home {
        self.with(".hcloud/config.json", text)
    }

    fn search(&self, wanted: &Wanted) -> Search {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        survey(&Environment::of(&variables), wanted)
    }

    fn found(&self) -> Result<FoundKeys, KeysFault> {
        self.search(&Wanted::default()).found
    }

    fn profile(&self, profile: &str) -> Result<FoundKeys, KeysFault> {
        self.search(&Wanted { profile: Some(profile), ecs_metadata_url: None }).found
    }
}

fn ak(found: Result<FoundKeys, KeysFault>) -> String {
    match found.unwrap().keys {
        Credentials::AkSk { ak, .. } => ak,
        other => panic!("{other:?} is no pair"),
    }
}

#[test]
fn the_first_family_that_is_set_wins_whole() {
    let home = Home::new(&[
        ("HW_ACCESS_KEY", "second"),
        ("HW_SECRET_KEY", "s2"),
        ("HW_SECURITY_TOKEN", "t2"),
        ("HUAWEICLOUD_SDK_AK", "first"),
        ("HUAWEICLOUD_SDK_SK", "s1"),
    ]);
    let found = home.found().unwrap();
    assert_eq!(found.source, "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK");
    let Credentials::AkSk { ak, sk, security_token } = found.keys else { panic!("a pair was set") };
    assert_eq!((ak.as_str(), sk.expose()), ("first", "s1"));
    assert!(security_token.is_none(), "a token of another family must not be mixed in");
}

#[test]
fn each_source_gives_way_to_those_before_it() {
    let all = [
        ("HUAWEICLOUD_SDK_AK", "1"),
        ("HUAWEICLOUD_SDK_SK", "s"),
        ("HW_ACCESS_KEY", "2"),
        ("HW_SECRET_KEY", "s"),
        ("CLOUD_SDK_AK", "3"),
        ("CLOUD_SDK_SK", "s"),
        ("HW_AUTH_TOKEN", "t"),
        ("HW_USER_NAME", "u"),
        ("HW_USER_PASSWORD", "p"),
        ("HW_DOMAIN_NAME", "d"),
    ];
    let home = |skipped: usize, files: usize| {
        let home = Home::new(&all[skipped..]);
        let home = if files > 1 { home.with_sdk_file("[basic]\nak = 6\nsk = s\n") } else { home };
        if files > 0 { home.with_koocli(KOOCLI) } else { home }
    };
    let url = Some(ECS_METADATA_URL);
    let source = |skipped, files| {
        let search = home(skipped, files).search(&Wanted { profile: None, ecs_metadata_url: url });
        let taken: Vec<_> = search.sources.iter().filter(|s| s.state == SourceState::Taken).collect();
        let found = search.found.unwrap();
        assert_eq!(taken.len(), 1);
        (found.keys, found.source)
    };
    let pair = |skipped, files| match source(skipped, files).0 {
        Credentials::AkSk { ak, .. } => ak,
        other => panic!("{other:?}"),
    };
    assert_eq!([pair(0, 2), pair(2, 2), pair(4, 2)], ["1", "2", "3"]);
    assert!(matches!(source(6, 2).0, Credentials::Token(_)));
    assert!(matches!(source(7, 2).0, Credentials::Password { .. }));
    assert_eq!([pair(10, 2), pair(10, 1)], ["6", "ak-koo"]);
    assert_eq!(source(10, 0).0, Credentials::EcsMetadata { base_url: ECS_METADATA_URL.to_owned() });
}

#[test]
fn half_a_pair_names_what_is_missing_and_ends_the_search() {
    let fault = |home: &Home| home.found().unwrap_err().to_string();
    let home = Home::new(&[("HUAWEICLOUD_SDK_SK", "s"), ("HW_ACCESS_KEY", "a"), ("HW_SECRET_KEY", "s")]);
    assert_eq!(fault(&home), "half a pair of keys: HUAWEICLOUD_SDK_SK is set, HUAWEICLOUD_SDK_AK is not");
    let home = Home::new(&[("HW_USER_NAME", "u"), ("HW_USER_PASSWORD", "p")]);
    assert_eq!(fault(&home), "half a pair of keys: HW_USER_NAME is set, HW_DOMAIN_NAME is not");
    let home = Home::new(&[]).with_sdk_file("[basic]\nak = a\nsk =\n").with_koocli(KOOCLI);
    let text = fault(&home);
    assert!(text.starts_with("half a pair of keys: ak in [basic] of /"), "{text}");
    assert!(text.ends_with("credentials is set, sk is not"), "{text}");
    let home = Home::new(&[]).with_koocli(&KOOCLI.replace("sk-koo", ""));
    assert!(fault(&home).ends_with("config.json is set, secretAccessKey is not"), "{}", fault(&home));
}

#[test]
fn a_domain_name_alone_is_not_half_of_anything() {
    let home = Home::new(&[("HW_DOMAIN_NAME", "d"), PAIR[0], PAIR[1]]);
    assert_eq!(ak(home.found()), "ak-sdk");
    assert_eq!(Home::new(&[("HW_DOMAIN_NAME", "d")]).found().unwrap_err(), KeysFault::None { passed_over: Vec::new() });
}

#[test]
fn the_sdk_file_gives_its_basic_section_else_its_global_one() {
    let text = "[global]\nak = ak-global\nsk = s\ndomain_id = d\n\n[basic]\nak = ak-basic\nsk = s\nproject_id = p\n\
                security_token = t\niam_endpoint = https://iam.example\n";
    let found = Home::new(&[]).with_sdk_file(text).found().unwrap();
    assert_eq!((found.project_id.as_deref(), found.iam_endpoint.as_deref()), (Some("p"), Some("https://iam.example")));
    assert!(found.source.starts_with("[basic] of /"), "{}", found.source);
    let Credentials::AkSk { ak, security_token, .. } = found.keys else { panic!("a pair") };
    assert_eq!((ak.as_str(), security_token.unwrap().expose()), ("ak-basic", "t"));
    let global = Home::new(&[]).with_sdk_file("[global]\nak = ak-global\nsk = s\n").found();
    assert_eq!(self::ak(global), "ak-global");
}

#[test]
fn the_sdk_file_may_lie_elsewhere_and_must_then_be_there() {
    let home = Home::new(&[]).with("elsewhere", "[basic]\nak = there\nsk = s\n");
    let path = home.folder.path().join("elsewhere").display().to_string();
    let mut named = Home::new(&[("HUAWEICLOUD_SDK_CREDENTIALS_FILE", &path)]);
    assert_eq!(ak(named.found()), "there");
    named.variables[0].1.push_str("-not");
    let text = named.found().unwrap_err().to_string();
    assert!(text.ends_with("HUAWEICLOUD_SDK_CREDENTIALS_FILE names it, and it is not there"), "{text}");
}

#[test]
fn koocli_gives_its_current_profile_with_region_and_project() {
    let found = Home::new(&[]).with_koocli(KOOCLI).found().unwrap();
    assert_eq!((found.region.as_deref(), found.project_id.as_deref()), (Some("cn-north-4"), Some("p-koo")));
    assert!(found.source.starts_with("profile work of /"), "{}", found.source);
    assert!(matches!(found.keys, Credentials::AkSk { security_token: None, .. }), "an empty token is none");
}

#[test]
fn what_koocli_has_encrypted_is_passed_over_and_reported() {
    let home = Home::new(&[]).with_koocli(&KOOCLI.replace("\"false\"", "\"true\""));
    let text = home.found().unwrap_err().to_string();
    assert!(text.starts_with("no credentials were found; profile work of /"), "{text}");
    assert!(text.ends_with("its keys are encrypted, so only KooCLI can read them"), "{text}");
    let url = Some(ECS_METADATA_URL);
    let search = home.search(&Wanted { profile: None, ecs_metadata_url: url });
    assert!(matches!(search.found.unwrap().keys, Credentials::EcsMetadata { .. }));
}

#[test]
fn a_koocli_profile_without_keys_of_its_own_says_its_mode() {
    let text = Home::new(&[]).with_koocli(KOOCLI).profile("agency").unwrap_err().to_string();
    assert!(text.ends_with("its mode is ecsAgency, not AKSK"), "{text}");
}

#[test]
fn a_file_that_cannot_be_read_ends_the_search_without_repeating_it() {
    for (home, fault) in [
        (Home::new(&[]).with_koocli("{\"profiles\": \"canary\"}"), "it is no JSON of the form that KooCLI writes"),
        (Home::new(&[]).with_sdk_file("canary\n"), "line 1 is neither a [section] nor name = value"),
        (Home::new(&[]).with(".hcloud/config.json/x", ""), "directory"),
    ] {
        let text = home.found().unwrap_err().to_string();
        assert!(text.contains(fault) && !text.contains("canary"), "{text}");
    }
    let large = "#".repeat(CREDENTIALS_FILE_BYTES_MAX as usize + 1);
    let text = Home::new(&[]).with_sdk_file(&large).found().unwrap_err().to_string();
    assert!(text.ends_with("it is larger than 1048576 bytes"), "{text}");
}

#[test]
fn a_named_profile_is_looked_for_in_both_files_and_nowhere_else() {
    let home = Home::new(&PAIR).with_sdk_file("[prod]\nak = ak-prod\nsk = s\n").with_koocli(KOOCLI);
    assert_eq!(ak(home.profile("prod")), "ak-prod");
    assert_eq!(ak(home.profile("work")), "ak-koo");
    let fault = home.profile("staging").unwrap_err();
    assert!(fault.to_string().starts_with("profile `staging` cannot be used; /"), "{fault}");
    assert_eq!(fault.hint(), "the profiles are prod, work, agency");
    let hint = Home::new(&PAIR).profile("prod").unwrap_err().hint();
    assert!(hint.ends_with("neither file has one"), "{hint}");
    let search = home.search(&Wanted { profile: Some("work"), ecs_metadata_url: None });
    let states: Vec<_> = search.sources.iter().map(|report| report.state.clone()).collect();
    use SourceState::*;
    assert_eq!(states, [Absent, Taken, Outranked, Absent, Absent, Absent, Absent, Absent, Outranked, NotSwitchedOn]);
}

#[test]
fn the_survey_tells_what_became_of_every_source_in_order() {
    let home = Home::new(&[PAIR[0], PAIR[1], ("HW_ACCESS_KEY", "a")]).with_koocli(KOOCLI);
    let search = home.search(&Wanted::default());
    let found: Vec<_> = search
        .sources
        .iter()
        .map(|r| format!("{}: {}", r.source, r.state).replace(&home.folder.path().display().to_string(), "~"))
        .collect();
    assert_eq!(
        found,
        [
            "a profile: none is named",
            "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK: taken",
            "HW_ACCESS_KEY and HW_SECRET_KEY: half a pair of keys: HW_ACCESS_KEY is set, HW_SECRET_KEY is not",
            "CLOUD_SDK_AK and CLOUD_SDK_SK: holds none",
            "HW_AUTH_TOKEN: holds none",
            "HW_USER_NAME and HW_USER_PASSWORD: holds none",
            "~/.huaweicloud/credentials: holds none",
            "profile work of ~/.hcloud/config.json: could serve, but another comes first",
            "the ECS metadata service: not switched on",
        ]
    );
}

#[test]
fn nothing_found_anywhere_names_the_variables_to_set() {
    let fault = Home::new(&[]).found().unwrap_err();
    assert_eq!(fault.to_string(), "no credentials were found");
    assert!(fault.hint().starts_with("set HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK"));
}

#[test]
fn a_value_that_ends_as_lines_of_windows_do_is_named_with_what_to_do() {
    let at = |name: &str, value: &str| {
        let variables = [PAIR[0], PAIR[1], ("HUAWEICLOUD_SDK_SECURITY_TOKEN", "t")];
        let variables = variables.map(|(known, held)| (known, if known == name { value } else { held }));
        Home::new(&variables).found().unwrap_err()
    };
    for name in [PAIR[0].0, PAIR[1].0, "HUAWEICLOUD_SDK_SECURITY_TOKEN"] {
        let fault = at(name, "canary\r");
        assert!(fault.to_string().ends_with(&format!("{name} holds a carriage return")), "{fault}");
        assert!(!fault.to_string().contains("canary") && fault.hint().contains("Windows"), "{fault}");
        assert!(at(name, "canary\n").to_string().ends_with("holds a line break"));
    }
    let fault = Home::new(&[("HW_AUTH_TOKEN", "t\r")]).found().unwrap_err();
    assert!(fault.to_string().contains("HW_AUTH_TOKEN holds a carriage return"), "{fault}");
    let sdk = Home::new(&[]).with_sdk_file("[basic]\r\nak = ak-file\r\nsk = sk-file\r\n");
    assert_eq!(ak(sdk.found()), "ak-file", "a file's own line ends are no part of its values");
}
