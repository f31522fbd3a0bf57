//! Quick call: from a contact in Lync to a ticket form that has this person filled in.
//!
//! A technician chooses the menu entry on a contact; the client opens Tieline's page with what `%contact-id%` stands
//! for; [`QuickCall::resolve`] finds the person in the directory and says where to go. One file tells one step:
//!
//! | file | what it does |
//! |---|---|
//! | `contact` | reads `Contacts=<sip:a@b>` in all its spellings |
//! | `choice` | whom a technician meant by a contact the last time |
//! | `resolve` | contact, person, tickets, form: the use case, with its reasons written down |
//! | `form` | the address of the form: method 1, method 2, template |
//! | `link` | an auto connection link: read once, only `field6` ever replaced |
//! | `template` | forms of other ticket systems, and those that come ready |
//! | `target` | adding, changing and checking targets |
//! | `examine` | whether a target would work: settings, page, single sign-on, API |
//! | `reconcile` | who is in the directory and not in the ITSM, and the reverse |
//! | `kit` | what puts the entry into the client's menu: `.reg`, ADMX/ADML, PowerShell |
//!
//! What it holds to:
//!
//! * The contact names the *requestor*, never the technician, who signs in apart from it (EV-58). Both are recorded.
//! * A technician is only ever sent to an https address on a host that the target lists; a value is percent-encoded
//!   into one parameter and cannot begin another one (EV-31).
//! * An auto connection link is a password. It is encrypted in the store and leaves it in the `Location` of a redirect
//!   only; [`SecretUrl`] prints itself masked (EV-53, EV-54, X-12).
//! * A directory that could not be asked has not said "nobody" (see [`tieline_ports::Found`]).
//!
//! What it refuses to be: a sign-in service, an HTTP server, a ticket system.
//!
//! Types to know: [`QuickCall`] (made from [`QuickCallParts`]), [`Technician`], [`Resolution`], [`Target`],
//! [`SecretUrl`], [`kit::Kit`].

mod address;
mod choice;
mod contact;
mod examine;
mod form;
pub mod kit;

mod link;
mod reconcile;
mod record;
mod resolve;
mod target;
mod template;

use std::ops::Deref;
use std::sync::Arc;

use tieline_model::{Clock, DialPlan, Ids};
use tieline_ports::{Directory, Itsm};
use tieline_store::Store;

pub use address::SecretUrl;
pub use contact::{MAX_CONTACTS, parse_contacts, parse_contacts_as};
pub use examine::Examined;
pub use link::AutoConnectionLink;
pub use reconcile::Reconciled;
pub use resolve::{Choice, Resolution, Step, Tested};
pub use target::{NewSecret, TargetSecrets};
pub use template::{READY, Ready, Template};
#[doc(no_inline)]
pub use tieline_model::{
    Environment, Hosting, ItsmApi, ItsmProduct, PersonKey, QuickCallTarget as Target,
    QuickCallTargetId as TargetId, TargetKind, UnknownPerson,
};

/// What quick call is made from.
pub struct QuickCallParts {
    /// Targets, secrets, decisions.
    pub store: Store,
    /// Who is behind an address.
    pub directory: Arc<dyn Directory>,
    /// Ticket systems with an API.
    pub itsm: Arc<dyn Itsm>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// How numbers are written on this site; the directory's.
    pub dial_plan: DialPlan,
}

/// Who asks: signed in, whatever the contact says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Technician {
    /// A stable name for the record: a log-on name or mail address.
    pub id: String,
    /// The name people see.
    pub name: String,
}

/// The quick-call service. Cloning gives another handle on the same one.
///
/// The wiring keeps [`QuickCall::run`] running; the page calls [`QuickCall::resolve`] and
/// [`QuickCall::resolve_person`]; API and command line [`QuickCall::test`], [`QuickCall::save`],
/// [`QuickCall::remove`] and [`QuickCall::reconcile`].
#[derive(Clone)]
pub struct QuickCall(Arc<Inner>);

pub(crate) struct Inner {
    parts: QuickCallParts,
    pub(crate) targets: target::Known,
    pub(crate) choices: choice::Choices,
    pub(crate) recorder: record::Recorder,
}

impl Deref for QuickCall {
    type Target = QuickCallParts;

    fn deref(&self) -> &QuickCallParts {
        &self.0.parts
    }
}

impl QuickCall {
    /// Puts the parts together; nothing runs yet.
    #[must_use]
    pub fn new(parts: QuickCallParts) -> Self {
        Self(Arc::new(Inner {
            parts,
            targets: target::Known::default(),
            choices: choice::Choices::default(),
            recorder: record::Recorder::default(),
        }))
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}
