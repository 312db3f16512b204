//! The service as a process: overload, calls that are given up, and taking over from each other.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::{PLENTY, Service, TestDatabase, channel, free_address, order_of, orders};
use shop_orders::shop_v1::ListProductsRequest;
use shop_orders::shop_v1::catalog_client::CatalogClient;
use tokio::task::JoinSet;
use tokio::time;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

fn with_lab<T>(lab: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("baggage", lab.parse().unwrap());
    request
}

/// What waits for a connection for too long is told so, rather than left hanging.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_pool_is_told() {
    let Some(database) = TestDatabase::create().await else { return };
    let one = database.url.replace("pool_max_conns=6", "pool_max_conns=1");
    let service = Service::start(&one, &free_address()).await;
    let mut holder = CatalogClient::new(channel(&service.address));
    let mut waiter = holder.clone();
    let slow = with_lab("hopwatch.lab.slow-sql=shop-orders:5000ms", ListProductsRequest::default());
    let held = tokio::spawn(async move { holder.list_products(slow).await });
    time::sleep(Duration::from_millis(500)).await;
    let told = waiter.list_products(ListProductsRequest::default()).await.unwrap_err();
    assert_eq!(told.code(), Code::ResourceExhausted, "{told}");
    held.await.unwrap().unwrap();
    drop(service);
    database.drop().await;
}

/// A statement that nobody waits for any more does not go on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_given_up_is_cancelled() {
    let Some(database) = TestDatabase::create().await else { return };
    let service = Service::start(&database.url, &free_address()).await;
    let mut client = CatalogClient::new(channel(&service.address));
    let mut slow =
        with_lab("hopwatch.lab.slow-sql=shop-orders:9000ms", ListProductsRequest::default());
    slow.set_timeout(Duration::from_millis(500));
    let start = Instant::now();
    client.list_products(slow).await.unwrap_err();
    let look = database.client().await;
    let sql = "SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'active' AND query LIKE '%pg_sleep%'
            AND pid <> pg_backend_pid()";
    while look.query_one(sql, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        assert!(start.elapsed() < Duration::from_secs(6), "it goes on");
        time::sleep(Duration::from_millis(50)).await;
    }
    common::wait_for(|| service.log().contains("DEADLINE_EXCEEDED")).await;
    client.list_products(ListProductsRequest::default()).await.unwrap();
    drop(service);
    database.drop().await;
}

/// One instance takes over from another, on the same port, without a call that fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_take_over_from_each_other() {
    let Some(database) = TestDatabase::create().await else { return };
    let address = free_address();
    let before = database.books().await;
    let mut old = Service::start(&database.url, &address).await;
    let over = Arc::new(AtomicBool::new(false));
    let mut customers = JoinSet::new();
    for _ in 0..4 {
        let (mut client, over) = (orders(&address), over.clone());
        customers.spawn(async move {
            let mut placed = 0;
            while !over.load(Ordering::Relaxed) {
                let request = order_of(PLENTY, 1);
                // A call may meet the end of a connection: clients of the shop try it again.
                let mut tries = 5;
                while let Err(status) = client.place_order(request.clone()).await {
                    tries -= 1;
                    // CANCELLED is tonic's word for a connection that closed before the call was sent.
                    let again = matches!(status.code(), Code::Unavailable | Code::Cancelled);
                    assert!(again && tries > 0, "{status}");
                    time::sleep(Duration::from_millis(50)).await;
                }
                placed += 1;
            }
            placed
        });
    }
    for _ in 0..3 {
        let next = Service::start(&database.url, &address).await;
        old.terminate();
        assert!(old.ended().await.success());
        old = next;
    }
    over.store(true, Ordering::Relaxed);
    let placed: i64 = customers.join_all().await.iter().sum();
    assert!(placed > 0);
    assert_eq!(database.books().await, (before.0 + placed, before.1 + placed, before.2 - placed));
    drop(old);
    database.drop().await;
}

/// Health turns at once, while calls are still answered; streams of the health hold nothing up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_lets_calls_end() {
    let Some(database) = TestDatabase::create().await else { return };
    let mut service = Service::start(&database.url, &free_address()).await;
    let channel = channel(&service.address);
    let watched = HealthClient::new(channel.clone()).watch(HealthCheckRequest::default()).await;
    let mut health = watched.unwrap().into_inner();
    let now = health.message().await.unwrap().unwrap();
    assert_eq!(now.status(), ServingStatus::Serving);
    let mut client = orders(&service.address);
    let slow = with_lab("hopwatch.lab.delay=shop-orders:1500ms", order_of(PLENTY, 1));
    let answered = tokio::spawn(async move { client.place_order(slow).await });
    time::sleep(Duration::from_millis(500)).await;
    service.terminate();
    let now = health.message().await.unwrap().unwrap();
    assert_eq!(now.status(), ServingStatus::NotServing);
    CatalogClient::new(channel).list_products(ListProductsRequest::default()).await.unwrap();
    answered.await.unwrap().unwrap();
    assert!(service.ended().await.success());
    assert!(service.log().contains(r#""msg":"stopped""#));
    database.drop().await;
}

/// A second signal ends the service at once, whatever it is doing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_it_at_once() {
    let Some(database) = TestDatabase::create().await else { return };
    let mut service = Service::start(&database.url, &free_address()).await;
    let mut client = orders(&service.address);
    let slow = with_lab("hopwatch.lab.delay=shop-orders:9000ms", order_of(PLENTY, 1));
    let answer = tokio::spawn(async move { client.place_order(slow).await });
    time::sleep(Duration::from_millis(500)).await;
    service.terminate();
    time::sleep(Duration::from_millis(100)).await;
    let start = Instant::now();
    service.terminate();
    assert!(!service.ended().await.success());
    assert!(start.elapsed() < Duration::from_secs(3));
    answer.await.unwrap().unwrap_err();
    database.drop().await;
}
