//! Published Parquet: what is in it, who can read it, how fast it is written.

mod bucket_service;
mod buckets;
mod buckets_interop;
mod delta;
mod delta_buckets;
mod delta_interop;
mod delta_verify;
mod import;
mod interop;
mod mail_interop;
mod metrics_interop;
mod months;
mod publish;
mod publish_speed;
mod scale;
mod sdk;
mod verify;
mod views;
