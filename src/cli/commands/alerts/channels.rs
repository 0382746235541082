//! The channels of the settings, as what messages are sent through. A secret that cannot be had is a fault of the sending.

use crate::config::{ChannelSettings, NotifySettings};
use crate::notify::{Channel, Command, Email, Form, Tls, Webhook};

/// The port of a mail server where the settings name none, by its kind of TLS.
const PORT_IMPLICIT: u16 = 465;
const PORT_STARTTLS: u16 = 587;
const PORT_NONE: u16 = 25;

/// Errors: the secret or the address that cannot be used.
pub(super) fn channel(notify: &NotifySettings) -> Result<Channel, String> {
    match &notify.channel {
        ChannelSettings::Command { argv, env } => {
            Ok(Channel::Command(Command { argv: argv.clone(), env: env.clone() }))
        }
        ChannelSettings::Webhook { form, url, sign } => {
            Ok(Channel::Webhook(Webhook { form: form_of(form), url: url.clone()?, sign: sign.clone().transpose()? }))
        }
        ChannelSettings::Email { server, tls, user, password, from, to } => {
            let tls = tls_of(tls);
            let (host, port) = host_and_port(server, tls)?;
            let (user, password) = (user.clone(), password.clone().transpose()?);
            Ok(Channel::Email(Email { host, port, tls, user, password, from: from.clone(), to: to.clone() }))
        }
    }
}

/// The word is one of the setting's choices, by a test.
fn form_of(word: &str) -> Form {
    Form::ALL.into_iter().find(|(name, _)| *name == word).map_or(Form::Json, |(_, form)| form)
}

fn tls_of(word: &str) -> Tls {
    match word {
        "starttls" => Tls::StartTls,
        "none" => Tls::None,
        _ => Tls::Implicit,
    }
}

fn host_and_port(server: &str, tls: Tls) -> Result<(String, u16), String> {
    let usual = match tls {
        Tls::Implicit => PORT_IMPLICIT,
        Tls::StartTls => PORT_STARTTLS,
        Tls::None => PORT_NONE,
    };
    match server.rsplit_once(':') {
        None => Ok((server.to_owned(), usual)),
        Some((host, port)) => match port.parse() {
            Ok(port) => Ok((host.to_owned(), port)),
            Err(_) => Err(format!("{server:?} is no mail server: write HOST:PORT")),
        },
    }
}
