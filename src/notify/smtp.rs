//! Hands a mail to a mail server. It keeps apart what happens before the content is sent, when the mail is certainly not
//! taken, and after, when only the server's answer says whether it is.

use std::error::Error as _;
use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use super::attempt::Attempt;
use super::channel::{Attachment, Email, Limits, Tls};
use super::letter::{Letter, letter};
use super::message::Message;
use super::text::line;
use crate::base::base_url::is_loopback;
use crate::base::clock::SharedClock;
use crate::base::redact::{Redactor, Secrets};

/// For the farewell, when the mail is already taken.
const QUIT: Duration = Duration::from_secs(1);
/// Characters quoted of an answer.
const QUOTED_CHARS_MAX: usize = 300;

/// All that an attempt needs.
pub(super) struct Mailer<'a> {
    email: &'a Email,
    letter: Letter,
    redactor: Redactor,
    timeout: Duration,
}

impl<'a> Mailer<'a> {
    /// Errors: why nothing can be sent there at all.
    pub(super) fn new(
        email: &'a Email,
        message: &Message,
        attachments: &[Attachment],
        limits: &Limits,
    ) -> Result<Mailer<'a>, String> {
        let host = &email.host;
        if email.tls == Tls::None && !is_loopback(host) {
            return Err(format!(
                "{}: mail without TLS is for this machine itself; use STARTTLS",
                line(host, QUOTED_CHARS_MAX)
            ));
        }
        if email.user.is_some() != email.password.is_some() {
            return Err(format!("{}: a user and a password go together", line(host, QUOTED_CHARS_MAX)));
        }
        let letter = letter(email, message, attachments, limits)?;
        let secrets = Secrets::default();
        email.password.iter().for_each(|password| secrets.add(password.expose()));
        Ok(Mailer { email, letter, redactor: secrets.redactor(), timeout: limits.timeout })
    }

    /// Hands the mail over once.
    pub(super) async fn attempt(&self, clock: &SharedClock) -> Attempt {
        let started = clock.mono();
        let attempt = match timeout(self.timeout, self.begun()).await {
            Ok(Ok(connection)) => {
                let left = self.timeout.saturating_sub(clock.mono().saturating_sub(started));
                self.content(connection, left).await
            }
            Ok(Err(attempt)) => attempt,
            Err(_) => Attempt::again(format!("not ready for the mail within {} s", self.timeout.as_secs_f64())),
        };
        attempt.explained(|why| format!("{}: {}", line(&self.email.host, QUOTED_CHARS_MAX), self.redactor.text(why)))
    }

    /// Everything before the content: a connection whose server waits for it.
    async fn begun(&self) -> Result<AsyncSmtpConnection, Attempt> {
        let mut connection = self.connected().await.map_err(|error| before_content(&error))?;
        self.announced(&mut connection).await.map_err(|error| before_content(&error))?;
        Ok(connection)
    }

    async fn connected(&self) -> Result<AsyncSmtpConnection, Error> {
        let Email { host, port, tls, .. } = self.email;
        let name = ClientId::default();
        let bare_host = host.trim_start_matches('[').trim_end_matches(']');
        let parameters = || TlsParameters::new(bare_host.to_owned());
        let implicit = (*tls == Tls::Implicit).then(parameters).transpose()?;
        let server = (bare_host, *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.timeout), &name, implicit, None).await?;
        if *tls == Tls::StartTls {
            connection.starttls(parameters()?, &name).await?;
        }
        if let (Some(user), Some(password)) = (&self.email.user, &self.email.password) {
            let credentials = Credentials::new(user.clone(), password.expose().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    async fn announced(&self, connection: &mut AsyncSmtpConnection) -> Result<(), Error> {
        let from = self.letter.envelope.from().cloned();
        connection.command(Mail::new(from, Vec::new())).await?;
        for to in self.letter.envelope.to() {
            connection.command(Rcpt::new(to.clone(), Vec::new())).await?;
        }
        connection.command(Data).await?;
        Ok(())
    }

    /// The content, and the answer that says whether it is taken.
    async fn content(&self, mut connection: AsyncSmtpConnection, left: Duration) -> Attempt {
        let attempt = match timeout(left, connection.message(&self.letter.bytes)).await {
            Ok(Ok(_)) => Attempt::Sent,
            Ok(Err(error)) if error.is_transient() => Attempt::again(refusal(&error)),
            Ok(Err(error)) if error.is_permanent() => Attempt::Refused(refusal(&error)),
            Ok(Err(error)) => Attempt::Unknown(format!("no answer after the mail: {}", cause(&error))),
            Err(_) => Attempt::Unknown(format!("no answer after the mail within {} s", self.timeout.as_secs_f64())),
        };
        if attempt == Attempt::Sent {
            let _ = timeout(QUIT, connection.quit()).await;
        }
        attempt
    }
}

fn before_content(error: &Error) -> Attempt {
    if error.is_permanent() {
        Attempt::Refused(refusal(error))
    } else if error.is_transient() {
        Attempt::again(refusal(error))
    } else if error.is_client() {
        Attempt::Refused(cause(error))
    } else {
        Attempt::again(format!("no connection: {}", cause(error)))
    }
}

/// The code and the words of a server that says no.
fn refusal(error: &Error) -> String {
    let code = error.status().map_or(String::new(), |code| format!(" {code}"));
    format!("answered{code}: {}", cause(error))
}

/// The innermost cause: the server's own words, or what broke.
fn cause(error: &Error) -> String {
    let innermost = std::iter::successors(error.source(), |cause| (*cause).source()).last();
    line(&innermost.map_or_else(|| error.to_string(), ToString::to_string), QUOTED_CHARS_MAX)
}
