//! The gRPC service Stock.

use tonic::{Request, Response, Status};

use super::Stock;
use crate::product_id;
use crate::shop_v1::{GetStockRequest, GetStockResponse, StockLevel, stock_server};

const MOST_ASKED: usize = 200;

/// Answers the gRPC service Stock.
pub struct StockService(pub Stock);

#[tonic::async_trait]
impl stock_server::Stock for StockService {
    /// In the order of the request; a product asked for twice is answered twice.
    async fn get_stock(
        &self,
        request: Request<GetStockRequest>,
    ) -> Result<Response<GetStockResponse>, Status> {
        let ids = request.into_inner().product_ids;
        product_id::check_all(&ids, 1..=MOST_ASKED)?;
        let asked: Vec<&str> = ids.iter().map(String::as_str).collect();
        let units = self.0.levels(&asked).await?;
        let level = |product_id: String| {
            let units = *units.get(&product_id)?;
            Some(StockLevel { product_id, units })
        };
        let levels = ids.into_iter().filter_map(level).collect();
        Ok(Response::new(GetStockResponse { levels }))
    }
}
