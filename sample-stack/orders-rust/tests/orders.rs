//! Orders are placed for real, while customers compete and connections are lost.

mod common;

use std::time::{Duration, Instant};

use common::proxy::{Loss, Proxy};
use common::{PLENTY, SCARCE, Service, TestDatabase, free_address, order_of, orders};
use shop_orders::shop_v1::{GetOrderRequest, PlaceOrderRequest};
use tokio::task::JoinSet;
use tokio::time;
use tonic::Code;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_is_placed_once() {
    let Some(database) = TestDatabase::create().await else { return };
    let service = Service::start(&database.url, &free_address()).await;
    let mut client = orders(&service.address);
    let before = database.books().await;
    let request = order_of(PLENTY, 2);
    let placed = client.place_order(request.clone()).await.unwrap().into_inner();
    let again = client.place_order(request.clone()).await.unwrap().into_inner();
    assert_eq!(placed, again);
    let by_id = GetOrderRequest { order_id: placed.id.clone() };
    assert_eq!(client.get_order(by_id).await.unwrap().into_inner(), placed);
    let other = PlaceOrderRequest { lines: order_of(PLENTY, 1).lines, ..request };
    assert_eq!(client.place_order(other).await.unwrap_err().code(), Code::AlreadyExists);
    assert_eq!(database.books().await, (before.0 + 1, before.1 + 1, before.2 - 2));
    drop(service);
    database.drop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_leaves_nothing_behind() {
    let Some(database) = TestDatabase::create().await else { return };
    let service = Service::start(&database.url, &free_address()).await;
    let mut client = orders(&service.address);
    let before = database.books().await;
    let by = |email: &str, order: PlaceOrderRequest| PlaceOrderRequest {
        customer_email: email.into(),
        ..order
    };
    for (name, request) in [
        ("sold out", order_of(("p00008", 10990), 1)),
        ("too few", order_of(SCARCE, 6)),
        ("dearer", order_of((PLENTY.0, PLENTY.1 - 1), 1)),
        ("no credit", by("ann+declined@example.com", order_of(PLENTY, 1))),
        ("fraud", by("x@mailinator.com", order_of(PLENTY, 99))),
    ] {
        let refused = client.place_order(request).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition, "{name}: {refused}");
    }
    assert_eq!(database.books().await, before);
    drop(service);
    database.drop().await;
}

/// Whoever is faster, each key is one order, and each unit is sold and paid once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_compete() {
    let Some(database) = TestDatabase::create().await else { return };
    let service = Service::start(&database.url, &free_address()).await;
    let before = database.books().await;
    let same = order_of(PLENTY, 3);
    let ids = side_by_side(&service.address, vec![same; 8]).await;
    assert!(ids.iter().all(|id| id.is_ok() && *id == ids[0]), "{ids:?}");
    assert_eq!(database.books().await, (before.0 + 1, before.1 + 1, before.2 - 3));
    let rush = (0..12).map(|_| order_of(SCARCE, 1)).collect();
    for outcome in side_by_side(&service.address, rush).await {
        assert!(matches!(outcome, Ok(_) | Err(Code::FailedPrecondition)), "{outcome:?}");
    }
    assert_eq!(database.books().await, (before.0 + 6, before.1 + 6, before.2 - 8));
    drop(service);
    database.drop().await;
}

async fn side_by_side(
    address: &str,
    requests: Vec<PlaceOrderRequest>,
) -> Vec<Result<String, Code>> {
    let client = orders(address);
    let mut running = JoinSet::new();
    for request in requests {
        let mut client = client.clone();
        running.spawn(async move {
            let placed = client.place_order(request).await.map_err(|status| status.code())?;
            Ok(placed.into_inner().id)
        });
    }
    running.join_all().await
}

/// Whether the COMMIT or its answer was lost, the order is placed once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_commit_is_made_good() {
    let Some(database) = TestDatabase::create().await else { return };
    let proxy = Proxy::start(&database.url).await;
    let service = Service::start(&proxy.url, &free_address()).await;
    let mut client = orders(&service.address);
    for loss in [Loss::Commit, Loss::Answer] {
        let before = database.books().await;
        proxy.lose_next(loss);
        let placed = client.place_order(order_of(PLENTY, 2)).await.unwrap().into_inner();
        assert!(proxy.lost(), "{loss:?}: nothing was lost");
        let found = client.get_order(GetOrderRequest { order_id: placed.id.clone() }).await;
        assert_eq!(found.unwrap().into_inner(), placed);
        assert_eq!(database.books().await, (before.0 + 1, before.1 + 1, before.2 - 2), "{loss:?}");
    }
    drop(service);
    database.drop().await;
}

/// The server goes away again and again while orders are placed: no order fails, none is placed
/// twice, none is unpaid.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_got_over_outages() {
    let Some(database) = TestDatabase::create().await else { return };
    let mut proxy = Proxy::start(&database.url).await;
    let service = Service::start(&proxy.url, &free_address()).await;
    let before = database.books().await;
    let over = Instant::now() + Duration::from_secs(3);
    let mut customers = JoinSet::new();
    for _ in 0..8 {
        let mut client = orders(&service.address);
        customers.spawn(async move {
            let mut placed = 0;
            while Instant::now() < over {
                client.place_order(order_of(PLENTY, 1)).await.unwrap();
                placed += 1;
            }
            placed
        });
    }
    for _ in 0..3 {
        time::sleep(Duration::from_millis(300)).await;
        proxy.down().await;
        time::sleep(Duration::from_millis(300)).await;
        proxy.up().await;
    }
    let placed: i64 = customers.join_all().await.iter().sum();
    assert!(placed > 0);
    assert_eq!(database.books().await, (before.0 + placed, before.1 + placed, before.2 - placed));
    drop(service);
    database.drop().await;
}

/// When the server stays away, calls are answered in bounded time, and then at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_outages_are_told() {
    let Some(database) = TestDatabase::create().await else { return };
    let mut proxy = Proxy::start(&database.url).await;
    let service = Service::start(&proxy.url, &free_address()).await;
    let mut client = orders(&service.address);
    proxy.down().await;
    for limit in [Duration::from_secs(9), Duration::from_secs(1)] {
        let start = Instant::now();
        let told = client.place_order(order_of(PLENTY, 1)).await.unwrap_err();
        assert_eq!(told.code(), Code::Unavailable, "{told}");
        assert!(start.elapsed() < limit, "{:?}", start.elapsed());
    }
    proxy.up().await;
    time::sleep(Duration::from_secs(1)).await;
    client.place_order(order_of(PLENTY, 1)).await.unwrap();
    drop(service);
    database.drop().await;
}
