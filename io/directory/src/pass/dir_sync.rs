//! Active Directory's DirSync (MS-ADTS section 3.1.1.3.4.1.3): a stream of changes with a cookie, deletions included.
//!
//! It speaks of a whole naming context and, after the first time, only of the attributes that changed. So whoever it
//! names is read anew, and whoever lies outside the bases is left out by the distinguished name.

use std::collections::BTreeSet;

use tieline_model::DirectoryId;
use tieline_proto_ldap::{DirSync, Entry, Filter, Search};

use super::listing::{Listing, everybody};
use super::marker::Marker;
use super::{Changes, Config, Root};
use crate::attributes::guid_bytes;
use crate::config::DirectoryConfig;
use crate::error::DirectoryError;
use crate::ldap::Connection;

/// Bytes of one answer.
const ANSWER: i32 = 1 << 20;
/// People who are read anew with one search.
const AT_ONCE: usize = 50;
/// A server that always has more is not followed for ever.
const MOST_ANSWERS: usize = 100_000;

pub(super) async fn list_everybody(
    connection: &mut Connection,
    config: &Config,
    root: &Root,
) -> Result<Listing, DirectoryError> {
    let mut listing = Listing::default();
    let mut sink = |entry: Entry| {
        if is_deleted(&entry) || !is_below_bases(&entry, config) {
            Ok(())
        } else {
            listing.take(&entry, config)
        }
    };
    let cookie = follow(connection, config, root, Vec::new(), &mut sink).await?;
    listing.marker = Some(Marker::DirSync(cookie));
    Ok(listing)
}

pub(super) async fn changes(
    connection: &mut Connection,
    config: &Config,
    root: &Root,
    cookie: &[u8],
) -> Result<Changes, DirectoryError> {
    let mut found = Changes::default();
    let mut touched = BTreeSet::new();
    let mut sink = |entry: Entry| {
        if touched.len() >= config.limits.max_people {
            return Err(DirectoryError::TooMany { limit: config.limits.max_people });
        }
        match config.attributes.entry_id(&entry) {
            Some(id) if is_deleted(&entry) => found.gone.push(id),
            Some(id) => drop(touched.insert(id)),
            None => found.unusable += 1,
        }
        Ok(())
    };
    let cookie = follow(connection, config, root, cookie.to_vec(), &mut sink).await?;
    let touched: Vec<_> = touched.into_iter().collect();
    for some in touched.chunks(AT_ONCE) {
        read_anew(connection, config, some, &mut found).await?;
    }
    found.marker = Some(Marker::DirSync(cookie));
    Ok(found)
}

/// Reads the stream to its present end; returns the cookie for the next time.
async fn follow(
    connection: &mut Connection,
    config: &Config,
    root: &Root,
    mut cookie: Vec<u8>,
    sink: &mut (dyn FnMut(Entry) -> Result<(), DirectoryError> + Send),
) -> Result<Vec<u8>, DirectoryError> {
    let base = root.naming_context().or(config.bases.first().map(String::as_str)).unwrap_or_default();
    let mut search = everybody(config, base);
    search.attributes.push("isDeleted".to_owned());
    for _ in 0..MOST_ANSWERS {
        let control = DirSync { flags: DirSync::OBJECT_SECURITY, size: ANSWER, cookie }.control();
        let done = connection.search(&search, vec![control], sink).await?;
        let server = || connection.server().to_string();
        let answer = DirSync::find(&done.controls)
            .map_err(|error| DirectoryError::Malformed { server: server(), error })?
            .ok_or_else(|| DirectoryError::Lost {
                server: server(),
                reason: "it does not know DirSync".to_owned(),
            })?;
        cookie = answer.cookie;
        if answer.flags == 0 {
            return Ok(cookie);
        }
    }
    Err(DirectoryError::Lost {
        server: connection.server().to_string(),
        reason: "DirSync has no end".to_owned(),
    })
}

async fn read_anew(
    connection: &mut Connection,
    config: &Config,
    ids: &[DirectoryId],
    found: &mut Changes,
) -> Result<(), DirectoryError> {
    let value = |id: &DirectoryId| match guid_bytes(id).filter(|_| config.attributes.has_binary_id()) {
        Some(bytes) => bytes.to_vec(),
        None => id.as_str().as_bytes().to_vec(),
    };
    let any = Filter::Or(ids.iter().map(|id| Filter::equal(&config.attributes.id, value(id))).collect());
    for base in &config.bases {
        let everybody = everybody(config, base);
        let search = Search { filter: Filter::And(vec![everybody.filter.clone(), any.clone()]), ..everybody };
        let mut sink = |entry: Entry| found.take(&entry, config);
        connection.search_all(&search, config.limits.page_size, &mut sink).await?;
    }
    Ok(())
}

fn is_deleted(entry: &Entry) -> bool {
    entry.text("isDeleted").is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// Names compare without case; blanks after commas are how some people write bases.
fn is_below_bases(entry: &Entry, config: &DirectoryConfig) -> bool {
    let plain = |dn: &str| dn.to_lowercase().replace(", ", ",");
    let dn = plain(&entry.dn);
    config.bases.iter().map(|base| plain(base)).any(|base| dn == base || dn.ends_with(&format!(",{base}")))
}
