//! Tests of whole runs against models of the cloud.

mod every_list;
mod nights;
mod simulation;
