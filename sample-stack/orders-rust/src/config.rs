//! The service's settings, from its environment.
//!
//! Telemetry has settings of its own (`OTEL_*`), and so has the pool (parameters of `DATABASE_URL`).

use std::time::Duration;

const MAX_DRAIN_SECONDS: f64 = 60.0;

/// What the environment says.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// host:port of the gRPC server.
    pub listen: String,
    /// Names the database, and may set the pool up (`pool_max_conns`).
    pub database_url: String,
    /// Reported as `service.version`.
    pub version: String,
    /// How long calls are still answered after the signal to stop.
    pub drain: Duration,
    /// Whether faults that a request asks for are obeyed.
    pub labs: bool,
}

/// Every setting that cannot be used, a line each.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigError(Vec<String>);

impl Config {
    /// Reads the settings, and reports all that is wrong at once. An empty variable is an absent one.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |name: &str| variable(name).filter(|value| !value.is_empty());
        let or = |name: &str, fallback: &str| get(name).unwrap_or_else(|| fallback.to_owned());
        let mut problems = Vec::new();

        let drain = or("SHOP_DRAIN_SECONDS", "1");
        let seconds = drain.parse().ok().filter(|s| (0.0..=MAX_DRAIN_SECONDS).contains(s));
        if seconds.is_none() {
            problems.push(format!(
                "SHOP_DRAIN_SECONDS is {drain:?}; it must be 0 to {MAX_DRAIN_SECONDS}"
            ));
        }
        let listen = or("ORDERS_LISTEN", "127.0.0.1:15051");
        if !is_host_and_port(&listen) {
            problems.push(format!(
                "ORDERS_LISTEN is {listen:?}, not host:port, such as 127.0.0.1:15051"
            ));
        }
        let database_url = get("DATABASE_URL").unwrap_or_else(|| {
            problems.push(
                "DATABASE_URL is not set; give it the shop's database, \
                 for example postgres://shop:secret@127.0.0.1:15432/shop"
                    .to_owned(),
            );
            String::new()
        });
        for (name, what) in [
            ("ORDERS_REST_LISTEN", "REST is not served by orders in Rust"),
            ("PAYMENTS_ADDRESS", "payments is a module of orders in Rust"),
        ] {
            if get(name).is_some() {
                problems.push(format!("{name} is set, but {what}; use orders in Go, or unset it"));
            }
        }
        if !problems.is_empty() {
            return Err(ConfigError(problems));
        }
        Ok(Self {
            listen,
            database_url,
            version: or("SHOP_VERSION", "dev"),
            drain: Duration::from_secs_f64(seconds.unwrap_or_default()),
            labs: get("HOPWATCH_LABS").as_deref() == Some("1"),
        })
    }
}

fn is_host_and_port(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, port)| {
        let bracketed = host.starts_with('[') && host.ends_with(']');
        (bracketed || !host.contains(':')) && !host.is_empty() && port.parse::<u16>().is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_env(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn has_defaults() {
        let config = read(&[("DATABASE_URL", "postgres://db/shop"), ("SHOP_VERSION", "")]).unwrap();
        let want = Config {
            listen: "127.0.0.1:15051".into(),
            database_url: "postgres://db/shop".into(),
            version: "dev".into(),
            drain: Duration::from_secs(1),
            labs: false,
        };
        assert_eq!(config, want);
    }

    #[test]
    fn obeys() {
        let config = read(&[
            ("DATABASE_URL", "postgres://db/shop"),
            ("ORDERS_LISTEN", "[::1]:0"),
            ("SHOP_VERSION", "1.2+rust"),
            ("SHOP_DRAIN_SECONDS", "0.25"),
            ("HOPWATCH_LABS", "1"),
        ])
        .unwrap();
        assert_eq!(config.listen, "[::1]:0");
        assert_eq!(config.version, "1.2+rust");
        assert_eq!(config.drain, Duration::from_millis(250));
        assert!(config.labs);
    }

    #[test]
    fn tells_all_that_is_wrong_at_once() {
        let told = read(&[
            ("ORDERS_LISTEN", "15051"),
            ("SHOP_DRAIN_SECONDS", "NaN"),
            ("ORDERS_REST_LISTEN", "127.0.0.1:15052"),
            ("PAYMENTS_ADDRESS", "127.0.0.1:15053"),
        ])
        .unwrap_err()
        .to_string();
        for name in [
            "DATABASE_URL",
            "ORDERS_LISTEN",
            "SHOP_DRAIN_SECONDS",
            "ORDERS_REST_LISTEN",
            "PAYMENTS_ADDRESS",
        ] {
            assert!(told.contains(name), "{name} is not in {told}");
        }
        assert_eq!(told.lines().count(), 5);
    }

    #[test]
    fn refuses_what_is_no_address() {
        for address in [":15051", "::1:15051", "localhost", "127.0.0.1:65536", "127.0.0.1:"] {
            assert!(!is_host_and_port(address), "{address}");
        }
        assert!(is_host_and_port("localhost:15051"));
    }

    #[test]
    fn refuses_drains_that_never_end() {
        for seconds in ["-1", "61", "soon", "inf"] {
            assert!(read(&[("DATABASE_URL", "x"), ("SHOP_DRAIN_SECONDS", seconds)]).is_err());
        }
    }
}
