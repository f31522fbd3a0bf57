//! Look-ups per second, their 99th percentile and the memory of the cache, with 200,000 people.
//!
//! Run with `cargo bench -p tieline-directory`; the number of people is the first argument. Memory is what the process
//! holds more than before, beside the cache's own estimate. The peer is a plain `HashMap` from address to person,
//! measured in the same run.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tieline_directory::{DirectoryConfig, LdapDirectory};
use tieline_model::{ContactAddress, DialPlan, DirectoryId, ManualClock, Person, PhoneNumber};
use tieline_ports::{Directory, Found};

const LOOKUPS: usize = 1_000_000;

fn main() {
    let people = std::env::args().skip(1).find_map(|text| text.parse().ok()).unwrap_or(200_000);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    // Nobody listens there: the directory is down, and every answer comes from the cache.
    let server = "ldap+plain://127.0.0.1:9".parse().expect("an address");
    let config = DirectoryConfig::openldap(vec![server], vec!["dc=example".to_owned()]);
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let directory = LdapDirectory::new(config, clock).expect("a directory");

    let before = resident_bytes();
    let begun = Instant::now();
    directory.preload((0..people).map(person));
    println!("{people} people entered in {:.2} s", begun.elapsed().as_secs_f64());
    let status = directory.status();
    let held = resident_bytes().saturating_sub(before);
    println!(
        "memory: {:.1} MB more than before ({} bytes a person), own estimate {:.1} MB",
        mega(held),
        held / people,
        mega(status.bytes)
    );

    let contacts: Vec<_> = (0..10_000).map(|n| contact(n * 7919 % people, n)).collect();
    report(
        "cache",
        &measure(&contacts, |contact| {
            let answer = runtime.block_on(directory.resolve(contact));
            assert!(matches!(black_box(answer).found, Found::One(_)));
        }),
    );
    let plain: HashMap<String, Person> =
        (0..people).map(|n| (format!("p{n}@uc.example.com"), person(n))).collect();
    let keys: Vec<_> = (0..10_000).map(|n| format!("p{}@uc.example.com", n * 7919 % people)).collect();
    report("plain map of whole people", &measure(&keys, |key| drop(black_box(plain.get(key).cloned()))));

    // "Did you mean" looks at everybody; the directory is down, so that it is all that is measured.
    let strangers: Vec<_> =
        (0..200).map(|n| parse(&format!("sip:alcie.adms{n}@elsewhere.example"))).collect();
    let mut times = Vec::new();
    for stranger in &strangers {
        let begun = Instant::now();
        let nearest = runtime.block_on(directory.nearest(stranger));
        times.push(begun.elapsed());
        black_box(nearest);
    }
    report("did you mean", &times);
}

fn measure<T>(inputs: &[T], mut ask: impl FnMut(&T)) -> Vec<Duration> {
    let mut times = Vec::with_capacity(LOOKUPS);
    for input in inputs.iter().cycle().take(LOOKUPS) {
        let begun = Instant::now();
        ask(input);
        times.push(begun.elapsed());
    }
    times
}

fn report(what: &str, times: &[Duration]) {
    let total: Duration = times.iter().sum();
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let percentile = |share: usize| sorted.get(sorted.len() * share / 1000).copied().unwrap_or_default();
    println!(
        "{what}: {:.0} a second on one core, p50 {:?}, p99 {:?}, p99.9 {:?}, longest {:?}",
        times.len() as f64 / total.as_secs_f64(),
        percentile(500),
        percentile(990),
        percentile(999),
        sorted.last().copied().unwrap_or_default()
    );
}

/// As a company's people are: a few domains and departments, mail and SIP address, an alias, two numbers.
fn person(number: usize) -> Person {
    const GIVEN: [&str; 16] = [
        "Alice",
        "Bob",
        "Carol",
        "David",
        "Erika",
        "Frank",
        "Greta",
        "Henry",
        "Ines",
        "Jonas",
        "Katharina",
        "Lars",
        "Maria",
        "Nikolai",
        "Olga",
        "Peter",
    ];
    const FAMILY: [&str; 12] = [
        "Adams", "Brown", "Clark", "Dietrich", "Evans", "Fischer", "Garcia", "Huber", "Ivanov", "Jansen",
        "Kowalski", "Lindgren",
    ];
    let (given, family) = (GIVEN[number % 16], FAMILY[number / 16 % 12]);
    let id = format!("{:08x}-52a1-4f00-8000-{:012x}", number.wrapping_mul(2_654_435_761) as u32, number);
    let mut person = Person::named(DirectoryId::new(&id).expect("an id"), format!("{given} {family}"));
    let mail = format!("{given}.{family}{number}@corp.example.com");
    person.mail = Some(mail.parse().expect("an address"));
    person.proxy_addresses = vec![format!("u{number:06}@corp.example.com").parse().expect("an address")];
    person.sip = vec![format!("p{number}@uc.example.com").parse().expect("an address")];
    person.login = Some(format!("u{number:06}@corp.example.com"));
    let plan = DialPlan::default();
    person.phones = [format!("+49 30 {:08}", number), format!("+49 170 {:08}", number)]
        .iter()
        .filter_map(|text| PhoneNumber::parse(text, &plan))
        .collect();
    person.department = Some(format!("Department {}", number % 300));
    person.company = Some(format!("Company {}", number % 8));
    person
}

fn contact(number: usize, kind: usize) -> ContactAddress {
    parse(&match kind % 3 {
        0 => format!("sip:p{number}@uc.example.com"),
        1 => format!("mailto:u{number:06}@corp.example.com"),
        _ => format!("tel:+4930{number:08}"),
    })
}

fn parse(text: &str) -> ContactAddress {
    ContactAddress::parse(text, &DialPlan::default()).expect("a contact")
}

fn mega(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}

/// The second number of Linux's `statm`, in pages of 4096 bytes.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
