//! Random tokens, their hashes and the small codes people type or read out. A token is a prefix that secret scanners
//! know, 32 random bytes in base62 and a checksum; what the store keeps of it is its SHA-256.

use aws_lc_rs::{constant_time, digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const CROCKFORD: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// What 32 bytes take at most.
const SECRET: usize = 43;
/// 62^6 is 13 times 2^32, so a checksum of 32 bits always fits.
const CHECKSUM: usize = 6;

/// `dwapi_` + 43 characters + 6 of checksum.
pub fn new(prefix: &str) -> String {
    let mut token = format!("{prefix}{}", base62(&random::<32>(), SECRET));
    token.push_str(&checksum(&token));
    token
}

/// Whether `text` can be a token of this kind at all, so that a typing error never reaches the store.
pub fn is_well_formed(prefix: &str, text: &str) -> bool {
    let is_shaped = text
        .strip_prefix(prefix)
        .is_some_and(|rest| rest.len() == SECRET + CHECKSUM && rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    is_shaped && {
        let (token, sum) = text.split_at(text.len() - CHECKSUM);
        checksum(token) == sum
    }
}

/// What is stored of a token. It holds 256 random bits, so a plain hash does.
pub fn hash(text: &str) -> [u8; 32] {
    sha256(text.as_bytes())
}

pub fn sha256(data: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
    hash
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(DIGITS[usize::from(digit)]));
        }
    }
    text
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the random generator of aws-lc never fails once it has been seeded");
    bytes
}

/// A session's secret: 256 bits, URL-safe.
pub fn session() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// `DW-7K3QD`: what a person reads out to an admin. Names a problem, protects nothing.
pub fn reference() -> String {
    format!("DW-{}", crockford::<5>())
}

/// The reference that a person means by what they typed: case, spaces, O and I do not matter. None where it is none.
pub fn read_reference(typed: &str) -> Option<String> {
    let joined: String = typed.chars().filter(|letter| !letter.is_whitespace()).collect();
    let (start, rest) = joined.split_at_checked(2).filter(|(start, _)| start.eq_ignore_ascii_case("DW"))?;
    let letters: String = meant(rest.strip_prefix('-')?).collect();
    (rest.len() == 6 && letters.len() == 5).then(|| format!("{}-{letters}", start.to_ascii_uppercase()))
}

/// `7K3Q-DM2X-91BT`: the code of the first run, typed from a terminal.
pub fn setup_code() -> String {
    format!("{}-{}-{}", crockford::<4>(), crockford::<4>(), crockford::<4>())
}

/// What `setup_code` would have written for what a person typed: case, spaces, hyphens, O and I do not matter.
pub fn read_setup_code(typed: &str) -> String {
    let letters: Vec<char> = meant(typed).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// The letters of `crockford` that somebody meant.
fn meant(typed: &str) -> impl Iterator<Item = char> {
    typed.chars().filter(char::is_ascii_alphanumeric).map(|letter| match letter {
        'o' | 'O' => '0',
        'i' | 'I' | 'l' | 'L' => '1',
        other => other.to_ascii_uppercase(),
    })
}

/// Takes as long whether they differ at the start, at the end or not at all.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(a, b).is_ok()
}

fn crockford<const N: usize>() -> String {
    random::<N>().iter().map(|byte| char::from(CROCKFORD[usize::from(byte & 31)])).collect()
}

fn checksum(token: &str) -> String {
    base62(&hash(token)[..4], CHECKSUM)
}

/// The bytes as one number in base 62, filled up with zeros in front.
fn base62(bytes: &[u8], length: usize) -> String {
    let mut number = bytes.to_vec();
    let mut digits = vec![0_u8; length];
    for digit in digits.iter_mut().rev() {
        let mut rest = 0_u32;
        for byte in &mut number {
            let value = rest << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            rest = value % 62;
        }
        *digit = BASE62[rest as usize];
    }
    String::from_utf8(digits).expect("the alphabet is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_prefix_43_characters_and_6_of_checksum_and_no_two_are_alike() {
        let (one, two) = (new("dwapi_"), new("dwapi_"));
        assert_eq!(one.len(), "dwapi_".len() + 49);
        assert!(is_well_formed("dwapi_", &one) && one != two);
        assert!(!is_well_formed("dwscim_", &one));
    }

    #[test]
    fn a_reference_is_read_as_it_was_meant() {
        for typed in ["DW-8K3F0", " dw-8k3fo", "Dw - 8K3 FO\t"] {
            assert_eq!(read_reference(typed).as_deref(), Some("DW-8K3F0"), "{typed}");
        }
        let made = reference();
        assert_eq!(read_reference(&made.to_lowercase()), Some(made));
        for none in
            ["", "DW", "DW-", "DW-8K3F", "DW-8K3F00", "8K3F0", "DW-8K3F'", "DW-8K3Fé", "DÉ-8K3F0", "é", "DW8K3F0"]
        {
            assert_eq!(read_reference(none), None, "{none}");
        }
    }

    #[test]
    fn a_typing_error_in_any_place_is_seen() {
        let token = new("dwapi_");
        for place in 0..token.len() {
            let mut typed = token.clone().into_bytes();
            typed[place] = if typed[place] == b'x' { b'y' } else { b'x' };
            assert!(!is_well_formed("dwapi_", &String::from_utf8(typed).unwrap()), "{place}");
        }
        for odd in ["", "dwapi_", "dwapi_é", &token[..token.len() - 1]] {
            assert!(!is_well_formed("dwapi_", odd));
        }
    }

    #[test]
    fn base62_counts_as_people_do() {
        assert_eq!(base62(&[0, 0], 3), "000");
        assert_eq!(base62(&[61], 2), "0z");
        assert_eq!(base62(&[1, 0], 2), "48");
        assert_eq!(base62(&[0xff; 32], SECRET).len(), SECRET);
        assert_eq!(base62(&[0xff; 4], CHECKSUM), "4gfFC3");
    }

    #[test]
    fn codes_for_people_have_their_shape_and_forgive() {
        let code = setup_code();
        assert_eq!((code.len(), code.matches('-').count(), reference().len()), (14, 2, 8));
        assert_eq!(read_setup_code(&format!(" {} ", code.to_lowercase().replace('-', " "))), code);
        assert_eq!(read_setup_code("oil0-aaaa-bbbb"), "0110-AAAA-BBBB");
        assert_eq!(session().len(), 43);
    }

    #[test]
    fn equal_compares_bytes_and_lengths() {
        assert!(equal(b"same", b"same"));
        assert!(!equal(b"same", b"sama") && !equal(b"same", b"sam"));
    }
}
