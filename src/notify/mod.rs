//! Messages to people and programs after a run: what is said, how it is written for each service, and how it is
//! delivered. It knows nothing of the store, of SQL or of configuration files, and decides neither when nor to whom a
//! message goes.

mod answer;
mod attempt;
mod channel;
mod command;
mod deliver;
mod html;
mod letter;
mod markup;
mod message;
mod payload;
mod shorten;
mod sign;
mod smtp;
mod text;
mod webhook;

pub use attempt::Delivery;
pub use channel::{Attachment, Channel, Command, Email, Form, Limits, Tls, Webhook};
pub use command::is_passed_on;
pub use deliver::deliver;
pub use message::{AlertNews, AlertState, Message, RunNews, Trouble};

#[cfg(test)]
mod tests;
