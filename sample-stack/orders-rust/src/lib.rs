//! The shop's business service: catalog, stock, orders and payments over gRPC.
//!
//! One process, modules kept apart: `orders` places orders and leaves prices, units, risk and
//! money to the modules of those names.

pub mod app;
pub mod catalog;
pub mod config;
pub mod error;
pub mod fraud;
pub mod labs;
pub mod money;
pub mod orders;
pub mod payments;
pub mod postgres;
pub mod product_id;
pub mod server;
pub mod stock;
pub mod telemetry;

/// The contract's messages and services, written by the workspace's `codegen`.
#[allow(clippy::all)]
#[rustfmt::skip]
#[path = "gen/shop_v1.rs"]
pub mod shop_v1;
