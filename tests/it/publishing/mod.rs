//! Published Parquet: what is in it, who can read it, how fast it is written.

mod import;
mod interop;
mod mail_interop;
mod metrics_interop;
mod months;
mod publish;
mod publish_speed;
mod sdk;
mod views;
