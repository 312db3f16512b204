//! Checks the product ids of requests.

use std::ops::RangeInclusive;

use crate::error::{Error, quoted};

/// Refuses what cannot be the id of a product.
pub fn check(id: &str) -> Result<(), Error> {
    let spelled = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=40).contains(&id.len()) && id.bytes().all(spelled) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "product id {} must be 1 to 40 lower-case letters, digits or hyphens",
        quoted(id, 60)
    )))
}

/// Checks every id, and how many there are.
pub fn check_all(ids: &[String], count: RangeInclusive<usize>) -> Result<(), Error> {
    if !count.contains(&ids.len()) {
        return Err(Error::Invalid(format!(
            "{} product ids given; it must be {} to {}",
            ids.len(),
            count.start(),
            count.end()
        )));
    }
    ids.iter().try_for_each(|id| check(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_ids() {
        for id in ["p00001", "a-b", &"x".repeat(40)] {
            assert!(check(id).is_ok(), "{id}");
        }
        for id in ["", "P1", "p 1", "p\n", "é", &"x".repeat(41)] {
            assert!(matches!(check(id), Err(Error::Invalid(_))), "{id}");
        }
    }

    #[test]
    fn counts_ids() {
        let ids = |count| vec!["p1".to_owned(); count];
        assert!(check_all(&ids(0), 0..=2).is_ok());
        assert!(check_all(&ids(2), 1..=2).is_ok());
        let told = check_all(&ids(3), 1..=2).unwrap_err().to_string();
        assert_eq!(told, "3 product ids given; it must be 1 to 2");
        assert!(check_all(&[String::new()], 1..=2).is_err());
    }
}
