//! Personal columns: what may not rest on one, and what is done with each.

use super::{SAMPLE, altered, faults_of};
use crate::base::privacy::{Personal, Privacy, PrivacyKey};
use crate::base::secret::Secret;
use crate::catalog::Catalog;

#[test]
fn nothing_that_a_run_decides_rests_on_a_personal_column() {
    let faults = |text: String| faults_of(&text);
    let masked = |place: &str, name: &str| {
        format!("sample.toml: {place}: `{name}` is personal and may be masked; name another or leave it out")
    };
    assert_eq!(faults(altered("[\"made\", \"id\"]", "[\"owner\"]")), [masked("order", "owner")]);
    let changed = altered("about = \"When it changed.\"", "personal = true\nabout = \"When it changed.\"");
    assert_eq!(faults(changed), [masked("updated", "changed")]);
    let zone = altered("about = \"When it was made.\"", "zone_column = \"owner\"\nabout = \"When it was made.\"");
    assert_eq!(faults(zone), [masked("zone_column", "owner")]);
    let next = "kind = \"marker\"\nmarker = \"m\"\nnext = { column = \"owner\" }\nlimit = 5\npages_max = 5";
    let (head, rest) = SAMPLE.split_once("[paging]").unwrap();
    let columns = rest.find("[[column]]").unwrap();
    let marker = format!("{head}[paging]\n{next}\n{}", &rest[columns..]);
    assert_eq!(faults(marker), [masked("paging.next", "owner")]);
}

#[test]
fn a_personal_column_fills_no_request() {
    let child =
        SAMPLE.replace("name = \"sample\"", "name = \"child\"").replace("/samples", "/samples/{whose}/children");
    let child = child.replace("[paging]", "[parent]\ntable = \"sample\"\nfill = { whose = \"owner\" }\n[paging]");
    let child = child + "[[column]]\nname = \"whose\"\ntype = \"text\"\nnullable = false\nabout = \"x\"\n";
    let files = [("sample.toml".to_owned(), SAMPLE.to_owned()), ("child.toml".to_owned(), child)];
    let faults = Catalog::load(files).unwrap_err().faults;
    assert!(
        faults.iter().any(|fault| fault.contains("parent.fill.whose: `owner` of sample is personal and may be masked")),
        "{faults:?}"
    );
}

#[test]
fn a_column_of_which_nothing_is_kept_may_be_null_and_only_such_a_column() {
    let text = altered("type = \"text\"\npersonal = true", "type = \"text\"\nnullable = false\npersonal = true")
        + "[[column]]\nname = \"born\"\ntype = \"int64\"\nnullable = false\npersonal = true\nabout = \"x\"\n";
    let list = Catalog::load([("sample.toml".to_owned(), text)]).unwrap().endpoints()[0].clone();
    let key = PrivacyKey::new(Secret::new("0123456789abcdef"));
    let treated = |personal, key: &Option<PrivacyKey>| {
        let list = list.clone().with_privacy(Privacy { personal, key: key.clone(), drops_unknown: false });
        ["id", "owner", "born"].map(|name| {
            let column = list.column(name).unwrap();
            (list.done_with(column), column.nullable)
        })
    };
    use Personal::{Drop, Hash, Keep};
    assert_eq!(treated(Keep, &key), [(Keep, false), (Keep, false), (Keep, false)]);
    assert_eq!(treated(Hash, &key), [(Keep, false), (Hash, false), (Drop, true)], "a hash is no number");
    assert_eq!(treated(Hash, &None), [(Keep, false), (Drop, true), (Drop, true)], "without a key nothing is kept");
    assert_eq!(treated(Drop, &key), [(Keep, false), (Drop, true), (Drop, true)]);
}
