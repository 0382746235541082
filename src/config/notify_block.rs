//! The keys of a `[[notify]]`: a program, a chat or mailboxes that hear of runs and alerts. Secrets come from the environment
//! or from a file that its owner alone may read, never from hclake.toml. It sends nothing.

use std::fmt;
use std::path::PathBuf;

use super::entry::{BLANK, Entry, Kind, Setting};
use super::env::Environment;
use super::secret_file;
use super::settings::settings;
use super::values::Values;
use crate::base::secret::Secret;

/// What a message may be about.
pub(crate) const SUBJECTS: [&str; 8] =
    ["alert", "failed", "partial", "unproved", "drift", "held_back", "quarantine", "expiring"];
/// Forms of webhooks whose messages can be signed.
const SIGNED_FORMS: [&str; 2] = ["dingtalk", "feishu"];

settings! {
    /// The name, which an [[alert]] may give. Each has its own.
    NAME: Option<String> {
        key: "notify.name",
        example: "team",
    }

    /// What the message goes to: a program on this machine, an address on the web, or mailboxes.
    KIND: Option<String> {
        key: "notify.kind",
        kind: Kind::Choice(&["command", "webhook", "email"]),
        example: "email",
    }

    /// What a message is sent for: alerts that fire or end; a run that failed, or is partly done; lists that could not be
    /// proved complete; records that differ from the catalog; records that would be gone at once; new unreadable records;
    /// credentials that end soon.
    ON: Vec<String> {
        key: "notify.on",
        kind: Kind::Texts,
        default: Some("alert, failed, partial, unproved, drift, held_back, expiring"),
    }

    /// A message after every run, with the sentences of the report `digest`; a mail has the dashboard attached.
    DIGEST: bool {
        key: "notify.digest",
        kind: Kind::Switch,
        default: Some("false"),
    }

    /// Of a command: the program and its arguments. It gets the message as JSON on its standard input.
    COMMAND: Vec<String> {
        key: "notify.command",
        kind: Kind::Texts,
        default: Some(""),
        example: "/usr/local/bin/page-me",
    }

    /// Of a webhook: the form of the message.
    FORM: String {
        key: "notify.form",
        kind: Kind::Choice(&["json", "dingtalk", "wecom", "feishu", "slack", "teams"]),
        default: Some("json"),
    }

    /// Of a webhook: the environment variable that holds its address, which is a secret.
    URL_ENV: Option<String> {
        key: "notify.url_env",
        example: "HCLAKE_WEBHOOK_URL",
    }

    /// Of a webhook: a file that holds its address. Its owner alone may read it.
    URL_FILE: Option<PathBuf> {
        key: "notify.url_file",
        kind: Kind::Path,
        example: "webhook-url",
    }

    /// Of a webhook of DingTalk or Feishu: the environment variable that holds the secret which signs messages.
    SIGN_ENV: Option<String> {
        key: "notify.sign_env",
        example: "HCLAKE_WEBHOOK_SIGN",
    }

    /// The same, from a file.
    SIGN_FILE: Option<PathBuf> {
        key: "notify.sign_file",
        kind: Kind::Path,
        example: "webhook-sign",
    }

    /// Of a mail: the SMTP server and its port.
    SERVER: Option<String> {
        key: "notify.server",
        example: "smtp.example.com:465",
    }

    /// Of a mail: TLS from the first byte, or after STARTTLS. "none" is only for a server on this machine.
    TLS: String {
        key: "notify.tls",
        kind: Kind::Choice(&["implicit", "starttls", "none"]),
        default: Some("implicit"),
    }

    /// Of a mail: the user at the server.
    USER: Option<String> {
        key: "notify.user",
        example: "hclake@example.com",
    }

    /// Of a mail: the environment variable that holds the user's password.
    PASSWORD_ENV: Option<String> {
        key: "notify.password_env",
        example: "HCLAKE_SMTP_PASSWORD",
    }

    /// The same, from a file.
    PASSWORD_FILE: Option<PathBuf> {
        key: "notify.password_file",
        kind: Kind::Path,
        example: "smtp-password",
    }

    /// Of a mail: the sender.
    FROM: Option<String> {
        key: "notify.from",
        example: "hclake@example.com",
    }

    /// Of a mail: who gets it.
    TO: Vec<String> {
        key: "notify.to",
        kind: Kind::Texts,
        default: Some(""),
        example: "platform@example.com",
    }
}

/// One place that messages go to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NotifySettings {
    pub name: String,
    /// Of [`SUBJECTS`].
    pub on: Vec<String>,
    pub digest: bool,
    pub channel: ChannelSettings,
}

/// A secret, or why it cannot be had: a run does not fail for it.
pub(crate) type Found = Result<Secret, String>;

/// How a message gets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChannelSettings {
    /// With the variables of this process, of which a program gets those that are no secrets.
    Command {
        argv: Vec<String>,
        env: Vec<(String, Secret)>,
    },
    Webhook {
        form: String,
        url: Found,
        sign: Option<Found>,
    },
    Email {
        server: String,
        tls: String,
        user: Option<String>,
        password: Option<Found>,
        from: String,
        to: Vec<String>,
    },
}

/// As a person may see it: no secret, and which of them cannot be had.
impl fmt::Display for ChannelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = |name: &str, found: &Found| match found {
            Ok(_) => format!(", {name} ***"),
            Err(why) => format!(", {name}: {why}"),
        };
        match self {
            ChannelSettings::Command { argv, .. } => write!(f, "command {}", argv.join(" ")),
            ChannelSettings::Webhook { form, url, sign } => {
                let sign = sign.as_ref().map_or(String::new(), |sign| secret("sign", sign));
                write!(f, "webhook {form}{}{sign}", secret("url", url))
            }
            ChannelSettings::Email { server, to, password, .. } => {
                let password = password.as_ref().map_or(String::new(), |password| secret("password", password));
                write!(f, "email to {} by {server}{password}", to.join(" "))
            }
        }
    }
}

impl NotifySettings {
    /// Leaves these variables, which hold secrets of channels, out of what a program gets.
    pub(super) fn hide(&mut self, secrets: &[String]) {
        if let ChannelSettings::Command { env, .. } = &mut self.channel {
            env.retain(|(name, _)| !secrets.contains(name));
        }
    }

    /// The variables that blocks name for their secrets.
    pub(super) fn variables(blocks: &[Values]) -> Vec<String> {
        let of = |values: &Values| [values.get(URL_ENV), values.get(SIGN_ENV), values.get(PASSWORD_ENV)];
        blocks.iter().flat_map(of).flatten().collect()
    }

    /// What a block says; what is wrong with it is added to the faults.
    pub(super) fn of(
        values: &Values,
        place: &str,
        environment: &Environment,
        faults: &mut Vec<String>,
    ) -> Option<NotifySettings> {
        let before = faults.len();
        let name = values.get(NAME).map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        if name.is_none() {
            faults.push(format!("{place}name is missing"));
        }
        let on = values.get(ON);
        for word in on.iter().filter(|word| !SUBJECTS.contains(&word.as_str())) {
            faults.push(format!("{place}on holds {word:?}: write some of {}", SUBJECTS.join(", ")));
        }
        let secrets = Secrets { environment, place };
        let channel = match values.get(KIND).as_deref() {
            Some("command") => command(values, &secrets, faults),
            Some("webhook") => webhook(values, &secrets, faults),
            Some("email") => email(values, &secrets, faults),
            Some(_) => None,
            None => {
                faults.push(format!("{place}kind is missing: write \"command\", \"webhook\" or \"email\""));
                None
            }
        };
        let notify = NotifySettings { name: name?, on, digest: values.get(DIGEST), channel: channel? };
        (faults.len() == before).then_some(notify)
    }
}

fn command(values: &Values, secrets: &Secrets<'_>, faults: &mut Vec<String>) -> Option<ChannelSettings> {
    let place = secrets.place;
    let argv = values.get(COMMAND);
    if argv.first().is_none_or(|program| program.is_empty()) {
        faults.push(format!("{place}command is missing: a list of the program and its arguments"));
    }
    Some(ChannelSettings::Command { argv, env: secrets.environment.all() })
}

fn webhook(values: &Values, secrets: &Secrets<'_>, faults: &mut Vec<String>) -> Option<ChannelSettings> {
    let url = secrets.of("url", values.get(URL_ENV), values.get(URL_FILE), faults);
    let sign = secrets.of("sign", values.get(SIGN_ENV), values.get(SIGN_FILE), faults);
    if url.is_none() {
        let place = secrets.place;
        faults.push(format!("{place}url_env or url_file is missing: an address with a token in it is a secret"));
    }
    let form = values.get(FORM);
    if sign.is_some() && !SIGNED_FORMS.contains(&form.as_str()) {
        let forms = SIGNED_FORMS.join(" and ");
        faults.push(format!("{}only webhooks of {forms} are signed, not those of {form}", secrets.place));
    }
    Some(ChannelSettings::Webhook { form, url: url?, sign })
}

fn email(values: &Values, secrets: &Secrets<'_>, faults: &mut Vec<String>) -> Option<ChannelSettings> {
    let place = secrets.place;
    let password = secrets.of("password", values.get(PASSWORD_ENV), values.get(PASSWORD_FILE), faults);
    let (server, from, to) = (values.get(SERVER), values.get(FROM), values.get(TO));
    for (name, is_missing) in [("server", server.is_none()), ("from", from.is_none()), ("to", to.is_empty())] {
        if is_missing {
            faults.push(format!("{place}{name} is missing"));
        }
    }
    let user = values.get(USER);
    if user.is_some() != password.is_some() {
        faults.push(format!("{place}user and a password go together: set password_env or password_file beside user"));
    }
    Some(ChannelSettings::Email { server: server?, tls: values.get(TLS), user, password, from: from?, to })
}

/// Where secrets of one block are looked up.
struct Secrets<'a> {
    environment: &'a Environment,
    place: &'a str,
}

impl Secrets<'_> {
    fn of(
        &self,
        what: &str,
        variable: Option<String>,
        file: Option<PathBuf>,
        faults: &mut Vec<String>,
    ) -> Option<Found> {
        match (variable, file) {
            (None, None) => None,
            (Some(_), Some(_)) => {
                faults.push(format!("{}{what}_env and {what}_file are both set: one of them is enough", self.place));
                None
            }
            (Some(name), None) => {
                Some(self.environment.secret(&name).ok_or_else(|| format!("the variable {name} is not set")))
            }
            (None, Some(path)) => Some(secret_file::read(&path)),
        }
    }
}
