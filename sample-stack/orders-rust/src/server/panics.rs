//! Panics, as log lines instead of text on stderr.

use std::any::Any;
use std::backtrace::Backtrace;
use std::panic;

/// Lets every panic be logged, with the trace of the call that it ended.
pub fn log_panics() {
    panic::set_hook(Box::new(|panicked| {
        let error = message(panicked.payload());
        let at = panicked.location().map(ToString::to_string).unwrap_or_default();
        let stack = Backtrace::force_capture().to_string();
        tracing::error!(error, at, stack, "panic");
    }));
}

/// What a panic said.
pub(super) fn message(panicked: &(dyn Any + Send)) -> &str {
    match (panicked.downcast_ref::<&str>(), panicked.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (_, Some(message)) => message,
        _ => "no message",
    }
}
