//! Asks the service that runs with this environment for its health.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::error::with_causes;

const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why the service is not healthy.
#[derive(Debug, thiserror::Error)]
#[error("health of {address}: {cause}")]
pub struct ProbeError {
    address: String,
    cause: String,
}

/// Succeeds if the server that listens at `address` (host:port, as it was told) says that it is
/// serving.
pub async fn probe(address: &str) -> Result<(), ProbeError> {
    let failed = |cause: String| ProbeError { address: address.to_owned(), cause };
    let endpoint = Endpoint::from_shared(format!("http://{}", reachable(address)))
        .map_err(|error| failed(with_causes(&error)))?
        .timeout(PROBE_TIMEOUT)
        .connect_timeout(PROBE_TIMEOUT);
    let channel = endpoint.connect().await.map_err(|error| failed(with_causes(&error)))?;
    let answer = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
    let status = answer.map_err(|status| failed(status.to_string()))?.into_inner().status();
    match status {
        ServingStatus::Serving => Ok(()),
        other => Err(failed(other.as_str_name().to_owned())),
    }
}

/// What listens on all addresses is asked at the loopback one.
fn reachable(address: &str) -> String {
    match address.parse::<SocketAddr>() {
        Ok(all) if all.ip().is_unspecified() => {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), all.port()).to_string()
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_addresses_are_asked_at_the_loopback_one() {
        assert_eq!(reachable("0.0.0.0:15051"), "127.0.0.1:15051");
        assert_eq!(reachable("[::]:15051"), "127.0.0.1:15051");
        assert_eq!(reachable("localhost:15051"), "localhost:15051");
    }

    #[tokio::test]
    async fn nobody_is_not_healthy() {
        let told = probe("127.0.0.1:1").await.unwrap_err().to_string();
        assert!(told.starts_with("health of 127.0.0.1:1: "), "{told}");
    }
}
