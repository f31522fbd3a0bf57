//! The key file and what is done with it: XChaCha20-Poly1305 over each secret, bound to its place in the database.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use tieline_model::Refusal;
use zeroize::Zeroizing;

use crate::StoreError;

/// The most that is read of a key file, in bytes: some thousand keys.
const FILE_LIMIT: u64 = 64 * 1024;
/// As many keys as a file may hold before the old ones must go.
const MOST_KEYS: usize = 100;

const HEADER: &str = "\
# Tieline's keys. They open the passwords in the database; without them the passwords must be set anew.
# Keep a copy apart from the database's backups. Every node of a cluster has the same file.
# One key a line, the last one is used for new secrets.
";

/// The file that holds the keys: outside the database, readable by its owner only.
#[derive(Debug, Clone)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// Names the file; nothing is read yet.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Creates the file with one fresh key; an existing one is left alone.
    ///
    /// # Errors
    /// When it exists, or cannot be written.
    pub fn create(&self) -> Result<(), StoreError> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.0);
        let mut file = file.map_err(|error| match error.kind() {
            std::io::ErrorKind::AlreadyExists => self.refuse(
                "key-file-exists",
                "the key file exists already; a new one would lock out what was sealed with it",
                "keep it, or name another place for a new database",
            ),
            _ => self.io("create", &error),
        })?;
        let text = Zeroizing::new(format!("{HEADER}{}\n", *fresh_line()?));
        self.write(&mut file, &text)
    }

    /// Adds a fresh key and gives its name. New secrets are sealed with it as soon as the file is read again; see
    /// [`crate::Store::rotate_key`]. The file is replaced whole: whoever is killed in the middle leaves it as it was.
    ///
    /// # Errors
    /// When the file is not in order, or cannot be written.
    pub fn rotate(&self) -> Result<String, StoreError> {
        if self.read()?.len() >= MOST_KEYS {
            let what = format!("the key file holds {MOST_KEYS} keys already");
            return Err(self.refuse(
                "too-many-keys",
                &what,
                "take the old ones out: tieline secret drop-old-keys",
            ));
        }
        let line = fresh_line()?;
        let before =
            Zeroizing::new(std::fs::read_to_string(&self.0).map_err(|error| self.io("read", &error))?);
        let end = if before.ends_with('\n') { "" } else { "\n" };
        self.replace(&Zeroizing::new(format!("{}{end}{}\n", *before, *line)))?;
        Ok(line.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Leaves only the present key, when nothing is sealed with the others any more.
    pub(crate) fn keep_current(&self) -> Result<(), StoreError> {
        let _checked = self.read()?;
        let before =
            Zeroizing::new(std::fs::read_to_string(&self.0).map_err(|error| self.io("read", &error))?);
        let last = before.lines().rfind(|line| !line.trim().is_empty() && !line.starts_with('#'));
        self.replace(&Zeroizing::new(format!("{HEADER}{}\n", last.unwrap_or_default())))
    }

    /// Written beside its place and renamed, both made durable.
    fn replace(&self, text: &str) -> Result<(), StoreError> {
        let part = self.0.with_extension("key-part");
        // What a killed process left is of no use to anybody.
        match std::fs::remove_file(&part) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(self.io("write", &error));
            }
            _ => {}
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&part);
        let mut file = file.map_err(|error| self.io("write", &error))?;
        self.write(&mut file, text)?;
        std::fs::rename(&part, &self.0).map_err(|error| self.io("replace", &error))?;
        let folder =
            self.0.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| self.io("replace", &error))
    }

    /// Whether the file can be used: there, readable by its owner only, with at least one key.
    ///
    /// # Errors
    /// When it is not in order.
    pub fn check(&self) -> Result<(), StoreError> {
        self.read().map(drop)
    }

    fn write(&self, file: &mut File, text: &str) -> Result<(), StoreError> {
        let done = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        done.map_err(|error| self.io("write", &error))
    }

    pub(crate) fn read(&self) -> Result<Keyring, StoreError> {
        let file = File::open(&self.0).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => self.refuse(
                "key-file-missing",
                "the key file is not there",
                "put back its copy, or for a new installation run tieline init",
            ),
            _ => self.io("open", &error),
        })?;
        let mode = file.metadata().map_err(|error| self.io("read", &error))?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            let path = self.0.display();
            return Err(self.refuse(
                "key-file-open",
                &format!("the key file may be read by others (mode {mode:03o})"),
                &format!(
                    "chmod 600 {path}; if somebody may have read it, change the passwords that it seals"
                ),
            ));
        }
        let mut text = Zeroizing::new(String::new());
        file.take(FILE_LIMIT).read_to_string(&mut text).map_err(|error| self.io("read", &error))?;
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let key = MasterKey::parse(line).ok_or_else(|| {
                self.refuse(
                    "key-file-damaged",
                    &format!("line {number} of the key file is not a key"),
                    "put back its copy",
                )
            })?;
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(self.refuse("key-file-damaged", "the key file holds no key", "put back its copy"));
        }
        Ok(Keyring { path: self.0.clone(), keys })
    }

    fn io(&self, verb: &str, error: &std::io::Error) -> StoreError {
        self.refuse(
            "key-file-unreadable",
            &format!("could not {verb} the key file: {error}"),
            "check the path, its folder and their owner",
        )
    }

    fn refuse(&self, code: &str, what: &str, next: &str) -> StoreError {
        refuse_at(&self.0, code, what, next)
    }
}

fn refuse_at(path: &Path, code: &str, what: &str, next: &str) -> StoreError {
    StoreError::Key(Refusal::operator(code, what, next).at(path.display().to_string()))
}

/// Fills a buffer with the operating system's randomness.
pub(crate) fn fill(buffer: &mut [u8]) -> Result<(), StoreError> {
    getrandom::fill(buffer).map_err(|error| {
        StoreError::Key(Refusal::operator(
            "no-randomness",
            format!("the operating system gave no randomness: {error}"),
            "check that /dev/urandom can be read",
        ))
    })
}

fn fresh_line() -> Result<Zeroizing<String>, StoreError> {
    let mut bytes = Zeroizing::new([0; 32]);
    fill(&mut *bytes)?;
    let text = Zeroizing::new(STANDARD.encode(*bytes));
    Ok(Zeroizing::new(format!("{} {}", fingerprint(&bytes), *text)))
}

/// Names a key without telling it.
fn fingerprint(key: &[u8; 32]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"tieline key name\0");
    hash.update(key);
    hash.finalize().iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

struct MasterKey {
    name: String,
    bytes: Zeroizing<[u8; 32]>,
}

impl MasterKey {
    fn parse(line: &str) -> Option<Self> {
        let (name, text) = line.trim().split_once(' ')?;
        let decoded = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
        let bytes = Zeroizing::new(<[u8; 32]>::try_from(decoded.as_slice()).ok()?);
        (fingerprint(&bytes) == name).then(|| Self { name: name.to_owned(), bytes })
    }
}

/// The keys, in memory. Printing shows their names only.
pub(crate) struct Keyring {
    path: PathBuf,
    keys: Vec<MasterKey>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| &key.name)).finish()
    }
}

/// A secret as it lies in the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) key: String,
    pub(crate) nonce: Vec<u8>,
    pub(crate) text: Vec<u8>,
}

impl Keyring {
    /// The file that the keys were read from.
    pub(crate) fn file(&self) -> KeyFile {
        KeyFile(self.path.clone())
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether a key of this name is among them.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    /// The name of the key that new secrets are sealed with.
    pub(crate) fn current(&self) -> &str {
        self.keys.last().map_or("", |key| &key.name)
    }

    pub(crate) fn seal(&self, name: &str, secret: &SecretString) -> Result<Sealed, StoreError> {
        let key = self.keys.last().ok_or_else(|| self.unknown_key(""))?;
        let mut nonce = [0; 24];
        fill(&mut nonce)?;
        let aad = place(name);
        let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: &aad };
        let text = XChaCha20Poly1305::new((&*key.bytes).into())
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| self.unreadable(name))?;
        Ok(Sealed { key: key.name.clone(), nonce: nonce.to_vec(), text })
    }

    pub(crate) fn open(&self, name: &str, sealed: &Sealed) -> Result<SecretString, StoreError> {
        let key = self.keys.iter().find(|key| key.name == sealed.key);
        let key = key.ok_or_else(|| self.unknown_key(&sealed.key))?;
        let nonce = <[u8; 24]>::try_from(sealed.nonce.as_slice()).map_err(|_| self.unreadable(name))?;
        let aad = place(name);
        let opened = XChaCha20Poly1305::new((&*key.bytes).into())
            .decrypt(&XNonce::from(nonce), Payload { msg: &sealed.text, aad: &aad })
            .map_err(|_| self.unreadable(name))?;
        String::from_utf8(opened).map(SecretString::from).map_err(|_| self.unreadable(name))
    }

    /// A signature under the key that new secrets are sealed with. The purpose keeps signatures of one kind from
    /// passing for those of another.
    pub(crate) fn sign(&self, purpose: &str, data: &[u8]) -> Option<[u8; 32]> {
        Some(mac(self.keys.last()?, purpose, data)?.finalize().into_bytes().into())
    }

    /// Whether a signature, or the beginning of one, is by any of the keys. Takes the same time whatever is wrong with it.
    pub(crate) fn verifies(&self, purpose: &str, data: &[u8], signature: &[u8]) -> bool {
        signature.len() >= 16
            && self
                .keys
                .iter()
                .filter_map(|key| mac(key, purpose, data))
                .any(|mac| mac.verify_truncated_left(signature).is_ok())
    }

    fn unknown_key(&self, name: &str) -> StoreError {
        refuse_at(
            &self.path,
            "key-file-wrong",
            &format!("the key file does not belong to this database: it lacks key {name}"),
            "name the key file that was made with the database, or put back its copy",
        )
    }

    fn unreadable(&self, name: &str) -> StoreError {
        refuse_at(
            &self.path,
            "secret-damaged",
            &format!("the secret {name} was altered or moved in the database"),
            "set it anew, for a service account: tieline feature-group set-password GROUP --password-file FILE",
        )
    }
}

/// HMAC-SHA256 (RFC 2104) under a key of its own, which is drawn from the master key for the purpose.
fn mac(key: &MasterKey, purpose: &str, data: &[u8]) -> Option<Hmac<Sha256>> {
    let begin = |key: &[u8]| <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).ok();
    let drawn = begin(&*key.bytes)?.chain_update(b"signature\0").chain_update(purpose);
    let drawn = Zeroizing::new(drawn.finalize().into_bytes().to_vec());
    Some(begin(&drawn)?.chain_update(data))
}

/// What a secret is bound to: table, column and row, so that moving it to another row makes it unreadable.
fn place(name: &str) -> Vec<u8> {
    [b"secret\0sealed\0".as_slice(), name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyring(folder: &Path) -> Keyring {
        let file = KeyFile::at(folder.join("key"));
        if !folder.join("key").exists() {
            file.create().unwrap();
        }
        file.read().unwrap()
    }

    fn code(error: StoreError) -> String {
        Refusal::from(error).code
    }

    /// Covers: AV-04 (encrypted)
    #[test]
    fn a_secret_opens_only_in_its_own_row_and_unaltered() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keyring(folder.path());
        let sealed = keys.seal("feature-group/a", &"lab-password".into()).unwrap();
        assert!(!sealed.text.windows(3).any(|part| part == b"lab"));
        assert_eq!(keys.open("feature-group/a", &sealed).unwrap().expose_secret(), "lab-password");
        assert_eq!(code(keys.open("feature-group/b", &sealed).unwrap_err()), "secret-damaged");
        let mut altered = sealed.clone();
        altered.text[0] ^= 1;
        assert_eq!(code(keys.open("feature-group/a", &altered).unwrap_err()), "secret-damaged");
        let again = keys.seal("feature-group/a", &"lab-password".into()).unwrap();
        assert_ne!(again.text, sealed.text, "equal secrets do not look equal");
    }

    #[test]
    fn a_new_key_leaves_old_secrets_readable() {
        let folder = tempfile::tempdir().unwrap();
        let old = keyring(folder.path()).seal("x", &"p".into()).unwrap();
        KeyFile::at(folder.path().join("key")).rotate().unwrap();
        let keys = keyring(folder.path());
        assert_eq!(keys.open("x", &old).unwrap().expose_secret(), "p");
        assert_ne!(keys.seal("x", &"p".into()).unwrap().key, old.key);
    }

    /// Covers: AV-04 (key outside)
    #[test]
    fn a_key_file_that_is_missing_wrong_or_open_is_refused_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let file = KeyFile::at(&path);
        assert_eq!(code(file.read().unwrap_err()), "key-file-missing");
        file.create().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(code(file.create().unwrap_err()), "key-file-exists");

        let sealed = keyring(folder.path()).seal("x", &"p".into()).unwrap();
        let other = tempfile::tempdir().unwrap();
        assert_eq!(code(keyring(other.path()).open("x", &sealed).unwrap_err()), "key-file-wrong");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refusal = Refusal::from(file.read().unwrap_err());
        assert_eq!(refusal.code, "key-file-open");
        assert!(refusal.next.starts_with("chmod 600"), "{refusal}");

        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&path, "# nothing\n").unwrap();
        assert_eq!(code(file.read().unwrap_err()), "key-file-damaged");
        std::fs::write(&path, "0000 AAAA\n").unwrap();
        assert_eq!(code(file.read().unwrap_err()), "key-file-damaged");
    }

    #[test]
    fn a_signature_holds_for_its_purpose_and_data_only_and_outlives_a_new_key() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keyring(folder.path());
        let signature = keys.sign("join", b"meeting").unwrap();
        assert!(
            keys.verifies("join", b"meeting", &signature)
                && keys.verifies("join", b"meeting", &signature[..16])
        );
        assert!(
            !keys.verifies("feed", b"meeting", &signature) && !keys.verifies("join", b"meetinh", &signature)
        );
        assert!(
            !keys.verifies("join", b"meeting", &signature[..15]) && !keys.verifies("join", b"meeting", b"")
        );
        let mut altered = signature;
        altered[31] ^= 1;
        assert!(!keys.verifies("join", b"meeting", &altered));
        KeyFile::at(folder.path().join("key")).rotate().unwrap();
        let later = keyring(folder.path());
        assert!(later.verifies("join", b"meeting", &signature));
        assert_ne!(later.sign("join", b"meeting").unwrap(), signature);
    }

    #[test]
    fn keys_are_never_printed() {
        let folder = tempfile::tempdir().unwrap();
        let keys = keyring(folder.path());
        let text = std::fs::read_to_string(folder.path().join("key")).unwrap();
        let secret = text.lines().last().unwrap().split(' ').next_back().unwrap();
        assert!(!format!("{keys:?}").contains(secret));
    }
}
