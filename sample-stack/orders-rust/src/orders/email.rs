//! E-mail addresses of customers (RFC 5322 without quoted names, internationalised as in RFC 6532).

use std::net::IpAddr;

use crate::error::Error;

const MAX_LENGTH: usize = 254; // RFC 5321, 4.5.3.1.3

/// The address in lower case: one customer, however they spell it.
pub fn parse(text: &str) -> Result<String, Error> {
    let valid = text.len() <= MAX_LENGTH
        && text
            .rsplit_once('@')
            .is_some_and(|(name, domain)| is_dot_atom(name) && is_domain(domain));
    if !valid {
        // Not quoted: messages are logged, and logs hold no personal data.
        return Err(Error::Invalid("customer_email is not an e-mail address".into()));
    }
    Ok(text.to_lowercase())
}

fn is_domain(domain: &str) -> bool {
    match domain.strip_prefix('[') {
        Some(literal) => literal.strip_suffix(']').is_some_and(|ip| ip.parse::<IpAddr>().is_ok()),
        None => is_dot_atom(domain),
    }
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(character: char) -> bool {
    let special = matches!(
        character,
        '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | '@' | '\\' | ',' | '"' | '.'
    );
    !special && (character.is_ascii_graphic() || !character.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_addresses() {
        for (text, want) in [
            ("Ann.Other+tag@Example.COM", "ann.other+tag@example.com"),
            ("a@b", "a@b"),
            ("ünï@exämple.de", "ünï@exämple.de"),
            ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ] {
            assert_eq!(parse(text).unwrap(), want);
        }
        let long = format!("{}@b", "a".repeat(253));
        for text in [
            "",
            "ann",
            "@b",
            "a@",
            "Ann <ann@example.com>",
            "a@b,c@d",
            "a b@c",
            "a\0@b",
            ".a@b",
            "a.@b",
            "a..b@c",
            "a@b.",
            "a@[nowhere]",
            "a@[192.0.2.1",
            " a@b",
            "\"a\"@b",
            "a@b@c",
            &long,
        ] {
            assert!(matches!(parse(text), Err(Error::Invalid(_))), "{text}");
        }
    }
}
