//! Tests of whole runs against a model of the cloud.

mod simulation;
