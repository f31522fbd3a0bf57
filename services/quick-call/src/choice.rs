//! Whom technicians meant by a contact: asked once, offered first the next time.
//!
//! A contact's address may be somebody else's in the directory: a shared desk, a name that changed, a number that was passed
//! on. When a technician says who is meant, it is kept for this technician and this contact, and never overrules the
//! directory silently: the next call offers both, the chosen one first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tieline_model::{ContactAddress, Decision, DirectoryId, Person, Refusal, TraceId};
use tieline_store::{Batch, NewEvent, QuickCallChoice, StoreError, Write};

use crate::contact::parse_contacts_as;
use crate::{QuickCall, Technician};

/// The topic under which choices are told.
pub(crate) const TOPIC: &str = "quick-call-choice";
/// Technicians whose choices are kept at hand.
const AT_HAND: usize = 4096;

type OfOne = Arc<HashMap<String, DirectoryId>>;

/// Choices as they were read last, by technician, while [`QuickCall::run`] hears of changes.
#[derive(Debug, Default)]
pub(crate) struct Choices(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    followed: bool,
    generation: u64,
    of: HashMap<String, OfOne>,
}

impl Choices {
    fn with<T>(&self, f: impl FnOnce(&mut Kept) -> T) -> T {
        f(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether somebody hears of changes, so that what was read may be kept.
    pub(crate) fn follow(&self, followed: bool) {
        self.with(|kept| {
            kept.followed = followed;
            kept.generation += 1;
            kept.of.clear();
        });
    }

    pub(crate) fn forget(&self, technician: &str) {
        self.with(|kept| {
            kept.generation += 1;
            kept.of.remove(technician);
        });
    }
}

impl QuickCall {
    /// Whom this technician meant by this contact the last time, if that person is still there.
    pub(crate) async fn meant_before(
        &self,
        technician: &Technician,
        contact: &ContactAddress,
    ) -> Result<Option<Person>, StoreError> {
        let choices = &self.inner().choices;
        let (known, generation) =
            choices.with(|kept| (kept.of.get(&technician.id).cloned(), kept.generation));
        let known = match known {
            Some(known) => known,
            None => {
                let read = self.store.quick_call_choices(&technician.id).await?;
                let read = read.into_iter().map(|choice| (choice.contact, choice.person)).collect();
                let read: OfOne = Arc::new(read);
                choices.with(|kept| {
                    if kept.followed && kept.generation == generation {
                        if kept.of.len() >= AT_HAND {
                            kept.of.clear();
                        }
                        kept.of.insert(technician.id.clone(), Arc::clone(&read));
                    }
                });
                read
            }
        };
        if known.is_empty() {
            return Ok(None);
        }
        Ok(known.get(&contact.key()).and_then(|person| self.directory.person(person)))
    }

    /// Keeps whom this technician means by this contact. Several contacts at once say nothing about one of them, and are
    /// not kept.
    ///
    /// # Errors
    /// When the contact cannot be read, the person is not in the directory, or the store cannot be written.
    pub async fn remember(
        &self,
        contact: &str,
        person: &DirectoryId,
        technician: &Technician,
    ) -> Result<(), Refusal> {
        let contacts = parse_contacts_as(contact, &self.dial_plan)?;
        let [contact] = contacts.as_slice() else { return Ok(()) };
        let person = self.directory.person(person).ok_or_else(|| {
            let next = "choose the command on the person again";
            Refusal::permanent("unknown-person", "the person is not in the directory any more", next)
        })?;
        let choice = QuickCallChoice {
            technician: technician.id.clone(),
            contact: contact.key(),
            person: person.id.clone(),
        };
        let now = self.clock.now();
        let decision = Decision::new(
            TraceId::from_uuid(self.ids.uuid()),
            "quick-call".to_owned(),
            now,
            "quick-call-meant",
            format!("{contact} means {} for {}", person.display_name, technician.id),
        );
        let told = NewEvent {
            topic: TOPIC.to_owned(),
            subject: technician.id.clone(),
            payload: serde_json::json!({}),
        };
        let batch = Batch::new(now)
            .with(Write::QuickCallChoice(choice))
            .with(Write::Decision(decision))
            .with(Write::Event(told));
        self.store.commit(batch).await?;
        self.inner().choices.forget(&technician.id);
        Ok(())
    }

    /// Whom somebody may mean who typed this: an address, or a name. The most likely first.
    pub async fn people_like(&self, text: &str) -> Vec<Person> {
        use tieline_ports::Found;
        let contacts = parse_contacts_as(text, &self.dial_plan).unwrap_or_default();
        let [contact] = contacts.as_slice() else { return self.directory.alike(text).await };
        match self.directory.resolve(contact).await.found {
            Found::One(person) => vec![*person],
            Found::Several(people) => people,
            Found::Nobody { nearest } | Found::Unknown { nearest, .. } => nearest,
        }
    }
}
