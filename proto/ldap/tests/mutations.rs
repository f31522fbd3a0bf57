//! Damaged messages: each is read or refused, without panic, and what is read can be written and read again.
//!
//! `TIELINE_FUZZ_ITERATIONS` sets how many are tried (default 20,000), `TIELINE_FUZZ_SEED` the first seed; a failure
//! prints its own.

use tieline_proto_ldap::{
    Attribute, Authentication, DirSync, Entry, Filter, Message, Operation, Outcome, PagedResults, Password,
    ResultCode, Scope, Search, frame_length, oid,
};

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |text| text.parse().expect("a number"))
}

/// Marsaglia's xorshift: enough to choose what to damage.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let filter: Filter = "(&(objectCategory=person)(|(mail=a@b)(proxyAddresses=smtp:*b*c)(cn:dn:1.2.3:=x))(!(uSNChanged>=42)))"
        .parse()
        .expect("a filter");
    let search = Search {
        base: "dc=lab,dc=example".to_owned(),
        scope: Scope::Subtree,
        size_limit: 50,
        time_limit: 5,
        types_only: false,
        filter,
        attributes: vec!["mail".to_owned(), "objectGUID".to_owned()],
    };
    let entry = Entry {
        dn: "cn=Alice,dc=lab,dc=example".to_owned(),
        attributes: vec![Attribute::new("mail", ["a@b", "c@d"]), Attribute::new("objectGUID", [[0u8; 16]])],
    };
    let referral = Outcome {
        referral: vec!["ldap://other/".to_owned()],
        ..Outcome::failure(ResultCode::REFERRAL, "elsewhere")
    };
    let authentication = Authentication::Simple(Password::new("secret"));
    let paging = PagedResults { size: 500, cookie: vec![7; 20] }.control(true);
    let dir_sync = DirSync { flags: 1, size: 1 << 20, cookie: vec![9; 300] }.control();
    [
        Operation::Bind { version: 3, name: "cn=svc".to_owned(), authentication },
        Operation::BindDone(referral.clone()),
        Operation::Search(Box::new(search)),
        Operation::Entry(entry),
        Operation::SearchDone(Outcome::success()),
        Operation::Extended { name: oid::START_TLS.to_owned(), value: Some(vec![1, 2, 3]) },
        Operation::ExtendedDone { outcome: referral, name: Some(oid::DISCONNECTION.to_owned()), value: None },
        Operation::Abandon(4711),
    ]
    .into_iter()
    .map(|operation| Message::new(5, operation).with([paging.clone(), dir_sync.clone()]).encode())
    .collect()
}

fn damage(bytes: &mut Vec<u8>, other: &[u8], dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len());
        match dice.below(7) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, dice.below(256) as u8),
            2 if !bytes.is_empty() => drop(bytes.remove(at)),
            // Lengths and tags that mean something.
            3 if !bytes.is_empty() => bytes[at] = [0, 0x30, 0x80, 0x84, 0xff, 0xa2, 0x04][dice.below(7)],
            4 => {
                let part = &other[dice.below(other.len())..];
                bytes.splice(at..at, part.iter().copied().take(dice.below(64)));
            }
            5 if !bytes.is_empty() => bytes[at] ^= 1 << dice.below(8),
            _ => bytes.extend_from_slice(other),
        }
    }
}

#[test]
fn damaged_messages_are_read_or_refused() {
    let seeds = seeds();
    let first = setting("TIELINE_FUZZ_SEED", 1);
    let (mut read, mut refused) = (0u64, 0u64);
    for seed in first..first + setting("TIELINE_FUZZ_ITERATIONS", 20_000) {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut bytes = seeds[dice.below(seeds.len())].clone();
        damage(&mut bytes, &seeds[dice.below(seeds.len())], &mut dice);
        let outcome = std::panic::catch_unwind(|| check(&bytes));
        match outcome {
            Ok(true) => read += 1,
            Ok(false) => refused += 1,
            Err(_) => panic!("TIELINE_FUZZ_SEED={seed} TIELINE_FUZZ_ITERATIONS=1: {bytes:02x?}"),
        }
    }
    assert!(
        setting("TIELINE_FUZZ_ITERATIONS", 20_000) < 1000 || (read > 0 && refused > 0),
        "{read} {refused}"
    );
}

/// True when it was read.
fn check(bytes: &[u8]) -> bool {
    let length = frame_length(bytes, 1 << 16);
    if let Ok(Some(length)) = length {
        assert!(length <= 1 << 16);
    }
    let Ok(message) = Message::decode(bytes) else { return false };
    let _ = (PagedResults::find(&message.controls), DirSync::find(&message.controls));
    // `Other` keeps no content, and what followed the operation is gone; the rest is what was understood.
    let again = Message::decode(&message.encode()).expect("what was written is read");
    assert_eq!(again, message);
    if let Operation::Search(search) = &message.operation {
        let text = search.filter.to_string();
        if let Ok(filter) = text.parse::<Filter>() {
            assert_eq!(filter.to_string(), text);
        }
    }
    true
}
