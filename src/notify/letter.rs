//! A message as a mail: headers, plain text, HTML and attachments. It sends nothing.

use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment as Enclosure, Mailbox, MultiPart};

use super::channel::{Attachment, Email, Limits};
use super::html;
use super::markup::Markup;
use super::message::Message;
use super::text::{Part, line, parts, title};

/// Characters of the name of an attachment.
const NAME_CHARS_MAX: usize = 100;

/// A mail as it goes to the server, the same in each attempt.
#[derive(Debug)]
pub(super) struct Letter {
    pub envelope: Envelope,
    pub bytes: Vec<u8>,
}

/// Errors: which address or text cannot be sent.
pub(super) fn letter(
    email: &Email,
    message: &Message,
    attachments: &[Attachment],
    limits: &Limits,
) -> Result<Letter, String> {
    let from = mailbox(&email.from)?;
    let domain = from.email.domain().to_owned();
    let (enclosed, left_out) = that_fit(attachments, limits.attachment_bytes_max);
    let (title, mut parts) = (title(message), parts(message));
    parts.extend(left_out.iter().map(|name| Part::Line(format!("left out, too large for a mail: {name}"))));
    let mut builder = lettre::Message::builder()
        .from(from)
        .subject(&title)
        .date(date(message))
        .message_id(Some(message_id(&message.id, &domain)))
        .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()));
    for to in &email.to {
        builder = builder.to(mailbox(to)?);
    }
    let plain = Markup::Plain.lines(Some(&title), &parts).join("\n") + "\n";
    let bodies = MultiPart::alternative_plain_html(plain, html::page(&title, &parts));
    let whole = match enclosed.is_empty() {
        true => bodies,
        false => enclosed.into_iter().fold(MultiPart::mixed().multipart(bodies), |mail, attachment| {
            mail.singlepart(
                Enclosure::new(file_name(&attachment.name)).body(attachment.bytes.clone(), content_type(attachment)),
            )
        }),
    };
    let mail = builder.multipart(whole).map_err(|error| format!("no mail can be made of it: {error}"))?;
    Ok(Letter { envelope: mail.envelope().clone(), bytes: mail.formatted() })
}

fn mailbox(address: &str) -> Result<Mailbox, String> {
    let is_one_line = !address.chars().any(char::is_control);
    let parsed: Option<Mailbox> = address.parse().ok().filter(|_| is_one_line);
    // Few servers take other letters in an address; in the name before it they are fine.
    let usable = parsed.filter(|mailbox| AsRef::<str>::as_ref(&mailbox.email).is_ascii());
    usable.ok_or_else(|| format!("`{}` is no mail address of ASCII letters", line(address, NAME_CHARS_MAX)))
}

/// The attachments that fit one after another, and the names of the others.
fn that_fit(attachments: &[Attachment], bytes_max: usize) -> (Vec<&Attachment>, Vec<String>) {
    let (mut room, mut enclosed, mut left_out) = (bytes_max, Vec::new(), Vec::new());
    for attachment in attachments {
        match room.checked_sub(attachment.bytes.len()) {
            Some(rest) => {
                room = rest;
                enclosed.push(attachment);
            }
            None => left_out.push(file_name(&attachment.name)),
        }
    }
    (enclosed, left_out)
}

/// A name without folders, quotes and control characters.
fn file_name(name: &str) -> String {
    line(name, NAME_CHARS_MAX).replace(['/', '\\', '"', ';', ':'], "_")
}

fn content_type(attachment: &Attachment) -> ContentType {
    let unknown = || ContentType::parse("application/octet-stream").expect("a media type");
    ContentType::parse(&attachment.media_type).unwrap_or_else(|_| unknown())
}

/// Made of the message's own id, so that a mail server can drop a double.
fn message_id(id: &str, domain: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let spelled = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("={byte:02X}") };
    format!("<{}@{domain}>", id.bytes().map(spelled).collect::<String>())
}

/// The moment of the message, at least 1970.
fn date(message: &Message) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(message.at.0).unwrap_or(0))
}
