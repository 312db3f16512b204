//! Places orders and remembers them. It leaves prices, stock, fraud and payments to the modules of
//! those names.

mod email;
mod order;
mod place;
mod service;
mod store;

pub use order::{Line, Order, Request};
pub use place::Orders;
pub use service::OrdersService;
pub use store::Store;
