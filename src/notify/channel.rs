//! Where a message goes, and the bounds of its delivery, as plain values. It knows nothing of how they are configured.

use std::time::Duration;

use crate::base::secret::Secret;

/// One way to a receiver.
#[derive(Clone, Debug)]
pub enum Channel {
    /// A program on this machine.
    Command(Command),
    /// An HTTP service.
    Webhook(Webhook),
    /// People, by a mail server.
    Email(Email),
}

/// A program that reads the message as JSON.
#[derive(Clone, Debug)]
pub struct Command {
    /// The program and its arguments; no shell reads them.
    pub argv: Vec<String>,
    /// The variables that the caller has. Those of [`is_passed_on`](super::is_passed_on) alone reach the program.
    pub env: Vec<(String, Secret)>,
}

/// A service that takes messages by HTTP.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// What the service wants to read.
    pub form: Form,
    /// The whole address, which is a secret: its path or query holds a token.
    pub url: Secret,
    /// The key with which a message is signed. Of the forms, `dingtalk` and `feishu` sign.
    pub sign: Option<Secret>,
}

/// What a service wants to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The message as JSON.
    Json,
    /// A custom robot of DingTalk.
    DingTalk,
    /// A group robot of WeCom.
    WeCom,
    /// A custom bot of Feishu.
    Feishu,
    /// An incoming webhook of Slack, or of a service that imitates it.
    Slack,
    /// A workflow of Microsoft Teams.
    Teams,
}

impl Form {
    /// Every form, with its name.
    pub const ALL: [(&str, Form); 6] = [
        ("json", Form::Json),
        ("dingtalk", Form::DingTalk),
        ("wecom", Form::WeCom),
        ("feishu", Form::Feishu),
        ("slack", Form::Slack),
        ("teams", Form::Teams),
    ];

    /// Whether a message of this form can be signed.
    pub fn can_sign(self) -> bool {
        matches!(self, Form::DingTalk | Form::Feishu)
    }
}

/// A mail server, and who gets mail from whom.
#[derive(Clone, Debug)]
pub struct Email {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// Who signs in; nobody where it is none.
    pub user: Option<String>,
    /// The password of the user.
    pub password: Option<Secret>,
    /// The sender: `hclake@example.com` or `hclake <hclake@example.com>`.
    pub from: String,
    /// The receivers, written like the sender; at least one.
    pub to: Vec<String>,
}

/// How a connection to a mail server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte, usually on port 465.
    Implicit,
    /// From the command STARTTLS on, usually on port 587. Without it nothing is sent.
    StartTls,
    /// Not at all; for a server on this machine alone.
    None,
}

/// A file that goes with a mail. Other channels leave it out.
#[derive(Clone, Debug)]
pub struct Attachment {
    /// The name of the file.
    pub name: String,
    /// Such as `text/html`.
    pub media_type: String,
    /// The content.
    pub bytes: Vec<u8>,
}

/// The bounds of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For each attempt as a whole.
    pub timeout: Duration,
    /// How often a message is tried that was certainly not taken, the first time included.
    pub attempts: u32,
    /// All attachments together. One that would exceed it is left out.
    pub attachment_bytes_max: usize,
}

impl Limits {
    /// For each attempt.
    pub const TIMEOUT: Duration = Duration::from_secs(20);
    /// With the first.
    pub const ATTEMPTS: u32 = 3;
    /// Most mail servers take messages of 10 MB and more, and base64 adds a third.
    pub const ATTACHMENT_BYTES_MAX: usize = 5 * 1024 * 1024;
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Self::TIMEOUT, attempts: Self::ATTEMPTS, attachment_bytes_max: Self::ATTACHMENT_BYTES_MAX }
    }
}
