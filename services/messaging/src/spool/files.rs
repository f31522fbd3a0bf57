//! The spool's files: found, read within limits, put away. Links are not followed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tieline_model::Refusal;
use tokio::io::AsyncReadExt;

/// A message in the spool.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// The context it is in.
    pub(super) context: String,
    /// The mailbox's folder name: its number.
    pub(super) mailbox: String,
    /// `msg0000.txt`
    pub(super) text: PathBuf,
    /// The recording, the best one of several formats.
    pub(super) audio: Option<PathBuf>,
    /// Every file of the message.
    files: Vec<PathBuf>,
    /// The PBX works in this folder.
    pub(super) locked: bool,
    /// Changes when a file does.
    pub(super) stamp: Stamp,
}

/// Names, lengths and times of a message's files.
pub(super) type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// The formats in the order in which they are liked.
const AUDIO: [&str; 12] =
    ["wav", "WAV", "wav49", "sln", "sln16", "ulaw", "alaw", "pcm", "gsm", "mp3", "opus", "ogg"];
/// At most so many messages are looked at in one go.
const MANY: usize = 10_000;

/// Every message below the root.
pub(super) fn scan(root: &Path) -> io::Result<Vec<Found>> {
    let mut found = Vec::new();
    for context in folders(root)? {
        for mailbox in folders(&context)? {
            let inbox = mailbox.join("INBOX");
            if fs::symlink_metadata(&inbox).is_ok_and(|inbox| inbox.is_dir()) {
                // A mailbox whose folder cannot be read hinders no other.
                if let Err(error) = scan_inbox(&context, &mailbox, &inbox, &mut found) {
                    tracing::warn!(folder = %inbox.display(), %error, "a spool folder cannot be read");
                }
            }
            if found.len() >= MANY {
                return Ok(found);
            }
        }
    }
    Ok(found)
}

fn folders(of: &Path) -> io::Result<Vec<PathBuf>> {
    let mut folders: Vec<PathBuf> = fs::read_dir(of)?
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    Ok(folders)
}

fn scan_inbox(context: &Path, mailbox: &Path, inbox: &Path, found: &mut Vec<Found>) -> io::Result<()> {
    let name = |path: &Path| path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let mut files: Vec<(PathBuf, fs::Metadata)> = Vec::new();
    let mut locked = false;
    for entry in fs::read_dir(inbox)?.filter_map(Result::ok) {
        let path = entry.path();
        locked |= name(&path).starts_with(".lock");
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        if metadata.is_file() && name(&path).starts_with("msg") {
            files.push((path, metadata));
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    for (text, _) in files.iter().filter(|(path, _)| path.extension().is_some_and(|e| e == "txt")) {
        let mine: Vec<&(PathBuf, fs::Metadata)> =
            files.iter().filter(|(path, _)| path.file_stem() == text.file_stem()).collect();
        let audio = AUDIO.iter().find_map(|wanted| {
            let path = mine.iter().find(|(path, _)| path.extension().is_some_and(|e| e == *wanted));
            path.map(|(path, _)| path.clone())
        });
        let stamp =
            mine.iter().map(|(path, file)| (path.clone(), file.len(), file.modified().ok())).collect();
        found.push(Found {
            context: name(context),
            mailbox: name(mailbox),
            text: text.clone(),
            audio,
            files: mine.iter().map(|(path, _)| path.clone()).collect(),
            locked,
            stamp,
        });
    }
    Ok(())
}

/// A file's bytes, if they are not too many.
pub(super) async fn read(path: &Path, limit: u64) -> Result<Bytes, Refusal> {
    let failed = |error: io::Error| {
        let what = format!("a spool file cannot be read: {error}");
        let next = "check its permissions, or which user Tieline runs as";
        Refusal::operator("spool-unreadable", what, next).at(path.display().to_string())
    };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).await.map_err(failed)?;
    if bytes.len() as u64 > limit {
        let what = format!("the file is larger than {limit} bytes");
        return Err(Refusal::permanent(
            "spool-file-too-large",
            what,
            "shorten the recording or raise the limit",
        )
        .at(path.display().to_string()));
    }
    Ok(bytes.into())
}

/// The contents' hash, in hex.
pub(super) fn hash(text: &[u8], audio: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update((text.len() as u64).to_le_bytes());
    hash.update(text);
    hash.update(audio);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Moves a message's files into a folder beside the INBOX, under a name that is not taken.
pub(super) async fn put_away(
    found: &Found,
    folder: &str,
    prefix: &str,
    reason: Option<String>,
) -> Result<(), Refusal> {
    let Some(mailbox) = found.text.parent().and_then(Path::parent) else { return Ok(()) };
    let folder = mailbox.join(folder);
    let failed = |error: io::Error| not_put_away(found, &error);
    tokio::fs::create_dir_all(&folder).await.map_err(failed)?;
    if let Some(reason) = reason {
        let stem = found.text.file_stem().and_then(|stem| stem.to_str()).unwrap_or("msg");
        let path = folder.join(format!("{prefix}-{stem}.reason.txt"));
        tokio::fs::write(path, format!("{reason}\n")).await.map_err(failed)?;
    }
    // The description last: while it is there, the message is read again, and known.
    for file in found.files.iter().filter(|file| **file != found.text).chain([&found.text]) {
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or("msg");
        match tokio::fs::rename(file, folder.join(format!("{prefix}-{name}"))).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    Ok(())
}

/// Removes a message's files, the description last.
pub(super) async fn remove(found: &Found) -> Result<(), Refusal> {
    for file in found.files.iter().filter(|file| **file != found.text).chain([&found.text]) {
        match tokio::fs::remove_file(file).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(not_put_away(found, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn not_put_away(found: &Found, error: &io::Error) -> Refusal {
    Refusal::operator(
        "spool-not-writable",
        format!("the message was read but its files cannot be put away: {error}"),
        "let Tieline's user write to the spool folder",
    )
    .at(found.text.display().to_string())
}
