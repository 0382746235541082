//! The users and desktops of the emulated tenant, some with Chinese names.

pub(crate) const USERS: usize = 240;
pub(crate) const DESKTOPS: usize = 400;

pub(crate) struct User {
    pub name: String,
    pub mail: String,
}

const FAMILY: [(&str, &str); 10] = [
    ("王", "wang"),
    ("李", "li"),
    ("张", "zhang"),
    ("刘", "liu"),
    ("陈", "chen"),
    ("杨", "yang"),
    ("黄", "huang"),
    ("Meyer", "meyer"),
    ("Okafor", "okafor"),
    ("Silva", "silva"),
];
const GIVEN: [(&str, &str); 8] = [
    ("芳", "fang"),
    ("伟", "wei"),
    ("静", "jing"),
    ("强", "qiang"),
    ("敏", "min"),
    ("磊", "lei"),
    ("洋", "yang"),
    ("婷", "ting"),
];

/// The same number gives the same user; numbers beyond the last start again.
pub(crate) fn user(number: usize) -> User {
    let number = number % USERS;
    let (family, family_latin) = FAMILY[number % FAMILY.len()];
    let (given, given_latin) = GIVEN[number / FAMILY.len() % GIVEN.len()];
    let again = match number / (FAMILY.len() * GIVEN.len()) {
        0 => String::new(),
        times => times.to_string(),
    };
    let domain = if number % 13 == 5 { "例子.example.com" } else { "example.com" };
    User {
        name: if family.is_ascii() {
            format!("{family} {given_latin}{again}")
        } else {
            format!("{family}{given}{again}")
        },
        mail: format!("{given_latin}{family_latin}{again}**@{domain}"),
    }
}

pub(crate) fn desktop_name(number: usize) -> String {
    match number % 5 {
        0 => format!("研发桌面-{number:03}"),
        1 => format!("APS-{number:06}"),
        _ => format!("DESK-{number:04}"),
    }
}
