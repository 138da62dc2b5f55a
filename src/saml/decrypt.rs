//! EncryptedAssertion and EncryptedID (SAML core 2.3.4, 2.2.4, XML Encryption 1.1): RSA-OAEP around AES in GCM or CBC.
//!
//! CBC without a signature around it lets whoever tells causes of failure apart decrypt what was recorded. So there is one
//! error for all of them, a failed key unwrapping goes on with a random key, and the caller reports a plaintext that is not
//! genuine with the same error.

use aws_lc_rs::aead;
use aws_lc_rs::cipher;
use aws_lc_rs::rand;
use aws_lc_rs::rsa::OAEP_SHA1_MGF1SHA1;
use aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256;
use aws_lc_rs::rsa::OaepAlgorithm;
use aws_lc_rs::rsa::OaepPrivateDecryptingKey;
use aws_lc_rs::rsa::PrivateDecryptingKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use roxmltree::Node;
use zeroize::Zeroizing;

use super::xml;
use super::xml::ASSERTION;
use super::xml::DSIG;
use super::xml::XENC;

const SHA1: &str = "http://www.w3.org/2000/09/xmldsig#sha1";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
const MGF1_SHA1: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha1";
const MGF1_SHA256: &str = "http://www.w3.org/2009/xmlenc11#mgf1sha256";
const GCM_NONCE: usize = 12;
const BLOCK: usize = 16;

/// The assertion could not be opened. Deliberately says nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Undecryptable;

/// Our private key, parsed once.
pub struct DecryptionKey {
    key: OaepPrivateDecryptingKey,
}

impl DecryptionKey {
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, Undecryptable> {
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).map_err(|_| Undecryptable)?;
        OaepPrivateDecryptingKey::new(key).map(|key| Self { key }).map_err(|_| Undecryptable)
    }

    fn unwrap_key(&self, algorithm: &'static OaepAlgorithm, wrapped: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let mut buffer = Zeroizing::new(vec![0; self.key.min_output_size()]);
        let key = self.key.decrypt(algorithm, wrapped, &mut buffer, None).ok()?;
        Some(Zeroizing::new(key.to_vec()))
    }
}

impl std::fmt::Debug for DecryptionKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DecryptionKey")
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Gcm(&'static aead::Algorithm),
    Cbc(&'static cipher::Algorithm, usize),
}

impl Cipher {
    fn named(uri: &str) -> Option<Self> {
        match uri {
            "http://www.w3.org/2009/xmlenc11#aes128-gcm" => Some(Self::Gcm(&aead::AES_128_GCM)),
            "http://www.w3.org/2009/xmlenc11#aes256-gcm" => Some(Self::Gcm(&aead::AES_256_GCM)),
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => Some(Self::Cbc(&cipher::AES_128, 16)),
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => Some(Self::Cbc(&cipher::AES_256, 32)),
            _ => None,
        }
    }

    fn key_length(self) -> usize {
        match self {
            Self::Gcm(algorithm) => algorithm.key_len(),
            Self::Cbc(_, length) => length,
        }
    }

    fn open(self, key: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Gcm(algorithm) => {
                let (nonce, text) = sealed.split_at_checked(GCM_NONCE)?;
                let key = aead::LessSafeKey::new(aead::UnboundKey::new(algorithm, key).ok()?);
                let nonce = aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
                let mut text = text.to_vec();
                let length = key.open_in_place(nonce, aead::Aad::empty(), &mut text).ok()?.len();
                text.truncate(length);
                Some(text)
            }
            Self::Cbc(algorithm, _) => {
                let (start, text) = sealed.split_at_checked(BLOCK)?;
                let start: [u8; BLOCK] = start.try_into().ok()?;
                let key = cipher::UnboundCipherKey::new(algorithm, key).ok()?;
                // XML Encryption 5.2: only the last byte of the padding means anything, as in ISO 10126.
                let key = cipher::PaddedBlockDecryptingKey::cbc_iso10126(key).ok()?;
                let mut text = text.to_vec();
                let context = cipher::DecryptionContext::Iv128(start.into());
                let length = key.decrypt(&mut text, context).ok()?.len();
                text.truncate(length);
                Some(text)
            }
        }
    }
}

/// What an encrypted element consists of.
struct Sealed {
    cipher: Cipher,
    text: Vec<u8>,
    transport: &'static OaepAlgorithm,
    wrapped: Vec<u8>,
}

#[derive(Debug)]
pub struct Decrypted {
    pub text: String,
    /// Which of our keys opened it, by its place among those given.
    pub by: usize,
    /// GCM: nobody changed the ciphertext without us noticing, so what is wrong with the text may be told.
    pub is_authenticated: bool,
}

/// Opens an EncryptedAssertion or an EncryptedID.
pub fn decrypt(encrypted: Node<'_, '_>, keys: &[DecryptionKey]) -> Result<Decrypted, Undecryptable> {
    let sealed = Sealed::read(encrypted).ok_or(Undecryptable)?;
    let mut substitute = Zeroizing::new(vec![0; sealed.cipher.key_length()]);
    rand::fill(&mut substitute).map_err(|_| Undecryptable)?;
    let mut opened = None;
    // Every key is tried, and every try decrypts, whether or not it can succeed.
    for (at, key) in keys.iter().enumerate() {
        let unwrapped = key.unwrap_key(sealed.transport, &sealed.wrapped);
        let fits = unwrapped.filter(|unwrapped| unwrapped.len() == sealed.cipher.key_length());
        let is_ours = fits.is_some();
        let text = sealed.cipher.open(fits.as_ref().unwrap_or(&substitute), &sealed.text);
        if is_ours {
            opened = opened.or(text.map(|text| (at, text)));
        }
    }
    let (by, text) = opened.ok_or(Undecryptable)?;
    let text = String::from_utf8(text).map_err(|_| Undecryptable)?;
    Ok(Decrypted { text, by, is_authenticated: matches!(sealed.cipher, Cipher::Gcm(_)) })
}

impl Sealed {
    fn read(encrypted: Node<'_, '_>) -> Option<Self> {
        let data = xml::required(encrypted, XENC, "EncryptedData").ok()?;
        let key = encrypted_key(encrypted, data)?;
        let method = xml::required(data, XENC, "EncryptionMethod").ok()?;
        Some(Self {
            cipher: Cipher::named(method.attribute("Algorithm")?)?,
            text: cipher_value(data)?,
            transport: transport(xml::required(key, XENC, "EncryptionMethod").ok()?)?,
            wrapped: cipher_value(key)?,
        })
    }
}

/// The one EncryptedKey: in the KeyInfo of the data, or beside the data (SAML core 6.1 allows both).
fn encrypted_key<'a, 'i>(encrypted: Node<'a, 'i>, data: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    let inside = xml::optional(data, DSIG, "KeyInfo").ok()?;
    let inside = inside.map(|info| xml::optional(info, XENC, "EncryptedKey")).transpose().ok()?.flatten();
    let beside = xml::optional(encrypted, XENC, "EncryptedKey").ok()?;
    match (inside, beside) {
        (Some(key), None) | (None, Some(key)) if is_known(encrypted) => Some(key),
        _ => None,
    }
}

fn is_known(encrypted: Node<'_, '_>) -> bool {
    ["EncryptedAssertion", "EncryptedID"].into_iter().any(|name| xml::is(encrypted, ASSERTION, name))
}

/// The same hash for OAEP and its mask; RSA 1.5 is an unknown word.
fn transport(method: Node<'_, '_>) -> Option<&'static OaepAlgorithm> {
    let part = |namespace, name| xml::optional(method, namespace, name).ok();
    let digest = part(DSIG, "DigestMethod")?.map_or(Some(SHA1), |node| node.attribute("Algorithm"))?;
    let mask = part(xml::XENC11, "MGF")?.map_or(Some(MGF1_SHA1), |node| node.attribute("Algorithm"))?;
    if part(XENC, "OAEPparams")?.is_some() {
        return None;
    }
    match (method.attribute("Algorithm")?, digest, mask) {
        (OAEP_MGF1P | OAEP, SHA1, MGF1_SHA1) => Some(&OAEP_SHA1_MGF1SHA1),
        (OAEP, SHA256, MGF1_SHA256) => Some(&OAEP_SHA256_MGF1SHA256),
        _ => None,
    }
}

fn cipher_value(parent: Node<'_, '_>) -> Option<Vec<u8>> {
    let data = xml::required(parent, XENC, "CipherData").ok()?;
    let text = xml::text(xml::required(data, XENC, "CipherValue").ok()?).ok()?;
    let joined: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(joined).ok()
}
