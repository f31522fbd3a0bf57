//! The directory against directories that nobody here wrote: OpenLDAP's slapd with generated people; and against the
//! lab's, which speaks Active Directory's ways of telling what changed.

mod active_directory;
mod openldap;
mod slapd;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tieline_directory::{DirectoryConfig, LdapDirectory};
use tieline_model::{ContactAddress, DialPlan, ManualClock};
use tieline_ports::{Answer, Directory, Found};

/// A directory with a clock that the test moves.
pub(crate) struct Site {
    pub(crate) directory: Arc<LdapDirectory>,
    pub(crate) clock: Arc<ManualClock>,
}

impl Site {
    pub(crate) fn new(config: DirectoryConfig) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_700_000_000).unwrap()));
        let directory = LdapDirectory::new(config, Arc::<ManualClock>::clone(&clock)).unwrap();
        Self { directory: Arc::new(directory), clock }
    }

    pub(crate) async fn resolve(&self, contact: &str) -> Answer {
        self.directory.resolve(&ContactAddress::parse(contact, &DialPlan::default()).unwrap()).await
    }

    /// The name of the one person whom the contact means, `None` for nobody.
    pub(crate) async fn name(&self, contact: &str) -> Option<String> {
        match self.resolve(contact).await.found {
            Found::One(person) => Some(person.display_name),
            Found::Nobody { .. } => None,
            other => panic!("{contact}: {other:?}"),
        }
    }

    pub(crate) fn later(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }
}
