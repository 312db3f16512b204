//! The budget for retries.

use std::sync::{Mutex, PoisonError};

/// Every call earns one token and every retry costs five: retries add at most a fifth to what is
/// asked of the server ...
const RETRY_PRICE: u32 = 5;
/// ... beyond a burst of 200: when it restarts, all that it was working on is asked again.
const LIMIT: u32 = 200 * RETRY_PRICE;

/// A token bucket from which retries are paid, so that they cannot multiply the load on a server
/// that is in trouble.
pub(super) struct Budget(Mutex<u32>);

impl Budget {
    pub fn new() -> Self {
        Self(Mutex::new(LIMIT))
    }

    /// Is called once for all that is asked, retried or not.
    pub fn earn(&self) {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *tokens = LIMIT.min(*tokens + 1);
    }

    /// Takes the price of one retry, and tells whether it could be afforded.
    pub fn spend(&self) -> bool {
        let mut tokens = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rest) = tokens.checked_sub(RETRY_PRICE) else {
            return false;
        };
        *tokens = rest;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_fifth_beyond_a_burst() {
        let budget = Budget::new();
        let burst = (0..1000).filter(|_| budget.spend()).count();
        assert_eq!(burst, 200);
        let retried = (0..100).filter(|_| {
            budget.earn();
            budget.spend()
        });
        assert_eq!(retried.count(), 20);
    }

    #[test]
    fn what_is_earned_has_a_limit() {
        let budget = Budget::new();
        (0..5000).for_each(|_| budget.earn());
        assert_eq!((0..1000).filter(|_| budget.spend()).count(), 200);
    }
}
