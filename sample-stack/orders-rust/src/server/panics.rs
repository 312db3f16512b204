//! Panics, as log lines instead of text on stderr.

use std::backtrace::Backtrace;
use std::panic;

/// Lets every panic be logged, with the trace of the call that it ended.
pub fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let error = panicked.payload_as_str().unwrap_or("no message");
        let at = panicked.location().map(ToString::to_string).unwrap_or_default();
        let stack = Backtrace::force_capture().to_string();
        tracing::error!(error, at, stack, "panic");
    }));
}
