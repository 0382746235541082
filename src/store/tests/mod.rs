//! Tests of the store as a whole, on real files.

mod answered;
mod confirm;
mod files;
mod large;
mod ledger;
mod model;
mod reach;
mod retention;
mod shapes;
mod support;
mod ten_years;
