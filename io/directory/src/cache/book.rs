//! Everybody, and the ways to find them.

use std::hash::{BuildHasher, RandomState};

use tieline_model::{ContactAddress, DirectoryId, Person};
use tieline_ports::SharedAddress;

use super::index::Index;
use super::interner::Interner;
use super::likeness::{self, Query, Signature};
use super::record;

/// Of a switchboard's number that everybody has, no more owners are looked at.
const MOST_SHARERS: usize = 100;

/// What entering a person did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    Added,
    Changed,
    Same,
}

/// The people. A changed person gets a new place and the old one stays empty until it is tidied up, so that whatever
/// still names an old place finds nobody there rather than somebody else.
#[derive(Debug, Default)]
pub(crate) struct Book {
    records: Vec<Option<Box<[u8]>>>,
    people: usize,
    record_bytes: usize,
    texts: Interner,
    ids: Index,
    /// Mail, SIP and log-on addresses together: with most people they are the same.
    addresses: Index,
    phones: Index,
    words: Vec<Signature>,
    /// Keyed at random, so that nobody can choose addresses that collide.
    hasher: RandomState,
}

impl Book {
    pub(crate) fn len(&self) -> usize {
        self.people
    }

    /// Estimate of the memory in bytes, allocator's overhead included.
    pub(crate) fn bytes(&self) -> usize {
        let records = self.records.capacity() * 16 + self.record_bytes + self.people * 16;
        let indices = self.ids.bytes() + self.addresses.bytes() + self.phones.bytes();
        records + indices + self.texts.bytes() + self.words.capacity() * size_of::<Signature>()
    }

    /// Enters a person, or what has changed about one.
    pub(crate) fn enter(&mut self, person: &Person) -> Change {
        let record = record::write(person, &mut self.texts);
        let known = self.place_of(&person.id);
        if let Some(place) = known {
            if self.record(place) == Some(&*record) {
                return Change::Same;
            }
            self.clear(place);
        }
        let place = self.records.len() as u32;
        self.people += 1;
        self.record_bytes += record.len();
        self.records.push(Some(record));
        let id = self.hash(person.id.as_str());
        self.ids.insert(id, place);
        for key in address_keys(person) {
            let key = self.hash(&key);
            self.addresses.insert(key, place);
        }
        for phone in &person.phones {
            let key = self.hash(phone.as_str());
            self.phones.insert(key, place);
        }
        likeness::signatures(person, place, &mut self.words);
        self.tidy_up();
        if known.is_some() { Change::Changed } else { Change::Added }
    }

    /// Gives back what room is left over after many have been entered.
    pub(crate) fn settle(&mut self) {
        self.records.shrink_to_fit();
        self.words.shrink_to_fit();
    }

    /// Forgets a person; false when nobody has that id.
    pub(crate) fn forget(&mut self, id: &DirectoryId) -> bool {
        let place = self.place_of(id);
        if let Some(place) = place {
            self.clear(place);
            self.tidy_up();
        }
        place.is_some()
    }

    pub(crate) fn person(&self, id: &DirectoryId) -> Option<Person> {
        self.at(self.place_of(id)?)
    }

    pub(crate) fn contains(&self, id: &DirectoryId) -> bool {
        self.place_of(id).is_some()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Person> {
        self.records.iter().flatten().filter_map(|record| record::read(record, &self.texts))
    }

    /// The ids at `count` places from `from` on; `None` behind the last place.
    pub(crate) fn ids(&self, from: usize, count: usize) -> Option<Vec<DirectoryId>> {
        let some = self.records.get(from..)?.iter().take(count).flatten();
        (from < self.records.len())
            .then(|| some.filter_map(|record| DirectoryId::new(&record::read_id(record))).collect())
    }

    /// Everybody whom the contact may mean, for [`crate::matching::meant`] to decide.
    pub(crate) fn candidates(&self, contact: &ContactAddress) -> Vec<Person> {
        let (index, key) = match contact {
            ContactAddress::Sip(address) => (&self.addresses, address.key()),
            ContactAddress::Mail(address) => (&self.addresses, address.key()),
            ContactAddress::Tel(number) => (&self.phones, number.as_str().to_owned()),
        };
        let mut places = index.places(self.hash(&key)).to_vec();
        if let Some(number) = contact.number_in_sip() {
            places.extend_from_slice(self.phones.places(self.hash(number.as_str())));
            places.sort_unstable();
            places.dedup();
        }
        places.into_iter().take(MOST_SHARERS).filter_map(|place| self.at(place)).collect()
    }

    /// Of the people to whom `count` words from `from` on belong, those who are alike, and how unlike they are; and
    /// where the next words begin. `None` behind the last word.
    pub(super) fn alike(
        &self,
        query: &Query,
        from: usize,
        count: usize,
    ) -> Option<(usize, Vec<(u32, Person)>)> {
        let rest = self.words.get(from..).filter(|rest| !rest.is_empty())?;
        // A person's words stand together and stay together.
        let cut = count.clamp(1, rest.len());
        let last = rest.get(cut - 1).map(|word| word.place);
        let cut = cut + rest.iter().skip(cut).take_while(|word| Some(word.place) == last).count();
        let people =
            rest.get(..cut)?.chunk_by(|a, b| a.place == b.place).filter(|words| query.may_mean(words));
        let people = people.filter_map(|words| self.at(words.first()?.place));
        let alike =
            people.filter_map(|person| query.unlikeness(&person).map(|unlike| (unlike, person))).collect();
        Some((from + cut, alike))
    }

    /// Addresses and numbers of several people.
    pub(crate) fn shared_addresses(&self, limit: usize) -> Vec<SharedAddress> {
        let mut shared = Vec::new();
        let lists = self.addresses.shared().map(|places| (places, false));
        for (places, phones) in lists.chain(self.phones.shared().map(|places| (places, true))) {
            let people: Vec<_> =
                places.iter().take(MOST_SHARERS).filter_map(|place| self.at(*place)).collect();
            let keys = |person: &Person| match phones {
                true => person.phones.iter().map(|number| number.as_str().to_owned()).collect(),
                false => address_keys(person),
            };
            // The list is by hash; which key it is, is what they have in common.
            let Some((first, rest)) = people.split_first() else { continue };
            for key in keys(first) {
                if rest.iter().any(|person| keys(person).contains(&key)) {
                    let owners = people.iter().filter(|person| keys(person).contains(&key));
                    let people =
                        owners.map(|person| (person.id.clone(), person.display_name.clone())).collect();
                    shared.push(SharedAddress { address: key, people });
                }
            }
            if shared.len() >= limit {
                break;
            }
        }
        shared.sort_by(|a, b| a.address.cmp(&b.address));
        // Two who share two addresses stand in two lists.
        shared.dedup_by(|a, b| a.address == b.address);
        shared.truncate(limit);
        shared
    }

    /// How many lists of sharers there are; people who left one may still count until the next complete listing.
    pub(crate) fn shared_count(&self) -> usize {
        self.addresses.shared().count() + self.phones.shared().count()
    }

    fn hash(&self, key: &str) -> u64 {
        self.hasher.hash_one(key)
    }

    fn record(&self, place: u32) -> Option<&[u8]> {
        self.records.get(place as usize)?.as_deref()
    }

    fn at(&self, place: u32) -> Option<Person> {
        record::read(self.record(place)?, &self.texts)
    }

    fn place_of(&self, id: &DirectoryId) -> Option<u32> {
        let places = self.ids.places(self.hash(id.as_str()));
        places
            .iter()
            .copied()
            .find(|place| self.record(*place).is_some_and(|record| record::read_id(record) == id.as_str()))
    }

    fn clear(&mut self, place: u32) {
        let Some(person) = self.at(place) else { return };
        let id = self.hash(person.id.as_str());
        self.ids.remove(id, place);
        for key in address_keys(&person) {
            let key = self.hash(&key);
            self.addresses.remove(key, place);
        }
        for phone in &person.phones {
            let key = self.hash(phone.as_str());
            self.phones.remove(key, place);
        }
        if let Some(record) = self.records.get_mut(place as usize).and_then(Option::take) {
            self.people -= 1;
            self.record_bytes -= record.len();
        }
    }

    /// When more than half of the places are empty, everybody is entered anew.
    fn tidy_up(&mut self) {
        if self.records.len() > 2 * self.people + 1024 {
            let mut tidy = Self::default();
            for person in self.iter() {
                tidy.enter(&person);
            }
            *self = tidy;
        }
    }
}

/// Every address of a person in lower case, each once.
fn address_keys(person: &Person) -> Vec<String> {
    let mail = person.mail.iter().chain(&person.proxy_addresses).map(|address| address.key());
    let sip = person.sip.iter().map(|address| address.key());
    let login = person.login.iter().filter(|login| login.contains('@')).map(|login| login.to_lowercase());
    let mut keys: Vec<_> = mail.chain(sip).chain(login).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cache::record::tests::{any_person, sorted};
    use proptest::prelude::*;
    use tieline_model::DialPlan;

    fn person(number: usize, name: &str, address: &str) -> Person {
        let id = DirectoryId::new(&format!("{number:08x}-0000-4000-8000-000000000000")).unwrap();
        let mut person = Person::named(id, name);
        person.mail = Some(address.parse().unwrap());
        person.sip = vec![address.parse().unwrap()];
        person
    }

    fn contact(text: &str) -> ContactAddress {
        ContactAddress::parse(text, &DialPlan::default()).unwrap()
    }

    #[test]
    fn names_that_are_alike_are_offered_the_most_alike_first() {
        let mut book = Book::default();
        for (number, (name, address)) in [
            ("Alice Adams", "alice.adams@x.example"),
            ("Alina Adamski", "alina.adamski@x.example"),
            ("Bob Brown", "bob@x.example"),
            ("Roberta Bobson", "rb@x.example"),
        ]
        .iter()
        .enumerate()
        {
            book.enter(&person(number, name, address));
        }
        let book = std::sync::RwLock::new(book);
        let names = |text: &str| {
            let people = crate::cache::nearest(&book, &contact(text), 5);
            people.into_iter().map(|p| p.display_name).collect::<Vec<_>>()
        };
        assert_eq!(names("alcie.adams@y.example"), ["Alice Adams"]);
        assert_eq!(names("adams.alice@y.example"), ["Alice Adams", "Alina Adamski"]);
        assert_eq!(names("bob@y.example"), ["Bob Brown", "Roberta Bobson"]);
        assert_eq!(names("ali@y.example"), ["Alice Adams", "Alina Adamski"]);
        assert!(names("zacharias@y.example").is_empty());
        let typed = |text: &str| {
            let people = crate::cache::named(&book, text, 5);
            people.into_iter().map(|p| p.display_name).collect::<Vec<_>>()
        };
        assert_eq!(typed("bob brwon"), ["Bob Brown"]);
        assert_eq!(typed(" Adams "), ["Alice Adams", "Alina Adamski"]);
        assert!(typed("bo").is_empty() && typed("").is_empty(), "too little to compare");
        assert!(names("tel:+491234").is_empty(), "a number that is nearly right is somebody else's");
    }

    /// Covers: EV-21 (directory)
    #[test]
    fn shared_addresses_are_reported_with_their_owners() {
        let mut book = Book::default();
        let (mut a, mut b) = (person(1, "A", "a@x.example"), person(2, "B", "b@x.example"));
        a.proxy_addresses.push("Info@x.example".parse().unwrap());
        b.proxy_addresses.push("info@x.example".parse().unwrap());
        a.phones.push(tieline_model::PhoneNumber::kept("+49301".to_owned()));
        b.phones = a.phones.clone();
        book.enter(&a);
        book.enter(&b);
        let shared = book.shared_addresses(10);
        let addresses: Vec<_> = shared.iter().map(|s| (s.address.as_str(), s.people.len())).collect();
        assert_eq!(addresses, [("+49301", 2), ("info@x.example", 2)]);
        assert_eq!(book.shared_addresses(1).len(), 1);
        b.proxy_addresses.clear();
        b.phones.clear();
        book.enter(&b);
        assert!(book.shared_addresses(10).is_empty());
    }

    proptest! {
        /// However people come, change and go, the book finds exactly those whom a plain list would.
        #[test]
        fn the_book_is_a_list_that_is_quick(
            steps in proptest::collection::vec((any_person(), 0u8..4), 1..40),
            asked in "[a-c]{1,2}@[xy]\\.example",
        ) {
            let mut book = Book::default();
            let mut list = BTreeMap::new();
            for (person, what) in steps {
                if what == 0 {
                    prop_assert_eq!(book.forget(&person.id), list.remove(&person.id).is_some());
                } else {
                    let known = list.insert(person.id.clone(), person.clone());
                    let change = book.enter(&person);
                    prop_assert_eq!(change == Change::Added, known.is_none());
                }
            }
            prop_assert_eq!(book.len(), list.len());
            let contact = contact(&asked);
            let has = |person: &Person| address_keys(person).contains(&asked);
            let expected: Vec<_> = list.values().filter(|p| has(p)).cloned().map(sorted).collect();
            let mut found: Vec<_> = book.candidates(&contact).into_iter().filter(has).map(sorted).collect();
            found.sort_by(|a, b| a.id.cmp(&b.id));
            prop_assert_eq!(found, expected);
            let book = std::sync::RwLock::new(book);
            let mut paged = crate::cache::page(&book, None, 3);
            while let Some(last) = paged.last().filter(|_| paged.len() < list.len()) {
                let more = crate::cache::page(&book, Some(&last.id.clone()), 3);
                prop_assert!(!more.is_empty());
                paged.extend(more);
            }
            prop_assert!(paged.iter().map(|p| &p.id).eq(list.keys()));
        }
    }

    #[test]
    fn many_changes_leave_no_garbage() {
        let mut book = Book::default();
        for round in 0..5000 {
            book.enter(&person(round % 10, &format!("Name{round}"), "a@x.example"));
        }
        assert_eq!(book.len(), 10);
        assert!(book.records.len() <= 2 * 10 + 1025, "{}", book.records.len());
        assert!(book.words.len() < 5000);
        assert_eq!(book.candidates(&contact("a@x.example")).len(), 10);
    }
}
