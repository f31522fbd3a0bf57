//! "Did you mean": whose names and addresses are alike.
//!
//! Twelve bytes for each name and each part before an `@`: its length, its first character and which characters occur.
//! They rule out nearly everybody in one pass over memory (some milliseconds for 200,000 people, beside the look-ups); only the rest is
//! compared letter by letter.

use tieline_model::{ContactAddress, Person};

/// When so many are alike, no more are looked for.
pub(super) const MOST_ALIKE: usize = 4096;
/// Longer words are cut before they are compared.
const LONGEST: usize = 64;
/// Fewer letters say nothing.
const SHORTEST: usize = 3;

/// What is kept of a word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signature {
    pub(super) place: u32,
    letters: u32,
    length: u8,
    first: u8,
}

impl Signature {
    fn of(word: &[char], place: u32) -> Self {
        let letters = word.iter().fold(0, |set, c| set | 1 << letter(*c));
        let first = word.first().map_or(0, |c| *c as u32 as u8);
        Self { place, letters, length: word.len().min(255) as u8, first }
    }

    /// Each wrong letter changes the set of letters by two at most.
    fn may_be_near(&self, wanted: &Self, distance: u8) -> bool {
        let near = self.length.abs_diff(wanted.length) <= distance
            && (self.letters ^ wanted.letters).count_ones() <= 2 * u32::from(distance);
        let longer =
            self.first == wanted.first && self.length > wanted.length && wanted.letters & !self.letters == 0;
        near || longer
    }
}

fn letter(c: char) -> u32 {
    match c {
        'a'..='z' => c as u32 - 'a' as u32,
        '0'..='9' => 26 + (c as u32 - '0' as u32) % 4,
        _ => 30 + c as u32 % 2,
    }
}

/// The words by which a person may be meant.
pub(super) fn signatures(person: &Person, place: u32, into: &mut Vec<Signature>) {
    for word in words(person) {
        into.push(Signature::of(&word, place));
    }
}

/// Parts before `@` as a whole, and each word of the name; lower case.
fn words(person: &Person) -> Vec<Vec<char>> {
    let mail = person.mail.iter().chain(&person.proxy_addresses).map(|address| address.as_str());
    let sip = person.sip.iter().map(|address| address.as_str());
    let login = person.login.iter().map(String::as_str);
    let mut words: Vec<Vec<char>> = Vec::with_capacity(4);
    let locals = mail.chain(sip).chain(login).map(|text| text.split('@').next().unwrap_or_default());
    for word in locals.chain(person.display_name.split(|c: char| !c.is_alphanumeric())) {
        let word = lower(word);
        if word.len() >= SHORTEST && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

fn lower(word: &str) -> Vec<char> {
    word.chars().take(LONGEST).flat_map(char::to_lowercase).collect()
}

/// What is looked for.
pub(super) struct Query {
    /// The whole part before the `@`.
    whole: Vec<char>,
    /// Its words, when it has several.
    parts: Vec<Vec<char>>,
    whole_signature: Wanted,
    part_signatures: Vec<Wanted>,
}

/// A word that is looked for, and how many wrong letters are forgiven in it.
struct Wanted {
    signature: Signature,
    distance: u8,
}

impl Wanted {
    fn of(word: &[char]) -> Self {
        Self { signature: Signature::of(word, 0), distance: allowed(word.len()) }
    }

    fn may_be_among(&self, words: &[Signature]) -> bool {
        words.iter().any(|word| word.may_be_near(&self.signature, self.distance))
    }
}

impl Query {
    /// `None` when there is too little to compare, or it is a number: a number that is nearly right is somebody else's.
    pub(super) fn of(contact: &ContactAddress) -> Option<Self> {
        let whole = match contact {
            ContactAddress::Sip(address) => lower(address.user()),
            ContactAddress::Mail(address) => lower(address.as_str().split('@').next().unwrap_or_default()),
            ContactAddress::Tel(_) => return None,
        };
        Self::whole(whole)
    }

    /// The same for a name: "Bob Brown".
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::whole(lower(name.trim()))
    }

    fn whole(whole: Vec<char>) -> Option<Self> {
        if whole.len() < SHORTEST || whole.first() == Some(&'+') {
            return None;
        }
        let mut parts: Vec<Vec<char>> = whole
            .split(|c| !c.is_alphanumeric())
            .filter(|part| part.len() >= SHORTEST)
            .take(4)
            .map(<[char]>::to_vec)
            .collect();
        if parts.len() == 1 && parts.first() == Some(&whole) {
            parts.clear();
        }
        let (whole_signature, part_signatures) =
            (Wanted::of(&whole), parts.iter().map(|part| Wanted::of(part)).collect());
        Some(Self { whole, parts, whole_signature, part_signatures })
    }

    /// Whether somebody with these words may be meant; by the words' signatures alone.
    pub(super) fn may_mean(&self, words: &[Signature]) -> bool {
        let parts = &self.part_signatures;
        self.whole_signature.may_be_among(words)
            || (!parts.is_empty() && parts.iter().all(|part| part.may_be_among(words)))
    }

    /// How unlike the person is, 0 for not at all; `None` for too much.
    pub(super) fn unlikeness(&self, person: &Person) -> Option<u32> {
        let words = words(person);
        let best = |wanted: &Vec<char>| words.iter().filter_map(|word| word_unlikeness(wanted, word)).min();
        let whole = best(&self.whole);
        // All the parts must be there: "alice.adams" is not anybody called Alice.
        let parts = (!self.parts.is_empty())
            .then(|| self.parts.iter().map(best).try_fold(1, |sum, part| part.map(|part| sum + part)))
            .flatten();
        whole.into_iter().chain(parts).min()
    }
}

/// Wrong letters that are forgiven in a word of this length.
const fn allowed(length: usize) -> u8 {
    if length < 5 { 1 } else { 2 }
}

fn word_unlikeness(wanted: &[char], word: &[char]) -> Option<u32> {
    if word.len() > wanted.len() && word.starts_with(wanted) {
        return Some(3);
    }
    distance(wanted, word, usize::from(allowed(wanted.len()))).map(|d| d as u32 * 2)
}

/// Letters to insert, leave out, replace or swap with their neighbour; `None` beyond `most`.
fn distance(a: &[char], b: &[char], most: usize) -> Option<usize> {
    if a.len().abs_diff(b.len()) > most {
        return None;
    }
    let width = b.len() + 1;
    let mut before_last = vec![0; width];
    let mut last: Vec<usize> = (0..width).collect();
    for (row, x) in a.iter().enumerate() {
        let mut current = vec![row + 1; width];
        for (column, y) in b.iter().enumerate() {
            let replaced = last[column] + usize::from(x != y);
            let mut least = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && *x == b[column - 1] && a[row - 1] == *y {
                least = least.min(before_last[column - 1] + 1);
            }
            current[column + 1] = least;
        }
        if current.iter().min().is_some_and(|least| *least > most) {
            return None;
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().filter(|distance| *distance <= most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chars(text: &str) -> Vec<char> {
        text.chars().collect()
    }

    #[test]
    fn distances_count_the_usual_slips() {
        for (a, b, expected) in [
            ("alice", "alice", Some(0)),
            ("alcie", "alice", Some(1)),
            ("alic", "alice", Some(1)),
            ("alixe", "alice", Some(1)),
            ("aliicce", "alice", Some(2)),
            ("bob", "alice", None),
            ("", "", Some(0)),
        ] {
            assert_eq!(distance(&chars(a), &chars(b), 2), expected, "{a} {b}");
        }
    }

    proptest! {
        /// The signature never rules out what the comparison would let through.
        #[test]
        fn signatures_rule_out_nothing_that_is_near(a in "[a-eä0-9.]{3,12}", b in "[a-eä0-9.]{3,12}") {
            let (a, b) = (chars(&a), chars(&b));
            if word_unlikeness(&a, &b).is_some() {
                prop_assert!(Signature::of(&b, 0).may_be_near(&Signature::of(&a, 0), allowed(a.len())));
            }
        }

        #[test]
        fn distance_is_the_same_both_ways(a in "[ab]{0,6}", b in "[ab]{0,6}") {
            prop_assert_eq!(distance(&chars(&a), &chars(&b), 6), distance(&chars(&b), &chars(&a), 6));
        }
    }
}
