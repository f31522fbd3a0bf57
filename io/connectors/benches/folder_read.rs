//! How fast a folder of ten thousand contacts is read whole, every property of every item, beside exchangelib reading the
//! same folder of the same lab in the same run: `cargo bench -p tieline-connectors --bench folder_read`, after
//! `cargo build --release -p tieline`; `TIELINE_FOLDER_ITEMS` says how many. The readers take turns, and the best round
//! of each counts.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tieline_connectors::ews::{EwsOptions, Exchange};
use tieline_model::{
    Clock, Contact, ContactText, Endpoint, EndpointId, Ids, LinkId, MailEntry, MailboxId, PhoneKind, Slot,
    TlsTrust, VoiceFormat, WriteId,
};
use tieline_ports::{
    FolderRef, ItemRef, MailAccount, MailTarget, ReadRecord, RecordOperation, RecordStamp, RecordSystem,
    RecordWritten, RemoteChange, WriteRecord,
};
use tieline_tests::lab::{Lab, PASSWORD, SERVICE_ACCOUNT};
use tieline_tests::process::run;
use tieline_tests::seed::count;
use tieline_tests::site::host_and_port;
use uuid::Uuid;

const ROUNDS: usize = 3;
const WANTED: f64 = 10.0;
/// Items written and items read by one call.
const AT_ONCE: usize = 500;

struct RealClock;

impl Clock for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the clock of the measurement itself")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

impl Ids for RealClock {
    #[expect(clippy::disallowed_methods, reason = "the ids of the measurement itself")]
    fn uuid(&self) -> Uuid {
        Uuid::now_v7()
    }
}

fn main() {
    let many = count("TIELINE_FOLDER_ITEMS", 10_000);
    let folder = tempfile::Builder::new().prefix("tieline-").tempdir().expect("a temporary folder");
    let lab = Lab::start(folder.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let options = EwsOptions { patience: Duration::from_secs(60), ..EwsOptions::default() };
    let exchange = Exchange::new(Arc::new(RealClock), Arc::new(RealClock), options);
    let target = target(&lab);
    runtime.block_on(fill(&exchange, &target, many));
    let (mut own, mut peer) = (Duration::MAX, Duration::MAX);
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        let read = runtime.block_on(read_whole(&exchange, &target));
        own = own.min(begun.elapsed());
        assert_eq!(read, many, "contacts that Tieline did not read");
        peer = peer.min(exchangelib(&lab, many));
    }
    let line = |who: &str, took: Duration| {
        let seconds = took.as_secs_f64();
        println!("{who:12} {seconds:7.2} s  {:8.0} items a second", many as f64 / seconds);
    };
    line("Tieline", own);
    line("exchangelib", peer);
    println!("ratio: {:.1} (at least {WANTED} wanted)", peer.as_secs_f64() / own.as_secs_f64());
}

fn contacts(exchange: &Exchange) -> &dyn RecordSystem<Contact> {
    exchange
}

fn target(lab: &Lab) -> MailTarget {
    let (host, port) = host_and_port(lab.ews());
    let endpoint = Endpoint {
        id: EndpointId::from_uuid(Uuid::from_u128(1)),
        name: "lab".to_owned(),
        address: format!("ews:{host}").parse().expect("an address"),
        port: port.parse().expect("a port"),
        https: false,
        path: Endpoint::DEFAULT_PATH.to_owned(),
        tls: TlsTrust::System,
        authentication: Default::default(),
        voice_format: VoiceFormat::PcmWav,
        server_version: None,
    };
    let user = SERVICE_ACCOUNT.parse().expect("an address");
    let account = MailAccount { endpoint, user, password: PASSWORD.to_owned().into() };
    MailTarget {
        account: Arc::new(account),
        mailbox: MailboxId::from_uuid(Uuid::from_u128(1)),
        address: "alice@lab.example".parse().expect("an address"),
    }
}

fn contact(n: usize) -> Contact {
    let mut contact = Contact { uid: Some(format!("contact-{n}")), ..Contact::default() };
    for field in ContactText::ALL {
        *contact.text_mut(*field) = format!("{field} {n}");
    }
    for slot in Slot::ALL {
        let name = format!("Person {n} {slot}");
        contact.mails.insert(*slot, MailEntry { address: format!("person{n}.{slot}@x.example"), name });
    }
    for kind in PhoneKind::ALL {
        contact.phones.insert(*kind, format!("+44 20 {:04} {n:05}", *kind as u16));
    }
    contact.notes = "What was agreed last time, in a few sentences. ".repeat(6);
    contact
}

async fn fill(exchange: &Exchange, target: &MailTarget, many: usize) {
    let contacts = contacts(exchange);
    let folder = contacts.identify(target).await.expect("the folder").folder;
    for first in (0..many).step_by(AT_ONCE) {
        let writes: Vec<_> = (first..many.min(first + AT_ONCE))
            .map(|n| WriteRecord {
                stamp: RecordStamp {
                    link: LinkId::from_uuid(RealClock.uuid()),
                    write: WriteId::from_uuid(RealClock.uuid()),
                },
                operation: RecordOperation::Create { record: contact(n) },
                picture: None,
            })
            .collect();
        let deadline = RealClock.now() + Duration::from_secs(300);
        let written = contacts.write(target, &folder, &writes, deadline).await.expect("written");
        assert!(written.iter().all(|written| matches!(written, RecordWritten::Done { .. })), "not written");
    }
}

/// What a first synchronization does: the whole listing, then every item.
async fn read_whole(exchange: &Exchange, target: &MailTarget) -> usize {
    let contacts = contacts(exchange);
    let folder: FolderRef = contacts.identify(target).await.expect("the folder").folder;
    let (mut cursor, mut read) = (None, 0);
    loop {
        let page = contacts.list(target, &folder, cursor.as_deref(), 512).await.expect("a page");
        let items: Vec<ItemRef> = page
            .changes
            .into_iter()
            .filter_map(|change| match change {
                RemoteChange::Present { item, .. } => Some(item),
                RemoteChange::Gone { .. } => None,
            })
            .collect();
        for items in items.chunks(AT_ONCE) {
            let found = contacts.read(target, items).await.expect("items");
            read += found.iter().filter(|found| matches!(found, ReadRecord::Found(_))).count();
        }
        cursor = Some(page.cursor);
        if page.complete {
            return read;
        }
    }
}

/// As long as exchangelib says that it took, without its start.
fn exchangelib(lab: &Lab, many: usize) -> Duration {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the source tree");
    let mut command = Command::new(root.join("target/venv/bin/python"));
    command.arg(root.join("tests/judges/exchangelib_folder_read.py"));
    let said = run(command.args([lab.ews(), "alice@lab.example", PASSWORD, &many.to_string()]));
    Duration::from_secs_f64(said.trim().parse().unwrap_or_else(|_| panic!("no time: {said}")))
}
