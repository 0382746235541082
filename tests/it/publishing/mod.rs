//! Published Parquet: what is in it, who can read it, how fast it is written.

mod bucket_service;
mod buckets;
mod delta;
mod interop;
mod mail_interop;
mod metrics_interop;
mod publish;
mod publish_speed;
mod sdk;
mod views;
