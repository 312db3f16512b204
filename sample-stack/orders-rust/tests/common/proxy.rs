//! What stands between the service and its database server, and can fail.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What is lost at the next COMMIT, together with the connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Loss {
    /// The server never hears of it.
    Commit,
    /// The server has committed and the client does not know.
    Answer,
}

pub struct Proxy {
    /// Names the database by way of the proxy.
    pub url: String,
    next: Arc<Mutex<Option<Loss>>>,
    address: String,
    server: String,
    /// Accepts, and relays; none of it goes on after the proxy is down.
    tasks: JoinSet<()>,
}

impl Proxy {
    /// A proxy for the database at the URL.
    pub async fn start(database: &str) -> Self {
        let (before, host) = database.split_once('@').unwrap();
        let (server, after) = host.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let url = format!("{before}@{address}/{after}");
        let mut proxy = Self {
            url,
            next: Arc::default(),
            address,
            server: server.to_owned(),
            tasks: JoinSet::new(),
        };
        proxy.accept(listener);
        proxy
    }

    /// Ends all connections and refuses new ones.
    pub async fn down(&mut self) {
        self.tasks.shutdown().await;
    }

    /// Takes connections again.
    pub async fn up(&mut self) {
        let listener = TcpListener::bind(&self.address).await.unwrap();
        self.accept(listener);
    }

    pub fn lose_next(&self, loss: Loss) {
        *self.next.lock().unwrap() = Some(loss);
    }

    /// Whether the loss that was asked for has happened.
    pub fn lost(&self) -> bool {
        self.next.lock().unwrap().is_none()
    }

    fn accept(&mut self, listener: TcpListener) {
        let (server, next) = (self.server.clone(), self.next.clone());
        self.tasks.spawn(async move {
            let mut relays = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if let Ok(server) = TcpStream::connect(&server).await {
                    relays.spawn(relay(client, server, next.clone()));
                }
            }
        });
    }
}

async fn relay(client: TcpStream, server: TcpStream, next: Arc<Mutex<Option<Loss>>>) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let lost = Arc::new(Mutex::new(None));
    let seen = lost.clone();
    let asked = copy(from_client, to_server, move |message| {
        if message.windows(7).any(|word| word == b"COMMIT\0") {
            *seen.lock().unwrap() = next.lock().unwrap().take();
        }
        *seen.lock().unwrap() != Some(Loss::Commit)
    });
    let answered =
        copy(from_server, to_client, move |_| *lost.lock().unwrap() != Some(Loss::Answer));
    // Either end takes the other with it.
    tokio::select! {
        () = asked => {}
        () = answered => {}
    }
}

/// Copies until an end closes or `pass` says no.
async fn copy(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut pass: impl FnMut(&[u8]) -> bool,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if !pass(&buffer[..count]) || to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
