//! Secrets at rest. A value is sealed with AES-256-GCM for one place (`table|column|row id`), so that a row copied to
//! another place does not open; the key is derived from the master key for the class of the place. The master key is
//! never in the database. There may be several: the first seals, all of them open.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::token;

const CREDENTIAL: &str = "doorward-master";
const VERSION: &str = "v1";
const CANARY: &str = "settings|canary|1";
const CANARY_TEXT: &[u8] = b"doorward";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("The master key {} cannot be read. Check that it exists and belongs to this user.", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(
        "The master key {} is missing, and without it this folder's secrets do not open. Put the file back, or name \
         where it is with master_key_file.",
        path.display()
    )]
    Missing { path: PathBuf },
    #[error("Others than its owner can read the master key {0}. Run: chmod 600 {0}", path.display())]
    Exposed { path: PathBuf },
    #[error(
        "{} is not a master key: each line has to be 32 bytes in base64, as `openssl rand -base64 32` makes them.",
        path.display()
    )]
    Malformed { path: PathBuf },
}

/// Why a sealed value does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("the sealed value is damaged")]
    Malformed,
    #[error("the value was sealed with master key {id}, which is missing; add its line to the master key file")]
    UnknownKey { id: String },
    #[error("the value was not sealed for this place, or was changed since")]
    NotOurs,
}

pub struct MasterKey {
    id: String,
    secret: Prk,
}

impl MasterKey {
    /// The ring, its first key being the one that seals: systemd's credential, else the file at `path`, which is made
    /// where it `may_be_made`: at the first run, at a place of our own.
    pub fn load_or_make(path: &Path, may_be_made: bool) -> Result<Vec<Self>, KeyError> {
        let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
        load_or_make(credentials.as_deref(), path, may_be_made)
    }

    #[cfg(test)]
    fn generate() -> Self {
        Self::new(&Zeroizing::new(token::random()))
    }

    fn new(key: &Zeroizing<[u8; 32]>) -> Self {
        let secret = Salt::new(HKDF_SHA256, b"doorward").extract(key.as_slice());
        let id = derive::<4>(&secret, &[b"key id"]);
        Self { id: token::hex(id.as_slice()), secret }
    }

    fn sealing_key(&self, class: &str) -> LessSafeKey {
        let key = derive::<32>(&self.secret, &[b"seal ", class.as_bytes()]);
        LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_slice()).expect("32 bytes are an AES-256 key"))
    }

    fn mac(&self, label: &str, data: &[u8]) -> hmac::Tag {
        let key = derive::<32>(&self.secret, &[b"mac ", label.as_bytes()]);
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_slice()), data)
    }
}

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(secret: &Prk, info: &[&[u8]]) -> Zeroizing<[u8; N]> {
    let mut key = Zeroizing::new([0; N]);
    let filled = secret.expand(info, Bytes(N)).and_then(|okm| okm.fill(key.as_mut_slice()));
    filled.expect("HKDF gives up to 8160 bytes");
    key
}

fn load_or_make(credentials: Option<&Path>, path: &Path, may_be_made: bool) -> Result<Vec<MasterKey>, KeyError> {
    if let Some(credential) = credentials.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.exists()) {
        // systemd gives access by an ACL, which shows as a group's right; its folder is closed to others anyway.
        return load(&credential);
    }
    if !path.exists() {
        if !may_be_made {
            return Err(KeyError::Missing { path: path.to_owned() });
        }
        make(path)?;
    }
    let about = fs::metadata(path).map_err(|source| unreadable(path, source))?;
    if about.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned() });
    }
    load(path)
}

fn load(path: &Path) -> Result<Vec<MasterKey>, KeyError> {
    let text = Zeroizing::new(fs::read_to_string(path).map_err(|source| unreadable(path, source))?);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys: Option<Vec<_>> = lines.map(|line| read_key(line).map(|key| MasterKey::new(&key))).collect();
    keys.filter(|keys| !keys.is_empty()).ok_or_else(|| KeyError::Malformed { path: path.to_owned() })
}

fn read_key(line: &str) -> Option<Zeroizing<[u8; 32]>> {
    let bytes = Zeroizing::new(STANDARD.decode(line).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

fn make(path: &Path) -> Result<(), KeyError> {
    let key = Zeroizing::new(token::random::<32>());
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(key.as_slice())));
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| unreadable(path, source))
}

fn unreadable(path: &Path, source: io::Error) -> KeyError {
    KeyError::Unreadable { path: path.to_owned(), source }
}

/// Seals and opens; clones share the keys.
#[derive(Clone)]
pub struct Vault {
    keys: Arc<[MasterKey]>,
}

impl Vault {
    /// `keys` as `MasterKey::load_or_make` gives them: at least one.
    pub fn new(keys: Vec<MasterKey>) -> Self {
        assert!(!keys.is_empty(), "a vault has a key");
        Self { keys: keys.into() }
    }

    /// The id of the key that seals.
    pub fn newest(&self) -> &str {
        &self.key().id
    }

    /// The ids of those that only open.
    pub fn former(&self) -> Vec<&str> {
        self.keys.iter().skip(1).map(|key| key.id.as_str()).filter(|id| *id != self.newest()).collect()
    }

    pub fn knows(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id == id)
    }

    /// How what the newest key sealed begins.
    pub fn prefix(&self) -> String {
        format!("{VERSION}:{}:", self.newest())
    }

    fn key(&self) -> &MasterKey {
        &self.keys[0]
    }

    /// `place` is `table|column|row id`.
    pub fn seal(&self, place: &str, secret: &[u8]) -> String {
        let key = self.key();
        let nonce = token::random::<NONCE_LEN>();
        let mut sealed = secret.to_vec();
        key.sealing_key(&class(place))
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(place.as_bytes()), &mut sealed)
            .expect("AES-GCM seals what fits in memory");
        let bytes = [nonce.as_slice(), &sealed].concat();
        format!("{VERSION}:{}:{}", key.id, URL_SAFE_NO_PAD.encode(bytes))
    }

    pub fn open(&self, place: &str, sealed: &str) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (id, text) = parts(sealed).ok_or(SealError::Malformed)?;
        let key = self.keys.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| SealError::UnknownKey { id: id.to_owned() })?;
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| SealError::Malformed)?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Malformed)?;
        let mut opened = Zeroizing::new(sealed.to_vec());
        let length = key
            .sealing_key(&class(place))
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(place.as_bytes()), &mut opened)
            .map_err(|_| SealError::NotOurs)?
            .len();
        opened.truncate(length);
        Ok(opened)
    }

    /// HMAC-SHA256 under a key of this label, for what is shown and comes back: form tokens, cookies.
    pub fn mac(&self, label: &str, data: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(self.key().mac(label, data).as_ref());
        mac
    }

    /// A sealed constant to keep in the database: whether it opens tells if this is the database's master key.
    pub fn canary(&self) -> String {
        self.seal(CANARY, CANARY_TEXT)
    }

    pub fn check_canary(&self, sealed: &str) -> Result<(), SealError> {
        let opened = self.open(CANARY, sealed)?;
        if opened.as_slice() == CANARY_TEXT { Ok(()) } else { Err(SealError::NotOurs) }
    }
}

/// `table.column`: each has a key of its own.
fn class(place: &str) -> String {
    place.splitn(3, '|').take(2).collect::<Vec<_>>().join(".")
}

fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix(VERSION)?.strip_prefix(':')?.split_once(':')
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const PLACE: &str = "webhooks|secret|whk_1";

    fn vault() -> Vault {
        Vault::new(vec![MasterKey::generate()])
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn line() -> String {
        STANDARD.encode(token::random::<32>())
    }

    #[test]
    fn what_was_sealed_opens_in_its_place_only() {
        let vault = vault();
        let sealed = vault.seal(PLACE, b"secret");
        assert!(sealed.starts_with("v1:") && sealed != vault.seal(PLACE, b"secret"));
        assert_eq!(vault.open(PLACE, &sealed).unwrap().as_slice(), b"secret");
        for place in ["webhooks|secret|whk_2", "webhooks|url|whk_1", "streams|secret|whk_1", ""] {
            assert_eq!(vault.open(place, &sealed), Err(SealError::NotOurs), "{place}");
        }
    }

    #[test]
    fn a_changed_value_does_not_open_wherever_it_was_changed() {
        let vault = vault();
        let sealed = vault.seal(PLACE, b"secret");
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let opened = vault.open(PLACE, &String::from_utf8(changed).unwrap());
            assert!(opened.is_err(), "{place}");
        }
        for odd in ["", "v1", "v1:", "v1:a", "v2:a:b", &sealed[..20]] {
            assert!(vault.open(PLACE, odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_former_key_opens_and_a_missing_one_is_named() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("ring");
        let (old, new) = (line(), line());
        write(&path, &old, 0o600);
        let before = Vault::new(load_or_make(None, &path, false).unwrap());
        let (sealed, mac) = (before.seal(PLACE, b"secret"), before.mac("form", b"x"));
        write(&path, &format!("# new\n{new}\n\n{old}\n"), 0o600);
        let ring = Vault::new(load_or_make(None, &path, false).unwrap());
        assert_eq!(ring.open(PLACE, &sealed).unwrap().as_slice(), b"secret");
        assert_ne!(ring.mac("form", b"x"), mac);
        write(&path, &new, 0o600);
        let lost = Vault::new(load_or_make(None, &path, false).unwrap());
        assert!(matches!(lost.open(PLACE, &sealed), Err(SealError::UnknownKey { .. })));
        assert!(sealed.starts_with(&before.prefix()) && ring.seal(PLACE, b"x").starts_with(&ring.prefix()));
        assert_eq!((ring.newest(), ring.former()), (lost.newest(), vec![before.newest()]));
        assert!(ring.knows(before.newest()) && !lost.knows(before.newest()) && lost.former().is_empty());
    }

    #[test]
    fn the_first_run_makes_a_key_that_stays_and_that_only_its_owner_reads() {
        let folder = TempDir::new().unwrap();
        let first = Vault::new(load_or_make(None, &folder.path().join("key"), true).unwrap());
        let mode = fs::metadata(folder.path().join("key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let second = Vault::new(load_or_make(None, &folder.path().join("key"), false).unwrap());
        assert_eq!(second.check_canary(&first.canary()), Ok(()));
        assert!(vault().check_canary(&first.canary()).is_err());
        let empty = TempDir::new().unwrap();
        assert!(matches!(load_or_make(None, &empty.path().join("key"), false), Err(KeyError::Missing { .. })));
        assert!(!empty.path().join("key").exists());
    }

    #[test]
    fn a_key_that_others_can_read_that_is_missing_or_no_key_is_refused() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("key");
        let refused = || load_or_make(None, &path, false).err().unwrap();
        assert!(matches!(refused(), KeyError::Missing { .. }));
        for mode in [0o640, 0o604, 0o620] {
            write(&path, &line(), mode);
            assert!(refused().to_string().contains("chmod 600"), "{mode:o}");
        }
        for text in ["", "# nothing", "c2hvcnQ=", "not base64"] {
            write(&path, text, 0o600);
            assert!(matches!(refused(), KeyError::Malformed { .. }), "{text}");
        }
    }

    #[test]
    fn the_credential_of_systemd_comes_first() {
        let (credentials, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        write(&credentials.path().join(CREDENTIAL), &line(), 0o440);
        load_or_make(Some(credentials.path()), &folder.path().join("key"), true).unwrap();
        assert!(!folder.path().join("key").exists());
        load_or_make(Some(folder.path()), &folder.path().join("key"), true).unwrap();
        assert!(folder.path().join("key").exists());
    }

    #[test]
    fn each_label_has_a_mac_of_its_own() {
        let vault = vault();
        let mac = vault.mac("form", b"data");
        assert_eq!(vault.mac("form", b"data"), mac);
        assert!(vault.mac("cookie", b"data") != mac && vault.mac("form", b"date") != mac);
    }
}
