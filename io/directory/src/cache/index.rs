//! From a key's hash to the places of the people who have it.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Places from here on stand for a list in `shared`.
const SHARED: u32 = 1 << 31;

/// The keys are hashes already.
#[derive(Debug, Default)]
pub(super) struct Unhashed(u64);

impl Hasher for Unhashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        // Only u64 keys are used.
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// Hash to places. Two keys may have one hash: whoever asks compares with the record. Seventeen bytes a key, because
/// nearly every address has one owner.
#[derive(Debug, Default)]
pub(super) struct Index {
    places: HashMap<u64, u32, BuildHasherDefault<Unhashed>>,
    shared: Vec<Vec<u32>>,
}

impl Index {
    pub(super) fn insert(&mut self, key: u64, place: u32) {
        let Some(known) = self.places.get_mut(&key) else {
            self.places.insert(key, place);
            return;
        };
        match known.checked_sub(SHARED) {
            Some(list) => {
                // Places only grow, so that a repeated one is the last.
                if let Some(list) =
                    self.shared.get_mut(list as usize).filter(|list| list.last() != Some(&place))
                {
                    list.push(place);
                }
            }
            None if *known == place => {}
            None => {
                self.shared.push(vec![*known, place]);
                *known = SHARED + (self.shared.len() - 1) as u32;
            }
        }
    }

    pub(super) fn remove(&mut self, key: u64, place: u32) {
        let Some(known) = self.places.get(&key) else { return };
        match known.checked_sub(SHARED) {
            Some(list) => {
                if let Some(list) = self.shared.get_mut(list as usize) {
                    list.retain(|other| *other != place);
                }
            }
            None if *known == place => {
                self.places.remove(&key);
            }
            None => {}
        }
    }

    pub(super) fn places(&self, key: u64) -> &[u32] {
        match self.places.get(&key) {
            None => &[],
            Some(place) => match place.checked_sub(SHARED) {
                Some(list) => self.shared.get(list as usize).map_or(&[], Vec::as_slice),
                None => std::slice::from_ref(place),
            },
        }
    }

    /// Lists of places that had one hash at some time.
    pub(super) fn shared(&self) -> impl Iterator<Item = &[u32]> {
        self.shared.iter().map(Vec::as_slice).filter(|list| list.len() > 1)
    }

    pub(super) fn bytes(&self) -> usize {
        let buckets = self.places.capacity() * 8 / 7;
        let lists: usize = self.shared.iter().map(|list| list.capacity() * 4 + 16).sum();
        buckets * 17 + self.shared.capacity() * 24 + lists
    }
}
