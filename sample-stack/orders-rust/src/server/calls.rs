//! What every call goes through, but health checks: its span, log line and duration, its deadline,
//! labs, and what becomes of panics.

use std::any::Any;
use std::mem;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{self, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response};
use opentelemetry::Context;
use opentelemetry::trace::FutureExt as _;
use tokio::time::{self, Instant};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::observation::{Call, Observer};
use super::panics;
use crate::labs;
use crate::telemetry::SERVICE_NAME;

/// Bounds calls whose client set no deadline, or one far away.
const MAX_CALL_TIME: Duration = Duration::from_secs(10);

/// Puts [`Calls`] around the services.
#[derive(Clone)]
pub(super) struct CallsLayer {
    observer: Arc<Observer>,
    labs: bool,
}

impl CallsLayer {
    /// For the server at `address`; `labs` lets requests ask for faults.
    pub fn new(labs: bool, address: Option<SocketAddr>) -> Self {
        Self { observer: Arc::new(Observer::new(address)), labs }
    }
}

impl<S> Layer<S> for CallsLayer {
    type Service = Calls<S>;

    fn layer(&self, inner: S) -> Calls<S> {
        Calls { inner, layer: self.clone() }
    }
}

/// See the module.
#[derive(Clone)]
pub(super) struct Calls<S> {
    inner: S,
    layer: CallsLayer,
}

impl<S> Service<Request<Body>> for Calls<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut task::Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path().starts_with("/grpc.health.v1.Health/") {
            return self.inner.call(request).boxed();
        }
        // The one that was polled ready is the one to be called.
        let other = self.inner.clone();
        let ready = mem::replace(&mut self.inner, other);
        // Counts from now, which is before tonic's own timer starts: that would answer CANCELLED.
        let deadline = client_timeout(request.headers()).map(|timeout| Instant::now() + timeout);
        answer(self.layer.clone(), ready, request, deadline).boxed()
    }
}

async fn answer<S>(
    layer: CallsLayer,
    service: S,
    request: Request<Body>,
    deadline: Option<Instant>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let call = Call::begin(layer.observer, &request, deadline);
    let method = call.method().to_owned();
    let handled =
        handle(service, request, layer.labs.then_some(&method)).with_context(call.context());
    let mut response = match deadline {
        Some(deadline) => time::timeout_at(deadline, handled).await.unwrap_or_else(|_| overdue()),
        None => handled.await,
    }?;
    let mut status = status_of(&response);
    if status.code() == Code::OutOfRange {
        // Only tonic says so, of a request that is too large; the contract has another word for it.
        status = Status::resource_exhausted(status.message());
        response = status.clone().into_http();
    }
    call.end(&status);
    Ok(response)
}

/// Calls the service, with the faults that the baggage asks for if there is a method for labs.
async fn handle<S>(
    mut service: S,
    request: Request<Body>,
    method: Option<&String>,
) -> Result<Response<Body>, S::Error>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    let mut context = Context::current();
    if let Some(method) = method {
        context = labs::obey(context, SERVICE_NAME, method);
        labs::sleep(&context, SERVICE_NAME, method).await;
    }
    let work = async { service.call(request).await }.with_context(context);
    match time::timeout(MAX_CALL_TIME, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(response)) => response,
        Ok(Err(panicked)) => Ok(panic_status(&*panicked).into_http()),
        Err(_) => overdue(),
    }
}

fn overdue<E>() -> Result<Response<Body>, E> {
    Ok(Status::deadline_exceeded("the call took longer than its deadline").into_http())
}

#[derive(Debug, thiserror::Error)]
#[error("panic: {0}")]
struct Panicked(String);

fn panic_status(panicked: &(dyn Any + Send)) -> Status {
    let mut status = Status::internal("internal error");
    status.set_source(Arc::new(Panicked(panics::message(panicked).to_owned())));
    status
}

/// How a call ended: a failed one says so in the head of its response.
fn status_of(response: &Response<Body>) -> Status {
    let told = response.extensions().get::<Status>().cloned();
    told.or_else(|| Status::from_header_map(response.headers())).unwrap_or_else(|| Status::ok(""))
}

/// The header grpc-timeout: up to eight digits and a unit. What cannot be read is none.
fn client_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount * 3600)),
        "M" => Some(Duration::from_secs(amount * 60)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tower::service_fn;

    use super::*;

    async fn answered<F>(timeout: Option<&str>, handler: fn() -> F) -> Status
    where
        F: Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
    {
        let mut request = Request::builder().uri("/shop.Orders/Method");
        if let Some(timeout) = timeout {
            request = request.header("grpc-timeout", timeout);
        }
        let request = request.body(Body::empty()).unwrap();
        let services = service_fn(move |_: Request<Body>| handler());
        let mut calls = CallsLayer::new(false, None).layer(services);
        status_of(&calls.call(request).await.unwrap())
    }

    #[tokio::test]
    async fn panics_are_internal_and_told_to_the_log_only() {
        let status = answered(None, || async { panic!("index out of range") }).await;
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
        let cause = std::error::Error::source(&status).unwrap();
        assert_eq!(cause.to_string(), "panic: index out of range");
    }

    #[tokio::test]
    async fn deadlines_of_clients_hold() {
        let start = Instant::now();
        let status = answered(Some("50m"), || async {
            time::sleep(Duration::from_secs(9)).await;
            overdue()
        });
        assert_eq!(status.await.code(), Code::DeadlineExceeded);
        assert!((50..2000).contains(&start.elapsed().as_millis()));
    }

    #[tokio::test]
    async fn too_large_requests_exhaust_resources() {
        let status = answered(None, || async { Ok(Status::out_of_range("too large").into_http()) });
        let status = status.await;
        assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, "too large"));
    }

    #[tokio::test]
    async fn other_answers_are_left_alone() {
        let ok = answered(None, || async { Ok(Response::new(Body::empty())) }).await;
        assert_eq!(ok.code(), Code::Ok);
        let missing = answered(None, || async { Ok(Status::not_found("no p1").into_http()) }).await;
        assert_eq!((missing.code(), missing.message()), (Code::NotFound, "no p1"));
    }

    #[test]
    fn timeouts_are_read() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().unwrap());
            client_timeout(&headers)
        };
        assert_eq!(read("100m"), Some(Duration::from_millis(100)));
        assert_eq!(read("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(read("5n"), Some(Duration::from_nanos(5)));
        for malformed in ["", "m", "100", "1.5S", "-1S", "123456789S", "1h", "é"] {
            let header = http::HeaderValue::from_bytes(malformed.as_bytes()).unwrap();
            let headers =
                HeaderMap::from_iter([(http::HeaderName::from_static("grpc-timeout"), header)]);
            assert_eq!(client_timeout(&headers), None, "{malformed}");
        }
    }
}
