//! Settings as a whole: what goes over what, what is refused and in which words.

mod table;

use std::path::PathBuf;

use super::settings::*;
use super::*;
use crate::base::privacy::Personal;
use crate::catalog::services::built_in;

pub(super) fn with_file(text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    std::fs::write(&path, text).unwrap();
    resolve(&Flags { config: Some(path), ..Flags::default() }, &Environment::of(variables))
}

/// What is wrong with a file whose form is sound.
fn faults(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    match with_file(text, variables) {
        Err(ConfigError::Meaning { faults }) => faults,
        other => panic!("no fault of meaning: {other:?}"),
    }
}

#[test]
fn without_a_file_region_and_keys_in_the_environment_suffice() {
    let settings = resolve(
        &Flags::default(),
        &Environment::of(&[("HW_REGION_NAME", "ap-southeast-3"), ("HUAWEICLOUD_SDK_PROJECT_ID", "p")]),
    )
    .unwrap();
    assert_eq!(settings.store.value, PathBuf::from("hclake.duckdb"));
    assert_eq!(
        settings.scopes,
        [ScopeSettings {
            region: "ap-southeast-3".into(),
            profile: None,
            project_id: Some("p".into()),
            project: None,
            codearts_projects: None,
            lists: vec!["core".into(), "own".into()],
            tables: None
        }]
    );
    assert_eq!(settings.by_service(RATE)[&built_in("swr")].per_s(), 10.0);
    assert_eq!(settings.get(CODEARTS_ZONE).offset_s, 8 * 3600);
}

#[test]
fn flags_override_the_environment_which_overrides_the_file() {
    let text = "store = \"file.duckdb\"\nregion = \"cn-north-4\"\n";
    let settings = with_file(text, &[("HCLAKE_STORE", "env.duckdb"), ("HCLAKE_REGION", "cn-east-3")]).unwrap();
    assert_eq!(settings.store.value, PathBuf::from("env.duckdb"));
    assert_eq!(settings.store.origin, Origin::Variable("HCLAKE_STORE".into()));
    assert_eq!(settings.scopes[0].region, "cn-east-3");
    let flags = Flags { store: Some("flag.duckdb".into()), ..Flags::default() };
    let settings = resolve(&flags, &Environment::of(&[("HCLAKE_STORE", "env.duckdb")])).unwrap();
    assert_eq!(settings.store.origin, Origin::Flag("--store"));
}

#[test]
fn a_store_named_in_the_file_stands_beside_it() {
    let settings = with_file("store = \"lake.duckdb\"", &[]).unwrap();
    assert!(settings.store.value.is_absolute());
    assert!(settings.store.value.ends_with("lake.duckdb"));
}

#[test]
fn a_dataset_named_in_the_file_stands_beside_it_and_its_settings_need_it() {
    let publish = with_file("[publish]\nparquet = \"bi\"\ncompression = \"snappy\"", &[]).unwrap().publish.unwrap();
    let folder = publish.parquet.to_string();
    assert!(folder.starts_with('/') && folder.ends_with("/bi"), "{folder}");
    assert_eq!(publish.compression, Some(ParquetCompression::Snappy));
    assert!(with_file("[publish]\nflat = true", &[]).unwrap_err().to_string().contains("publish.parquet is missing"));
}

#[test]
fn a_catalog_folder_stands_beside_the_file_and_the_environment_names_another() {
    let settings = with_file("catalog_dir = \"lists\"", &[]).unwrap();
    let folder = settings.catalog_dir.unwrap();
    assert!(folder.is_absolute() && folder.ends_with("lists"), "{folder:?}");
    let settings = with_file("catalog_dir = \"lists\"", &[("HCLAKE_CATALOG_DIR", "mine")]).unwrap();
    assert_eq!(settings.catalog_dir.unwrap(), PathBuf::from("mine"));
    assert!(with_file("", &[]).unwrap().catalog_dir.is_none());
}

#[test]
fn an_unknown_key_is_refused_with_its_place_and_the_nearest_one() {
    let error = with_file("[rate]\nworkspce = 3\n", &[]).unwrap_err().to_string();
    assert!(error.contains("line 2, column 1"), "{error}");
    assert!(error.ends_with("did you mean `workspace`?"), "{error}");
}

#[test]
fn every_fault_of_meaning_is_reported_at_once() {
    let text = "[rate]\nswr = -1\nin_flight = 0\n[time]\ncodearts_zone = \"Shanghai\"\n[sync]\nmax_gone_percent = 101\nmax_bad_percent = 101\nmemory_limit_mb = 0\n";
    let ConfigError::Meaning { faults } = with_file(text, &[]).unwrap_err() else { panic!("faults of meaning") };
    assert_eq!(faults.len(), 6, "{faults:?}");
}

#[test]
fn a_share_beyond_its_range_is_refused_with_the_range_however_far_beyond() {
    for percent in ["101", "300", "-1", "9000000000000000000"] {
        let error = with_file(&format!("[sync]\nmax_gone_percent = {percent}\n"), &[]).unwrap_err().to_string();
        let expected = format!("sync.max_gone_percent is {percent}: it must lie between 0 and 100");
        assert!(error.contains(&expected), "{error}");
    }
    assert_eq!(with_file("[sync]\nmax_gone_percent = 0\n", &[]).unwrap().get(MAX_GONE_PERCENT), 0);
}

#[test]
fn a_project_id_that_can_be_none_is_refused_wherever_it_was_set() {
    for id in ["a/b", "a%2Fb", "a?b", "a#b", "a b", "..", ".", "a\\b", "ä", "a\r"] {
        let quoted = toml::Value::from(id).to_string();
        for text in [
            format!("region = \"cn-north-4\"\nproject_id = {quoted}\n"),
            format!("[[scope]]\nregion = \"cn-north-4\"\nproject_id = {quoted}\n"),
        ] {
            let error = with_file(&text, &[]).unwrap_err().to_string();
            assert!(error.contains(&format!("project_id is {id:?}: write the id")), "{error}");
        }
        let error = with_file("region = \"cn-north-4\"\n", &[("HUAWEICLOUD_SDK_PROJECT_ID", id)]).unwrap_err();
        assert!(error.to_string().contains("project_id is"), "{error}");
    }
}

#[test]
fn a_scope_takes_the_top_project_only_in_the_top_region() {
    let text = "region = \"cn-north-4\"\nproject_id = \"top\"\n[[scope]]\n[[scope]]\nregion = \"cn-east-3\"\n";
    let scopes = with_file(text, &[]).unwrap().scopes;
    assert_eq!(scopes[0].project_id.as_deref(), Some("top"));
    assert_eq!((scopes[1].region.as_str(), scopes[1].project_id.as_deref()), ("cn-east-3", None));
}

#[test]
fn time_limits_of_requests_have_defaults_and_bounds() {
    let settings = with_file("[http]\nread_timeout_s = 2\n", &[]).unwrap();
    assert_eq!((settings.get(CONNECT_TIMEOUT_S), settings.get(READ_TIMEOUT_S)), (10, 2));
    for text in ["[http]\nread_timeout_s = 0\n", "[http]\nconnect_timeout_s = 601\n"] {
        let ConfigError::Meaning { faults } = with_file(text, &[]).unwrap_err() else { panic!("a fault of meaning") };
        assert!(faults[0].contains("between 1 and 600"), "{faults:?}");
    }
}

#[test]
fn a_missing_file_that_was_named_is_an_error() {
    let flags = Flags { config: Some("/nonexistent/hclake.toml".into()), ..Flags::default() };
    assert!(matches!(resolve(&flags, &Environment::of(&[])), Err(ConfigError::Unreadable { .. })));
}

#[test]
fn endpoint_urls_come_from_file_and_environment() {
    let text = "[endpoint]\nall = \"https://a\"\nswr = \"https://b\"\n";
    let settings = with_file(text, &[("HCLAKE_ENDPOINT_URL_SWR", "https://c")]).unwrap();
    assert_eq!(settings.get(ENDPOINT_URL).as_deref(), Some("https://a"));
    assert_eq!(settings.endpoint_urls()[&built_in("swr")], "https://c");
}

#[test]
fn an_empty_path_is_refused_by_name() {
    assert_eq!(faults("store = \"\"\n", &[]), ["store is \"\": write a path"]);
    assert_eq!(faults("catalog_dir = \"\"\n", &[]), ["catalog_dir is \"\": write a path"]);
    assert_eq!(
        faults("[publish]\nparquet = \"\"\n", &[]),
        ["publish.parquet is \"\": write a folder, or s3://BUCKET/PREFIX"]
    );
    let flags = Flags { store: Some(PathBuf::new()), ..Flags::default() };
    let error = resolve(&flags, &Environment::of(&[])).unwrap_err().to_string();
    assert!(error.contains("--store: store is \"\": write a path"), "{error}");
}

#[test]
fn a_base_url_is_judged_as_it_is_read_and_no_password_repeated() {
    let unusable = [
        ("https://canary:canary@h/", "holds a user name or password: write it as https://host[:port][/prefix]"),
        ("https://h/?a=canary", "holds a query or fragment: write it as https://host[:port][/prefix]"),
        ("ftp://127.0.0.1", "begins with ftp:, not https:: write it as https://host[:port][/prefix]"),
        (
            "http://192.0.2.1:80",
            "is plain http to 192.0.2.1: use https; http is for this machine itself (127.0.0.1, ::1, localhost)",
        ),
    ];
    for (url, fault) in unusable {
        assert_eq!(faults(&format!("[endpoint]\nswr = \"{url}\"\n"), &[]), [format!("endpoint.swr {fault}")]);
        let expected = format!("HCLAKE_ENDPOINT_URL: endpoint.all {fault}");
        assert_eq!(faults("", &[("HCLAKE_ENDPOINT_URL", url)]), [expected]);
    }
    with_file("[endpoint]\nall = \"http://127.0.0.1:80\"\n", &[]).unwrap();
}

#[test]
fn rates_out_of_range_are_refused_by_name() {
    for rate in ["-1", "nan", "inf", "0.009", "10000.1", "1e309"] {
        let found = faults(&format!("[rate]\nswr = {rate}\n"), &[]);
        assert!(found.len() == 1 && found[0].starts_with("rate.swr is "), "{found:?}");
        assert!(found[0].ends_with("it must be 0 (no limit) or lie between 0.01 and 10000"), "{found:?}");
    }
    for rate in ["0", "0.01", "2.5", "10000"] {
        let settings = with_file(&format!("[rate]\nswr = {rate}\n"), &[]).unwrap();
        assert_eq!(settings.by_service(RATE)[&built_in("swr")].per_s(), rate.parse::<f64>().unwrap());
    }
}

#[test]
fn a_rate_by_the_minute_is_kept_as_it_was_written() {
    let text = "[rate]\nswr = \"50/min\"\ncodearts_build = 2\n";
    let settings = with_file(text, &[]).unwrap();
    let per_s = |name| settings.by_service(RATE)[&built_in(name)].per_s();
    assert_eq!(["swr", "codearts_build", "ims"].map(per_s), [50.0 / 60.0, 2.0, 10.0]);
    let shown = effective(&settings);
    let of = |setting: &str| shown.iter().find(|line| line.setting == setting).unwrap().value.clone();
    assert_eq!(["rate.swr", "rate.codearts_build", "rate.ims"].map(of), ["50/min", "2 requests/s", "10 requests/s"]);
    let by_default = with_file("", &[]).unwrap();
    assert_eq!(by_default.by_service(RATE)[&built_in("codearts_build")].to_string(), "50/min");
    with_file("[rate]\nswr = \"1/h\"\n", &[]).unwrap();
    assert_eq!(
        faults("[rate]\nswr = \"700000/min\"\n", &[]),
        ["rate.swr is 700000/min: it must be 0 (no limit) or lie between 0.01 and 10000"]
    );
}

/// A configuration beside a folder with one service.
fn with_service(services: &str, text: &str, variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE_NAME);
    std::fs::create_dir(folder.path().join("lists")).unwrap();
    std::fs::write(folder.path().join("lists/services.toml"), services).unwrap();
    std::fs::write(&path, format!("catalog_dir = \"lists\"\n{text}")).unwrap();
    resolve(&Flags { config: Some(path), ..Flags::default() }, &Environment::of(variables))
}

const MINE: &str =
    "[[service]]\nname = \"mine\"\ntitle = \"Mine\"\nhost = \"mine.{region}.example\"\nregions = [\"r1\"]\n";

#[test]
fn a_service_of_ones_own_has_settings_and_variables_of_its_name() {
    let text = "[rate]\nmine = \"5/min\"\n[endpoint]\nmine = \"https://a.example\"\n";
    let settings = with_service(MINE, text, &[]).unwrap();
    let mine = settings.services.get("mine").unwrap();
    assert_eq!(settings.by_service(RATE)[&mine].to_string(), "5/min");
    assert_eq!(settings.endpoint_urls()[&mine], "https://a.example");
    assert!(effective(&settings).iter().any(|line| line.setting == "rate.mine" && line.value == "5/min"));
    let settings = with_service(MINE, text, &[("HCLAKE_ENDPOINT_URL_MINE", "https://b.example")]).unwrap();
    assert_eq!(settings.endpoint_urls()[&mine], "https://b.example");
    let error = with_service(MINE, "[rate]\nmien = 1\n", &[]).unwrap_err().to_string();
    assert!(error.ends_with("did you mean `mine`?"), "{error}");
    assert!(with_file("[rate]\nmine = 1\n", &[]).is_err(), "without the folder it is no service");
}

#[test]
fn faults_of_a_services_file_are_reported_with_their_lines() {
    let error = with_service(&MINE.replace("\"mine\"", "\"iam\""), "", &[]).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("the services of your own have 1 fault(s):"), "{text}");
    assert!(text.contains("lists/services.toml: line 2, column 8: name: \"iam\" is that of another service"), "{text}");
}

#[test]
fn a_misspelt_address_variable_is_refused_with_the_nearest() {
    assert_eq!(
        faults("", &[("HCLAKE_ENDPOINT_URL_WORKSPCE", "https://a.example")]),
        ["HCLAKE_ENDPOINT_URL_WORKSPCE names no service; did you mean `HCLAKE_ENDPOINT_URL_WORKSPACE`?"]
    );
    with_file("", &[("HCLAKE_ENDPOINT_URL_ZZZ", "https://a.example")]).unwrap();
}

#[test]
fn lists_are_two_sets_unless_others_are_named() {
    let lists = |text: &str, variables: &[(&str, &str)]| with_file(text, variables).unwrap().scopes[0].lists.clone();
    assert_eq!(lists("region = \"r\"\n", &[]), ["core", "own"]);
    assert_eq!(lists("region = \"r\"\nlists = [\"desktops\"]\n", &[]), ["desktops"]);
    assert_eq!(lists("region = \"r\"\nlists = [\"a\"]\n[[scope]]\nlists = [\"b\"]\n", &[]), ["b"]);
    assert_eq!(lists("region = \"r\"\nlists = [\"a\"]\n[[scope]]\n", &[("HCLAKE_LISTS", "b, c")]), ["b", "c"]);
}

#[test]
fn rates_can_be_set_for_all_services_at_once() {
    let mut settings = with_file("[rate]\nswr = 3\n", &[]).unwrap();
    settings.set_rates(500.0);
    assert!(settings.by_service(RATE).into_values().all(|rate| rate.per_s() == 500.0));
}

/// The ledger of every store holds such hashes, so they must stay what they are.
#[test]
fn the_hash_of_settings_stays_what_it_was() {
    let text = "region = \"cn-north-4\"\nproject_id = \"abc\"\n\
                codearts_projects = [\"0123456789abcdef0123456789abcdef\"]\n[rate]\nswr = 0\nworkspace = 2.5\n\
                [sync]\nconfirm_gone = \"next_night\"\nmax_bad_percent = 7\n[endpoint]\nall = \"https://a.example\"\n\
                swr = \"https://b.example/x\"\n[[scope]]\n[[scope]]\nregion = \"cn-east-3\"\ntables = [\"apps\"]\n";
    assert_eq!(with_file("", &[]).unwrap().hash(), "617ad23e2a29db1c");
    assert_eq!(with_file(text, &[]).unwrap().hash(), "13cf7cf15fc2ca5c");
}

#[test]
fn blocks_of_alerts_and_messages_are_shown_without_secrets_and_faults_name_their_block() {
    let text = "[[alert]]\nname = \"worse\"\nreport = \"regressions\"\nwhen = \"failed_now > 9\"\nnotify = [\"hook\"]\n\
                [[notify]]\nname = \"hook\"\nkind = \"webhook\"\nurl_env = \"HOOK\"\n";
    let lines = effective(&with_file(text, &[("HOOK", "https://hooks.example.com/canary")]).unwrap());
    let shown = |name: &str| lines.iter().find(|line| line.setting == name).unwrap().value.clone();
    assert_eq!(shown("alert[worse]"), "regressions when failed_now > 9");
    assert!(shown("notify[hook]").starts_with("webhook json, url *** on alert"), "{}", shown("notify[hook]"));
    assert!(lines.iter().all(|line| !line.value.contains("canary")));
    let faults = [
        ("[[alert]]\nname = \"a\"\nwhen = \"x\"\n", "[[alert]] 1: report is missing"),
        ("[[alert]]\nname = \"a\"\nreport = \"runs\"\n", "[[alert]] 1: when is missing"),
        (
            "[[alert]]\nname = \"a\"\nreport = \"runs\"\nwhen = \"x\"\nnotify = [\"hok\"]\n[[notify]]\nname = \"hook\"\nkind = \"command\"\ncommand = [\"true\"]\n",
            "did you mean `hook`?",
        ),
        ("[[notify]]\nname = \"a\"\nkind = \"email\"\nserver = \"s\"\nfrom = \"f\"\n", "[[notify]] 1: to is missing"),
        ("[[notify]]\nname = \"a\"\nkind = \"command\"\ncommand = [\"true\"]\non = [\"alrt\"]\n", "on holds \"alrt\""),
        (
            "[[notify]]\nname = \"a\"\nkind = \"command\"\ncommand = [\"true\"]\n[[notify]]\nname = \"a\"\nkind = \"command\"\ncommand = [\"true\"]\n",
            "[[notify]] 2: another [[notify]] is named \"a\" too",
        ),
        (
            "[[notify]]\nname = \"a\"\nkind = \"webhook\"\nurl_env = \"X\"\nsign_env = \"Y\"\n",
            "only webhooks of dingtalk and feishu are signed",
        ),
    ];
    for (text, expected) in faults {
        let found = with_file(text, &[]).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn personal_data_is_kept_unless_the_settings_say_otherwise_table_by_table() {
    let of = |settings: &Settings, table: &str| settings.privacy.of_table(table).personal;
    let plain = with_file("", &[]).unwrap();
    assert_eq!(of(&plain, "apps"), Personal::Keep);
    assert!(plain.privacy.keeps_all() && plain.privacy.lacks_key().is_none());
    let text = "[privacy]\npersonal = \"drop\"\n[privacy.tables]\napps = \"hash\"\nimage_jobs = \"keep\"\n";
    let settings = with_file(text, &[("HCLAKE_PRIVACY_KEY", "0123456789abcdef")]).unwrap();
    let done = ["apps", "image_jobs", "deploy_apps"].map(|table| of(&settings, table));
    assert_eq!(done, [Personal::Hash, Personal::Keep, Personal::Drop]);
    assert_eq!(settings.privacy.in_words(), "drop; apps = hash; image_jobs = keep");
    assert!(settings.privacy.of_table("apps").key.is_some() && settings.privacy.of_table("image_jobs").key.is_none());
    assert_ne!(settings.hash(), plain.hash());
    let other_key = with_file(text, &[("HCLAKE_PRIVACY_KEY", "0123456789abcdeF")]).unwrap();
    assert_ne!(settings.hash(), other_key.hash());
    let unknown = with_file("[privacy]\nunknown = \"drop\"\n", &[]).unwrap();
    assert!(unknown.privacy.of_table("apps").drops_unknown && !unknown.privacy.keeps_all());
    for (text, expected) in [
        (
            "[privacy]\npersonal = \"hsh\"\n",
            "line 2, column 12: unknown value `hsh`, expected one of `keep`, `hash`, `drop`",
        ),
        (
            "[privacy.tables]\napps = \"mask\"\n",
            "line 2, column 8: unknown value `mask`, expected one of `keep`, `hash`",
        ),
        ("[privacy.tables]\napps = 1\n", "line 2, column 8: invalid type: integer `1`, expected one of \"keep\""),
        ("[privacy]\ntables = [\"apps\"]\n", "invalid type: list, expected for each table one of \"keep\", \"hash\""),
        ("[privacy]\nunknown = \"hash\"\n", "unknown value `hash`, expected `keep` or `drop`"),
    ] {
        let found = with_file(text, &[]).unwrap_err().to_string();
        assert!(found.contains(expected), "{found}");
    }
}

#[test]
fn the_key_of_hashes_comes_from_the_environment_or_a_file_and_is_never_shown() {
    let hash = "[privacy]\npersonal = \"hash\"\n";
    let lacking = |text: &str, variables: &[(&str, &str)]| {
        with_file(text, variables).unwrap().privacy.lacks_key().map(str::to_owned)
    };
    assert_eq!(lacking(hash, &[]).unwrap(), "neither HCLAKE_PRIVACY_KEY nor privacy.key_file is set");
    let short = lacking(hash, &[("HCLAKE_PRIVACY_KEY", "0123456789abcde")]).unwrap();
    assert_eq!(short, "the key in HCLAKE_PRIVACY_KEY is shorter than 16 bytes");
    assert!(lacking(&format!("{hash}key_file = \"none\"\n"), &[]).unwrap().contains("none cannot be read"));
    assert!(lacking(&format!("{hash}key_file = \"/dev/null\"\n"), &[]).unwrap().contains("is not a file"));
    let canary = [("HCLAKE_PRIVACY_KEY", "canary-0123456789")];
    assert_eq!(lacking(hash, &canary), None);
    let settings = with_file(hash, &canary).unwrap();
    assert!(!format!("{settings:?} {:?}", effective(&settings)).contains("canary"));
    let line = effective(&settings).into_iter().find(|line| line.setting == "privacy.key").unwrap();
    assert_eq!((line.value.as_str(), line.origin.as_str()), ("********", "HCLAKE_PRIVACY_KEY"));
}
