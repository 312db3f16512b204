//! The gRPC service Catalog.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tonic::{Request, Response, Status};

use super::{Catalog, Product};
use crate::error::Error;
use crate::product_id;
use crate::shop_v1::catalog_server;
use crate::shop_v1::{
    ListCategoriesRequest, ListCategoriesResponse, ListProductsRequest, ListProductsResponse,
    RecommendRequest, RecommendResponse,
};

/// What is answered without being asked for a number, and at most.
struct Size {
    field: &'static str,
    fallback: usize,
    most: usize,
}

const PAGE: Size = Size { field: "page_size", fallback: 24, most: 100 };
const RECOMMENDATIONS: Size = Size { field: "limit", fallback: 6, most: 24 };
const MOST_GIVEN: usize = 100;

/// Answers the gRPC service Catalog.
pub struct CatalogService(pub Catalog);

#[tonic::async_trait]
impl catalog_server::Catalog for CatalogService {
    /// One page; one product more than that is read to know whether it is the last.
    async fn list_products(
        &self,
        request: Request<ListProductsRequest>,
    ) -> Result<Response<ListProductsResponse>, Status> {
        let request = request.into_inner();
        let size = PAGE.asked(request.page_size)?;
        let after = decode_page_token(&request.page_token)?;
        if request.category.contains('\0') {
            return Err(Error::Invalid("category holds a NUL character".into()).into());
        }
        let mut products = self.0.list(&request.category, &after, size as i64 + 1).await?;
        let mut next_page_token = String::new();
        if products.len() > size {
            products.truncate(size);
            next_page_token = URL_SAFE_NO_PAD.encode(&products[size - 1].id);
        }
        Ok(Response::new(ListProductsResponse { products: to_wire(products), next_page_token }))
    }

    /// What goes with the products given, or the best sellers.
    async fn recommend(
        &self,
        request: Request<RecommendRequest>,
    ) -> Result<Response<RecommendResponse>, Status> {
        let request = request.into_inner();
        let limit = RECOMMENDATIONS.asked(request.limit)?;
        product_id::check_all(&request.product_ids, 0..=MOST_GIVEN)?;
        let products = self.0.recommend(&request.product_ids, limit as i64).await?;
        Ok(Response::new(RecommendResponse { products: to_wire(products) }))
    }

    /// The categories that have products.
    async fn list_categories(
        &self,
        _: Request<ListCategoriesRequest>,
    ) -> Result<Response<ListCategoriesResponse>, Status> {
        let categories = self.0.categories().await?;
        Ok(Response::new(ListCategoriesResponse { categories }))
    }
}

impl Size {
    fn asked(&self, asked: i32) -> Result<usize, Error> {
        let Self { field, fallback, most } = self;
        match usize::try_from(asked) {
            Ok(0) => Ok(*fallback),
            Ok(size) if size <= *most => Ok(size),
            _ => Err(Error::Invalid(format!(
                "{field} is {asked}; it must be 1 to {most}, or 0 for {fallback}"
            ))),
        }
    }
}

/// A page token is the last product id of the page before, encoded so that nobody builds on it.
fn decode_page_token(token: &str) -> Result<String, Error> {
    if token.is_empty() {
        return Ok(String::new());
    }
    let decoded = URL_SAFE_NO_PAD.decode(token).ok();
    decoded
        .and_then(|id| String::from_utf8(id).ok())
        .filter(|id| product_id::check(id).is_ok())
        .ok_or_else(|| Error::Invalid("page_token is not one that an earlier response gave".into()))
}

fn to_wire(products: Vec<Product>) -> Vec<crate::shop_v1::Product> {
    let to_wire = |product: Product| crate::shop_v1::Product {
        id: product.id,
        name: product.name,
        description: product.description,
        category: product.category,
        price: Some(product.price.into()),
    };
    products.into_iter().map(to_wire).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_default_and_a_limit() {
        for (asked, want) in
            [(0, Some(24)), (1, Some(1)), (100, Some(100)), (101, None), (-1, None)]
        {
            assert_eq!(PAGE.asked(asked).ok(), want, "{asked}");
        }
        let told = RECOMMENDATIONS.asked(25).unwrap_err().to_string();
        assert_eq!(told, "limit is 25; it must be 1 to 24, or 0 for 6");
    }

    #[test]
    fn page_tokens_are_what_was_given() {
        assert_eq!(decode_page_token("").unwrap(), "");
        assert_eq!(decode_page_token(&URL_SAFE_NO_PAD.encode("p00024")).unwrap(), "p00024");
        for token in
            ["?", "p00024", &URL_SAFE_NO_PAD.encode("P 1"), &URL_SAFE_NO_PAD.encode([0xff])]
        {
            assert!(matches!(decode_page_token(token), Err(Error::Invalid(_))), "{token}");
        }
    }
}
