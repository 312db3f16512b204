//! The gRPC service Orders.

use tonic::{Response, Status};
use uuid::Uuid;

use super::{Line, Order, Orders, Request, email};
use crate::error::{Error, quoted};
use crate::shop_v1::{
    self, GetOrderRequest, OrderLine, OrderStatus, PlaceOrderRequest, orders_server,
};

/// Answers the gRPC service Orders.
pub struct OrdersService(pub Orders);

#[tonic::async_trait]
impl orders_server::Orders for OrdersService {
    /// Places an order, or answers one that was placed by the same request before.
    async fn place_order(
        &self,
        request: tonic::Request<PlaceOrderRequest>,
    ) -> Result<Response<shop_v1::Order>, Status> {
        let request = Request::try_from(request.into_inner())?;
        let order = self.0.place(&request).await?;
        Ok(Response::new(order.into()))
    }

    /// Answers an order that was placed before.
    async fn get_order(
        &self,
        request: tonic::Request<GetOrderRequest>,
    ) -> Result<Response<shop_v1::Order>, Status> {
        let id = parse_uuid("order_id", &request.into_inner().order_id)?;
        let found = self.0.store.by_id(id).await?;
        let order = found.ok_or_else(|| Error::NotFound(format!("there is no order {id}")))?;
        Ok(Response::new(order.into()))
    }
}

impl TryFrom<PlaceOrderRequest> for Request {
    type Error = Error;

    fn try_from(wire: PlaceOrderRequest) -> Result<Self, Error> {
        Ok(Self {
            idempotency_key: parse_uuid("idempotency_key", &wire.idempotency_key)?,
            customer_email: email::parse(&wire.customer_email)?,
            lines: wire.lines.into_iter().map(|line| (line.product_id, line.quantity)).collect(),
            expected_total: wire.expected_total.unwrap_or_default().into(),
        })
    }
}

/// The text of the field of that name, which has one spelling; UUIDs have others too.
fn parse_uuid(field: &str, text: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(text)
        .ok()
        .filter(|_| text.len() == uuid::fmt::Hyphenated::LENGTH)
        .ok_or_else(|| Error::Invalid(format!("{field} {} is not a UUID", quoted(text, 60))))
}

impl From<Order> for shop_v1::Order {
    fn from(order: Order) -> Self {
        Self {
            id: order.id.to_string(),
            lines: order.lines.into_iter().map(OrderLine::from).collect(),
            total: Some(order.total.into()),
            status: OrderStatus::Placed.into(),
            placed_at: Some(order.placed_at.into()),
            customer_email: order.customer_email,
        }
    }
}

impl From<Line> for OrderLine {
    fn from(line: Line) -> Self {
        Self {
            product_id: line.product_id,
            quantity: line.quantity,
            unit_price: Some(line.unit_price.into()),
            product_name: line.product_name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uuids_have_one_spelling() {
        const KEY: &str = "01a1fdad-459a-4146-8811-383d446cef76";
        assert_eq!(parse_uuid("order_id", KEY).unwrap().to_string(), KEY);
        for text in ["", "x", &format!("{{{KEY}}}"), &format!("urn:uuid:{KEY}"), &KEY[1..]] {
            assert!(matches!(parse_uuid("order_id", text), Err(Error::Invalid(_))), "{text}");
        }
    }
}
