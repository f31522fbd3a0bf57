//! Deliberate faults between the engine and the world: an engine, a driver or a store that forgets one of its duties.
//! The oracle must notice each of them, or it would not notice an engine that does the same.

use jiff::{SignedDuration, Timestamp};
use tieline_sync::{Command, Event, Fetched, Policy, Seen, State, Written};

use crate::mail::Mail;
use crate::sim_record::SimRecord;
use crate::store::Store;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// A write is sent without being written down.
    IntentNotWritten,
    /// A write under way is forgotten by a crash.
    IntentForgotten,
    /// A request that was given up is believed to have no effect any more.
    NoLateEffects,
    /// A write that may have had its effect counts as one that had none.
    UncertainIsCertain,
    /// Items do not carry our mark.
    NoMark,
    /// The second item of a request that came late is not recognised.
    DoublesKept,
    /// Writes to the mail system do not look at the version.
    MailOverwritten,
    /// Writes to Tieline do not look at the version.
    TielineOverwritten,
    /// A unit that was left out counts as written.
    RefusalIgnored,
    /// A version that was overtaken counts as written.
    StaleIsDone,
    /// The cursor moves without the changes before it.
    CursorAlone,
    /// An unknown cursor counts as no changes.
    ExpiryIgnored,
    /// What a listing does not show does not exist.
    SilenceDeletes,
    /// Nobody counts.
    NoBrake,
    /// The dry run is skipped.
    NoApproval,
    /// The snapshot is skipped.
    NoSnapshot,
    /// A back-off is not kept to.
    BackOffIgnored,
    /// Who the folder is does not matter.
    AnyFolder,
    /// What lost is not kept.
    LoserForgotten,
    /// What was deleted is not kept.
    NoUndo,
    /// A field that was edited is not written.
    FieldForgotten,
    /// What was read once is not asked for again.
    ReadOnce,
}

impl Mutant {
    pub(crate) const ALL: [Self; 22] = [
        Self::IntentNotWritten,
        Self::IntentForgotten,
        Self::NoLateEffects,
        Self::UncertainIsCertain,
        Self::NoMark,
        Self::DoublesKept,
        Self::MailOverwritten,
        Self::TielineOverwritten,
        Self::RefusalIgnored,
        Self::StaleIsDone,
        Self::CursorAlone,
        Self::ExpiryIgnored,
        Self::SilenceDeletes,
        Self::NoBrake,
        Self::NoApproval,
        Self::NoSnapshot,
        Self::BackOffIgnored,
        Self::AnyFolder,
        Self::LoserForgotten,
        Self::NoUndo,
        Self::FieldForgotten,
        Self::ReadOnce,
    ];

    /// What the engine is told to go by.
    pub(crate) fn policy(self, policy: &mut Policy) {
        match self {
            Self::NoLateEffects => policy.times.late_effect_bound = SignedDuration::ZERO,
            Self::NoBrake => policy.brake.floor = 10_000,
            _ => {}
        }
    }

    /// What becomes of a command before it is carried out.
    pub(crate) fn command<R: SimRecord>(self, command: &mut Command<R>, store: &Store<R>, mail: &Mail<R>) {
        match command {
            Command::Commit(commit) => {
                let listed =
                    store.state().is_some_and(|state| state.right_cursor != commit.state.right_cursor);
                if self == Self::CursorAlone && listed {
                    commit.units.clear();
                }
                for unit in &mut commit.units {
                    match (self, &mut unit.put, &mut unit.left) {
                        (Self::IntentNotWritten, Some(link), _) => link.intent = None,
                        (Self::DoublesKept, Some(link), _) => {
                            link.birth = None;
                            link.earlier_births.clear();
                        }
                        (Self::TielineOverwritten, _, Some(write)) => {
                            write.if_etag = store.items.get(&write.id).map(|item| item.etag.clone());
                        }
                        (Self::LoserForgotten, ..) => unit.conflict = None,
                        (Self::NoUndo, ..) => unit.undo = None,
                        _ => {}
                    }
                }
            }
            Command::Write { writes, .. } => {
                for write in writes {
                    let item = write.id.as_ref().and_then(|id| mail.get(id));
                    match (self, item) {
                        (Self::MailOverwritten, Some(item)) => write.if_etag = Some(item.etag),
                        (Self::FieldForgotten, _) => drop(write.fields.pop()),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// What becomes of an answer before the engine hears it.
    pub(crate) fn event<R: SimRecord>(
        self,
        event: &mut Event<R>,
        command: &Asked,
        store: &Store<R>,
        now: Timestamp,
    ) {
        match (self, event) {
            (Self::NoApproval | Self::NoSnapshot | Self::BackOffIgnored, Event::Loaded(Some(state))) => {
                self.state(state, command, now);
            }
            (Self::IntentForgotten, Event::Links(links, _)) => {
                links.iter_mut().for_each(|(link, _)| link.intent = None);
            }
            (Self::NoMark, Event::Located(found)) => found.iter_mut().for_each(Vec::clear),
            (Self::NoMark, Event::Fetched(found)) => {
                for one in found {
                    if let Fetched::Found(item) = one {
                        item.stamp = None;
                    }
                }
            }
            (Self::SilenceDeletes, Event::Fetched(found)) => {
                let missing = |id: &String| {
                    store.links().any(|link| {
                        link.seen_right == Seen::Missing && link.right.as_ref().is_some_and(|it| it.id == *id)
                    })
                };
                for (id, one) in command.ids.iter().zip(found) {
                    if missing(id) {
                        *one = Fetched::NotFound;
                    }
                }
            }
            (Self::UncertainIsCertain, Event::Failed(failure)) => failure.uncertain = false,
            (Self::UncertainIsCertain, Event::Written(results)) => {
                for result in results {
                    if let Written::Failed(failure, _) = result {
                        failure.uncertain = false;
                    }
                }
            }
            (Self::StaleIsDone, Event::Written(results)) => {
                for (id, result) in command.ids.iter().zip(results) {
                    if *result == Written::Stale {
                        *result = Written::Done { id: id.clone(), etag: "any".to_owned(), stored: None };
                    }
                }
            }
            (Self::RefusalIgnored, Event::Committed { refused }) => refused.clear(),
            (Self::ExpiryIgnored, event @ Event::CursorExpired) => {
                let cursor = command.cursor.clone().unwrap_or_default();
                *event = Event::Page(tieline_sync::Page { changes: Vec::new(), cursor, complete: true });
            }
            (Self::AnyFolder, Event::Identified(identity)) => {
                if let Some(known) = store.state().and_then(|state| state.identity.clone()) {
                    *identity = known;
                }
            }
            _ => {}
        }
    }

    fn state(self, state: &mut State, command: &Asked, now: Timestamp) {
        match self {
            Self::NoApproval => state.approved = Some(command.choices.clone()),
            Self::NoSnapshot => state.snapshot = state.snapshot.or(Some(now)),
            _ => state.wait_until = None,
        }
    }
}

/// What the engine asked for.
pub(crate) struct Asked {
    ids: Vec<String>,
    cursor: Option<String>,
    choices: tieline_model::RecordHash,
}

impl Asked {
    pub(crate) fn of<R: SimRecord>(command: &Command<R>, policy: &Policy) -> Self {
        let (ids, cursor) = match command {
            Command::Fetch { items } => (items.iter().map(|item| item.id.clone()).collect(), None),
            Command::Write { writes, .. } => {
                (writes.iter().map(|write| write.id.clone().unwrap_or_default()).collect(), None)
            }
            Command::List { cursor, .. } => (Vec::new(), cursor.clone()),
            _ => (Vec::new(), None),
        };
        Self { ids, cursor, choices: policy.choices.hash() }
    }
}
