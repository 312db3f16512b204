//! Estimates the risk that an order is fraudulent: rules give points, and their sum decides.

use std::collections::HashMap;
use std::time::Duration;

/// How far back the orders of a customer count.
pub const WINDOW: Duration = Duration::from_secs(10 * 60);

/// The sum of points from which an order is refused.
const REFUSED_FROM: u32 = 100;

/// An order to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Purchase<'a> {
    pub customer_email: &'a str,
    pub total_minor_units: i64,
    /// The most units of one product.
    pub largest_quantity: i32,
}

/// What a customer ordered within the [`WINDOW`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Recent {
    pub orders: i64,
    pub minor_units: i64,
}

/// The outcome: the points, and the rules that gave them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub points: u32,
    pub reasons: Vec<&'static str>,
}

impl Verdict {
    /// Whether the risk is too high.
    pub fn refused(&self) -> bool {
        self.points >= REFUSED_FROM
    }
}

/// A rule with the points that it gives when it applies.
struct Rule {
    reason: &'static str,
    points: u32,
    applies: fn(Purchase, Recent) -> bool,
}

const RULES: [Rule; 7] = [
    Rule { reason: "many orders within minutes", points: 100, applies: |_, r| r.orders >= 30 },
    Rule { reason: "several orders within minutes", points: 30, applies: |_, r| r.orders >= 10 },
    Rule {
        reason: "very high spending within minutes",
        points: 100,
        applies: |p, r| r.minor_units.saturating_add(p.total_minor_units) > 25_000_00,
    },
    Rule { reason: "high total", points: 30, applies: |p, _| p.total_minor_units > 5_000_00 },
    Rule {
        reason: "many units of one product",
        points: 30,
        applies: |p, _| p.largest_quantity > 50,
    },
    Rule {
        reason: "throwaway address",
        points: 70,
        applies: |p, _| is_throwaway(p.customer_email),
    },
    Rule {
        reason: "address looks random",
        points: 30,
        applies: |p, _| looks_random(p.customer_email),
    },
];

/// Judges a purchase. The same purchase after the same history gets the same verdict.
pub fn judge(purchase: Purchase, recent: Recent) -> Verdict {
    let mut verdict = Verdict::default();
    for rule in RULES.iter().filter(|rule| (rule.applies)(purchase, recent)) {
        verdict.points += rule.points;
        verdict.reasons.push(rule.reason);
    }
    verdict
}

fn is_throwaway(email: &str) -> bool {
    let domain = email.split_once('@').map_or("", |(_, domain)| domain);
    matches!(
        domain,
        "10minutemail.com"
            | "guerrillamail.com"
            | "mailinator.com"
            | "sharklasers.com"
            | "temp-mail.org"
            | "trashmail.com"
            | "yopmail.com"
    )
}

/// Long names that people choose repeat letters; generated ones hardly do.
fn looks_random(email: &str) -> bool {
    let name = email.split_once('@').map_or(email, |(name, _)| name);
    name.len() >= 16 && bits_per_character(name) > 3.9
}

/// The Shannon entropy of the characters of a text.
fn bits_per_character(text: &str) -> f64 {
    let mut counts = HashMap::<char, u32>::new();
    for character in text.chars() {
        *counts.entry(character).or_default() += 1;
    }
    let total = f64::from(counts.values().sum::<u32>());
    let shares = counts.values().map(|count| f64::from(*count) / total);
    shares.map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(email: &str, euros: i64, quantity: i32, orders: i64, spent: i64) -> Verdict {
        let purchase = Purchase {
            customer_email: email,
            total_minor_units: euros * 100,
            largest_quantity: quantity,
        };
        judge(purchase, Recent { orders, minor_units: spent * 100 })
    }

    #[test]
    fn rules_add_up() {
        let ann = "ann@example.com";
        for (name, verdict, points, refused) in [
            ("ordinary", judged(ann, 80, 2, 0, 0), 0, false),
            ("busy customer", judged(ann, 80, 2, 10, 0), 30, false),
            ("script", judged(ann, 80, 2, 30, 0), 130, true),
            ("spending adds up", judged(ann, 1, 1, 2, 25_000), 100, true),
            ("at the limit", judged(ann, 5000, 50, 0, 20_000), 0, false),
            ("high total alone", judged(ann, 5001, 1, 0, 0), 30, false),
            ("many units", judged(ann, 80, 51, 0, 0), 30, false),
            ("throwaway alone", judged("ann@mailinator.com", 80, 1, 0, 0), 70, false),
            ("throwaway, high total", judged("ann@mailinator.com", 5001, 1, 0, 0), 100, true),
            ("random name", judged("qx7vk2mz9fj4wd8h@example.com", 80, 1, 0, 0), 30, false),
            ("long name", judged("maximiliane.mustermann@example.com", 80, 1, 0, 0), 0, false),
            ("of the load", judged("customer-00012345@example.com", 80, 1, 0, 0), 0, false),
        ] {
            assert_eq!((verdict.points, verdict.refused()), (points, refused), "{name}");
            assert_eq!(verdict.reasons.is_empty(), points == 0, "{name}");
        }
    }

    #[test]
    fn says_why() {
        let reasons = judged("x@mailinator.com", 5732, 99, 0, 0).reasons;
        assert_eq!(reasons, ["high total", "many units of one product", "throwaway address"]);
    }
}
