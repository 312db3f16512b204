//! A shop database of its own for a test, the service as a process, and a proxy that can fail.

#![allow(dead_code, reason = "no test needs all of it")]

pub mod proxy;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use shop_orders::shop_v1::orders_client::OrdersClient;
use shop_orders::shop_v1::{Money, OrderLine, PlaceOrderRequest};
use tokio_postgres::{Client, NoTls};
use tonic::transport::{Channel, Endpoint};
use uuid::Uuid;

/// More than anything here may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A product of the migrations, with a million units.
pub const PLENTY: (&str, i64) = ("p00001", 5790);
/// One with five.
pub const SCARCE: (&str, i64) = ("p00021", 7390);

/// The shop's schema and products, until the test ends.
pub struct TestDatabase {
    pub url: String,
    server: String,
    name: String,
}

impl TestDatabase {
    /// None, and a word about it, without TEST_DATABASE_URL.
    pub async fn create() -> Option<Self> {
        let Ok(server) = std::env::var("TEST_DATABASE_URL") else {
            eprintln!(
                "skipped: TEST_DATABASE_URL names no server on which databases may be created"
            );
            return None;
        };
        let name = format!("shop_test_{}", Uuid::now_v7().simple());
        connect(&server).await.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        let (address, parameters) = server.split_once('?').unwrap_or((&server, ""));
        let (address, _) = address.rsplit_once('/').expect("the URL names a database");
        // Tests run side by side, on a server that may have few connections to give.
        let url = format!("{address}/{name}?{parameters}&pool_max_conns=6");
        let created = Self { url, server: server.clone(), name };
        let client = created.client().await;
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../db/migrations");
        let mut files: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files {
            client.batch_execute(&fs::read_to_string(file).unwrap()).await.unwrap();
        }
        Some(created)
    }

    /// How the test looks at the database beside the service.
    pub async fn client(&self) -> Client {
        connect(&self.url.replace("&pool_max_conns=6", "")).await
    }

    /// Orders, payments that are authorised, units in stock: what must agree.
    pub async fn books(&self) -> (i64, i64, i64) {
        let sql = "SELECT (SELECT count(*) FROM orders),
            (SELECT count(*) FROM payments WHERE status = 'authorised'),
            (SELECT sum(units) FROM stock_levels)";
        let row = self.client().await.query_one(sql, &[]).await.unwrap();
        (row.get(0), row.get(1), row.get(2))
    }

    pub async fn drop(self) {
        let sql = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        connect(&self.server).await.batch_execute(&sql).await.unwrap();
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.expect("TEST_DATABASE_URL");
    tokio::spawn(connection);
    client
}

/// The service as a process of its own.
pub struct Service {
    pub address: String,
    child: Child,
    output: Arc<Mutex<String>>,
}

impl Service {
    /// Starts the service and waits until it serves.
    pub async fn start(database: &str, address: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_orders"))
            .env("DATABASE_URL", database)
            .env("ORDERS_LISTEN", address)
            // Nobody listens there: an absent collector fails no call.
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
            .env("SHOP_DRAIN_SECONDS", "0.3")
            .env("HOPWATCH_LABS", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let output = Arc::new(Mutex::new(String::new()));
        let written = output.clone();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                *written.lock().unwrap() += &(line + "\n");
            }
        });
        let service = Self { address: address.to_owned(), child, output };
        wait_for(|| service.log().contains(r#""msg":"serving""#)).await;
        service
    }

    pub fn log(&self) -> String {
        self.output.lock().unwrap().clone()
    }

    pub fn terminate(&self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    }

    pub async fn ended(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the service did not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub async fn wait_for(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < PATIENCE, "waited in vain");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

pub fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().timeout(PATIENCE).connect_lazy()
}

pub fn orders(address: &str) -> OrdersClient<Channel> {
    OrdersClient::new(channel(address))
}

/// An order of some units of a product, by a customer of its own.
pub fn order_of((product, price): (&str, i64), quantity: i32) -> PlaceOrderRequest {
    let key = Uuid::now_v7();
    PlaceOrderRequest {
        idempotency_key: key.to_string(),
        lines: vec![OrderLine { product_id: product.into(), quantity, ..Default::default() }],
        customer_email: format!("c{}@example.com", &key.simple().to_string()[20..]),
        expected_total: Some(Money {
            currency: "EUR".into(),
            minor_units: price * i64::from(quantity),
        }),
    }
}
