//! What has changed.

use tieline_proto_ldap::{Entry, Filter, Search};

use super::listing::everybody;
use super::marker::{Marker, Newest};
use super::{Changes, Config, Root, dir_sync};
use crate::error::DirectoryError;
use crate::ldap::Connection;

/// What lies behind the marker; `None` when this server cannot tell, so that everybody must be listed.
pub(crate) async fn changes(
    connection: &mut Connection,
    config: &Config,
    marker: &Marker,
) -> Result<Option<Changes>, DirectoryError> {
    let root = Root::read(connection).await?;
    let next = match marker {
        Marker::DirSync(cookie) => {
            return dir_sync::changes(connection, config, &root, cookie).await.map(Some);
        }
        Marker::UpdateSequence { service, last } => match root.update_sequence() {
            // Another domain controller counts otherwise; one that counts lower was restored from a backup.
            Some(now) if root.service().unwrap_or_default() == service && now >= *last => {
                Some(Marker::UpdateSequence { service: service.clone(), last: now })
            }
            _ => return Ok(None),
        },
        Marker::EntryCsn(_) | Marker::ModifyTimestamp(_) => None,
    };
    let Some(behind) = marker.filter() else { return Ok(None) };
    let mut found = Changes::default();
    let mut newest = Newest::default();
    for base in &config.bases {
        let everybody = everybody(config, base);
        let search =
            Search { filter: Filter::And(vec![everybody.filter.clone(), behind.clone()]), ..everybody };
        let mut sink = |entry: Entry| {
            newest.see(&entry);
            found.take(&entry, config)
        };
        connection.search_all(&search, config.limits.page_size, &mut sink).await?;
    }
    found.marker = Some(next.unwrap_or_else(|| further(marker, newest)));
    Ok(Some(found))
}

/// The newest of both: within the overlap nothing may have been seen, or only what is older.
fn further(marker: &Marker, newest: Newest) -> Marker {
    let seen = newest.marker(Some(marker.tracking()));
    match (marker, seen) {
        (Marker::EntryCsn(old), Some(Marker::EntryCsn(new))) if new > *old => Marker::EntryCsn(new),
        (Marker::ModifyTimestamp(old), Some(Marker::ModifyTimestamp(new))) if new > *old => {
            Marker::ModifyTimestamp(new)
        }
        _ => marker.clone(),
    }
}

impl Changes {
    pub(super) fn take(&mut self, entry: &Entry, config: &Config) -> Result<(), DirectoryError> {
        if self.people.len() >= config.limits.max_people {
            return Err(DirectoryError::TooMany { limit: config.limits.max_people });
        }
        match config.attributes.person(entry, &config.dial_plan) {
            Some(person) => self.people.push(person),
            None => self.unusable += 1,
        }
        Ok(())
    }
}
