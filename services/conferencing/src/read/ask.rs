//! Which room an invitation asks for, and with which codes: from the add-in's block, the location, or the text.
//!
//! The block is one bracket, so that folding, quoting and markup leave it whole:
//!
//! ```text
//! [tieline-conference number=7042 passcode=1234 chairperson=567890]
//! ```
//!
//! It is read generously: people edit it. In a location or text, a keyword (`@vmr`, `VMR 7042`), a dial string
//! (`sip:7042@vmr.example`) or, as a whole part of the location, a number of the policy's ranges asks for a room.

use tieline_model::{AskedIn, Passcode, Problem, RoomNumber};

use crate::Policy;

/// The word that begins a block, without separators.
const BLOCK: &str = "tieline-conference";
/// A block does not go on for ever when its end was lost.
const LONGEST_BLOCK: usize = 300;
/// Codes stand this near to a number in a location or text.
const NEAR: usize = 80;
/// More numbers than these are not listed.
const MOST_NUMBERS: usize = 5;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) number: Option<RoomNumber>,
    pub(crate) asked_in: AskedIn,
    pub(crate) conference: Option<Passcode>,
    pub(crate) chairperson: Option<Passcode>,
    pub(crate) problems: Vec<Problem>,
}

/// What one place says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Said {
    asked: bool,
    numbers: Vec<RoomNumber>,
    nonsense: Option<String>,
    conference: Option<Passcode>,
    chairperson: Option<Passcode>,
}

/// Looks in the block first, then the location, then the text. Where two places name different rooms, that is a
/// problem: nobody can know which one is meant.
pub(crate) fn ask(location: &str, body: &str, policy: &Policy) -> Ask {
    let mut block = Said::default();
    let mut rest = String::new();
    for (nth, part) in [location, "\n", body].into_iter().enumerate() {
        let outside = blocks(part, &mut block);
        if nth == 2 {
            rest = outside;
        }
    }
    let mut in_location = Said::default();
    let location = blocks(location, &mut Said::default());
    for part in location.split([';', ',', '|', '\n']) {
        words(part, policy, true, &mut in_location);
    }
    let mut in_body = Said::default();
    for line in rest.lines() {
        words(line, policy, false, &mut in_body);
    }
    let places = [(AskedIn::Block, block), (AskedIn::Location, in_location), (AskedIn::Body, in_body)];
    let mut ask = Ask {
        number: None,
        asked_in: AskedIn::Nowhere,
        conference: None,
        chairperson: None,
        problems: Vec::new(),
    };
    let mut numbers: Vec<RoomNumber> = Vec::new();
    for (place, said) in places {
        if !said.asked {
            continue;
        }
        // A dial string in the text beside a block or location is often quoted from elsewhere: the nearer place counts.
        let counts = place != AskedIn::Body || numbers.is_empty();
        if ask.asked_in == AskedIn::Nowhere || (numbers.is_empty() && !said.numbers.is_empty()) {
            ask.asked_in = place;
        }
        if counts {
            numbers.extend(said.numbers);
            if let (Some(text), true) = (said.nonsense, numbers.is_empty()) {
                ask.problems.push(Problem::Number { text });
            }
        }
        ask.conference = ask.conference.or(said.conference);
        ask.chairperson = ask.chairperson.or(said.chairperson);
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers.truncate(MOST_NUMBERS);
    if numbers.len() > 1 {
        ask.problems.push(Problem::SeveralNumbers { numbers });
    } else {
        ask.number = numbers.into_iter().next();
    }
    if ask.number.is_some() {
        ask.problems.retain(|problem| !matches!(problem, Problem::Number { .. }));
    }
    ask.problems.truncate(2);
    ask
}

/// Reads the blocks in a text and returns what stands outside them.
fn blocks(text: &str, said: &mut Said) -> String {
    let lower = text.to_ascii_lowercase().replace(['_', ' '], "-");
    let mut outside = String::new();
    let mut at = 0;
    while let Some(found) = lower.get(at..).and_then(|rest| rest.find(BLOCK)).map(|found| at + found) {
        outside.push_str(text.get(at..found).unwrap_or_default().trim_end_matches('['));
        let from = found + BLOCK.len();
        let rest = text.get(from..).unwrap_or_default();
        let end = rest
            .char_indices()
            .find(|(index, c)| *c == ']' || *index >= LONGEST_BLOCK)
            .map_or(rest.len(), |(index, _)| index);
        let inside = rest.get(..end).unwrap_or_default();
        said.asked = true;
        fields(inside, said, true);
        at = from + end;
    }
    outside.push_str(text.get(at..).unwrap_or_default());
    outside
}

/// `key=value`, `key: value`, `key value`; what is no key is passed over.
fn fields(text: &str, said: &mut Said, with_number: bool) {
    let split = |c: char| c.is_whitespace() || "=:;,[]\"'<>()".contains(c);
    let mut tokens = text.split(split).filter(|token| !token.is_empty()).peekable();
    while let Some(token) = tokens.next() {
        let key = token.to_ascii_lowercase().replace(['-', '_', '.'], "");
        // A value that was deleted leaves the next key in its place.
        let mut value = || tokens.next_if(|next| !is_key(next));
        match key.as_str() {
            "number" | "vmr" | "room" if with_number => match value() {
                Some(text) => number(text, said),
                None => said.nonsense = Some(String::new()),
            },
            "passcode" | "pin" | "conferencepasscode" => {
                said.conference = value().map(Passcode::new).or_else(|| said.conference.take());
            }
            "chairperson" | "chairpersonpasscode" | "chair" | "hostpin" => {
                let mut code = value();
                // "chairperson passcode: 1234"
                if code.is_none() && tokens.next_if(|next| next.eq_ignore_ascii_case("passcode")).is_some() {
                    code = tokens.next_if(|next| !is_key(next));
                }
                said.chairperson = code.map(Passcode::new).or_else(|| said.chairperson.take());
            }
            _ => {}
        }
    }
}

fn is_key(token: &str) -> bool {
    let key = token.to_ascii_lowercase();
    ["number", "vmr", "room", "passcode", "pin", "chairperson", "chair"].contains(&key.as_str())
}

fn number(text: &str, said: &mut Said) {
    match text.trim_end_matches(['.', '!', '?', '#']).parse::<RoomNumber>() {
        Ok(number) => said.numbers.push(number),
        Err(_) => said.nonsense = Some(text.chars().take(40).collect()),
    }
}

/// Keywords, dial strings and, in a location, bare numbers.
fn words(part: &str, policy: &Policy, in_location: bool, said: &mut Said) {
    let part = part.trim();
    let known = |number: &RoomNumber| policy.numbers.iter().any(|range| range.has(number));
    if in_location
        && let Ok(number) = part.parse::<RoomNumber>()
        && known(&number)
    {
        said.asked = true;
        said.numbers.push(number);
        return;
    }
    for keyword in &policy.reading.keywords {
        if let Some(rest) = after_keyword(part, keyword) {
            keyword_found(rest, keyword, in_location, said);
            break;
        }
    }
    let delimiter = |c: char| c.is_whitespace() || "<>\"'()[];,".contains(c);
    for word in part.split(delimiter) {
        if let Some(dialled) = dial_string(word, policy)
            && let Ok(number) = dialled.parse::<RoomNumber>()
        {
            said.asked = true;
            if !said.numbers.contains(&number) {
                said.numbers.push(number);
            }
        }
    }
}

/// What follows a keyword that stands as a word of its own, or with a number right behind it.
fn after_keyword<'a>(part: &'a str, keyword: &str) -> Option<&'a str> {
    let (lower, keyword) = (part.to_ascii_lowercase(), keyword.trim().to_ascii_lowercase());
    lower.match_indices(&keyword).find_map(|(at, _)| {
        let rest = part.get(at + keyword.len()..)?;
        let before = part.get(..at)?.chars().next_back();
        let alone = before.is_none_or(|c| !c.is_alphanumeric() && c != '@' && c != '-' && c != '.')
            && rest.chars().next().is_none_or(|c| !c.is_alphabetic() && c != '.' && c != '-' && c != '@');
        alone.then_some(rest)
    })
}

fn keyword_found(rest: &str, keyword: &str, in_location: bool, said: &mut Said) {
    let rest = rest.trim_start_matches([' ', ':', '#', '=']);
    let rest = ["no.", "nr.", "number"]
        .iter()
        .find_map(|word| {
            rest.get(..word.len()).filter(|start| start.eq_ignore_ascii_case(word))?;
            rest.get(word.len()..)
        })
        .unwrap_or(rest)
        .trim_start();
    let end = rest.find(|c: char| c.is_whitespace() || "/()<>[]\"'".contains(c)).unwrap_or(rest.len());
    let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let numeric = word.starts_with(|c: char| c.is_ascii_digit());
    // In a text, a word such as "vmr" alone says nothing; one that begins with a sign is meant.
    if !numeric && !in_location && !keyword.starts_with('@') {
        return;
    }
    said.asked = true;
    if numeric {
        // `@vmr 7042@vmr.example`
        number(word.split('@').next().unwrap_or(word), said);
        let near = after.char_indices().nth(NEAR).map_or(after, |(at, _)| after.get(..at).unwrap_or(after));
        fields(near, said, false);
    }
}

/// The user part of a dial string that leads to a room here.
fn dial_string<'a>(word: &'a str, policy: &Policy) -> Option<&'a str> {
    let lower = word.to_ascii_lowercase();
    let scheme = ["sip:", "sips:", "h323:"].into_iter().find(|scheme| lower.starts_with(scheme));
    let rest = word.get(scheme.map_or(0, str::len)..)?;
    let (user, host) = match rest.split_once('@') {
        Some((user, host)) => (user, host.split([';', '?', ':', '/']).next().unwrap_or_default()),
        None if scheme == Some("h323:") => return Some(rest),
        None => return None,
    };
    let ours = policy
        .reading
        .domains
        .iter()
        .any(|domain| domain.eq_ignore_ascii_case(host.trim_end_matches(['.', '!', '?'])));
    ours.then_some(user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy() -> Policy {
        Policy::parse("numbers = [\"7000-7999\"]\n[reading]\ndomains = [\"vmr.example\"]").unwrap()
    }

    fn asked(location: &str, body: &str) -> (Option<String>, AskedIn) {
        let ask = ask(location, body, &policy());
        (ask.number.map(String::from), ask.asked_in)
    }

    fn room(number: &str, place: AskedIn) -> (Option<String>, AskedIn) {
        (Some(number.to_owned()), place)
    }

    /// Covers: PO-01 (reading)
    #[test]
    fn the_block_is_read_however_it_was_edited() {
        for text in [
            "[tieline-conference number=7042 passcode=1234 chairperson=567890]",
            "> [Tieline-Conference  number: 7042;\n> passcode: 1234; chairperson passcode: 567890]",
            "tieline conference\nNumber = \"7042\"\nPasscode = 1234\nChairperson: 567890",
            "[tieline_conference room=7042, pin=1234, chair=567890",
        ] {
            let ask = ask("", &format!("See you there.\n{text}\nAlice"), &policy());
            assert_eq!(ask.number.unwrap().as_str(), "7042", "{text}");
            assert_eq!(ask.conference.unwrap().reveal(), "1234", "{text}");
            assert_eq!(ask.chairperson.unwrap().reveal(), "567890", "{text}");
            assert_eq!((ask.asked_in, ask.problems), (AskedIn::Block, Vec::new()), "{text}");
        }
    }

    /// Covers: PO-09
    #[test]
    fn locations_name_rooms_in_many_ways() {
        for location in [
            "7042",
            "Berlin 3.14; 7042",
            "@vmr 7042",
            "@VMR7042",
            "VMR 7042 (Berlin)",
            "Room 5, vmr no. 7042",
            "sip:7042@vmr.example",
            "<sips:7042@VMR.example;transport=tls>",
            "7042@vmr.example",
            "h323:7042",
            "@meet #7042",
        ] {
            assert_eq!(asked(location, ""), room("7042", AskedIn::Location), "{location}");
        }
        for nothing in [
            "",
            "Berlin 3.14",
            "4711",
            "bob@vmr.example.org",
            "7042@elsewhere.example",
            "svmr 7042",
            "vmr-lab",
        ] {
            assert_eq!(asked(nothing, ""), (None, AskedIn::Nowhere), "{nothing}");
        }
        assert_eq!(asked("@vmr", ""), (None, AskedIn::Location), "any room");
    }

    #[test]
    fn texts_name_rooms_by_keyword_or_dial_string_only() {
        assert_eq!(asked("", "Dial in: sip:7042@vmr.example"), room("7042", AskedIn::Body));
        assert_eq!(asked("Berlin", "please @vmr"), (None, AskedIn::Body));
        assert_eq!(asked("", "our vmr is nice, call 7042"), (None, AskedIn::Nowhere));
        assert_eq!(asked("@vmr 7042", "last week: sip:7043@vmr.example"), room("7042", AskedIn::Location));
    }

    #[test]
    fn two_places_that_disagree_are_a_problem() {
        let ask = ask("VMR 7043", "[tieline-conference number=7042]", &policy());
        let numbers = ["7042", "7043"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!((ask.number, ask.problems), (None, vec![Problem::SeveralNumbers { numbers }]));
    }

    #[test]
    fn what_is_no_number_is_named() {
        for (location, body, text) in [
            ("VMR 70x42", "", "70x42"),
            ("", "[tieline-conference number=7O42 passcode=1234]", "7O42"),
            ("", "[tieline-conference number= passcode=1234]", ""),
        ] {
            let ask = ask(location, body, &policy());
            assert_eq!(ask.problems, [Problem::Number { text: text.to_owned() }], "{location} {body}");
        }
    }

    #[test]
    fn codes_may_stand_behind_the_number() {
        let ask = ask("@vmr 7042 pin 1234", "", &policy());
        assert_eq!(ask.conference.unwrap().reveal(), "1234");
    }

    proptest! {
        #[test]
        fn any_text_is_read(location in ".{0,80}", body in "(?s).{0,400}", tail in "(?s).{0,40}") {
            let _ = ask(&location, &body, &policy());
            let _ = ask(&format!("@vmr{location}"), &format!("{body}[tieline-conference{tail}"), &policy());
        }
    }
}
