//! What holds for every value: round trips, and that no bytes from a peer can panic or overflow a limit.
//!
//! `TIELINE_FUZZ_ITERATIONS` sets how many mutated inputs are tried (default 5,000); a failure prints its seed, which
//! `TIELINE_FUZZ_SEED` repeats.

use proptest::prelude::*;
use rand::{Rng, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use tieline_proto_sip::{
    Address, Counts, DialString, Dialog, ExpiryPolicy, Framer, MAX_MESSAGE, Message, MessageClass,
    MessageSummary, Method, Name, Package, Publication, Request, Subscription, Uri, Via, digest, list,
};

fn counts() -> impl Strategy<Value = Counts> {
    (any::<u32>(), any::<u32>(), any::<Option<(u32, u32)>>()).prop_map(|(new, old, urgent)| Counts {
        new,
        old,
        urgent,
    })
}

fn summaries() -> impl Strategy<Value = MessageSummary> {
    let line = "[!-9;-~]{1,12}";
    let blocks = prop::collection::vec(prop::collection::vec((line, "[!-~]{1,3}[ -~]{0,20}"), 1..4), 0..3);
    let classes = prop::sample::subsequence(MessageClass::ALL.to_vec(), 0..=6);
    (any::<bool>(), prop::option::of("sips?:[a-z0-9]{1,9}@[a-z.]{1,12}"), classes, blocks).prop_flat_map(
        |(waiting, account, classes, blocks)| {
            prop::collection::vec(counts(), classes.len()).prop_map(move |counts| MessageSummary {
                waiting,
                account: account.clone(),
                counts: classes.iter().copied().zip(counts).collect(),
                messages: blocks
                    .iter()
                    .map(|b| b.iter().map(|(n, v)| (n.clone(), v.trim().to_owned())).collect())
                    .collect(),
            })
        },
    )
}

proptest! {
    /// Covers: AV-13 (RFC 3842 body)
    #[test]
    fn a_summary_survives_the_wire(summary in summaries()) {
        let body = summary.to_bytes();
        prop_assert_eq!(MessageSummary::parse(&body).unwrap(), summary.clone());
        // A peer that ends its lines with LF alone is read just the same.
        let bare = String::from_utf8(body).unwrap().replace("\r\n", "\n");
        prop_assert_eq!(MessageSummary::parse(bare.as_bytes()).unwrap(), summary);
    }

    #[test]
    fn the_light_is_on_exactly_when_something_new_waits(new in any::<u32>(), old in any::<u32>(), fax in 0_u32..2) {
        let summary = MessageSummary::of(None, [
            (MessageClass::FaxMessage, Counts::new(fax, 0)),
            (MessageClass::VoiceMessage, Counts::new(new, old)),
        ]);
        prop_assert_eq!(summary.waiting, new > 0 || fax > 0);
        prop_assert_eq!(MessageSummary::parse(&summary.to_bytes()).unwrap(), summary);
    }

    #[test]
    fn a_request_survives_the_wire(user in "[a-z0-9*#]{1,8}", body in prop::collection::vec(any::<u8>(), 0..200),
                                   subject in "[ -~]{0,40}") {
        let mut request = Request::new(Method::Notify, format!("sip:{user}@lab.test"));
        request.headers.push(Name::VIA, "SIP/2.0/UDP a;branch=z9hG4bK1");
        request.headers.push(Name::SUBJECT, &subject);
        request.body = body;
        let Message::Request(read) = Message::parse_datagram(&request.to_bytes()).unwrap() else { panic!("request") };
        prop_assert_eq!(&read.body, &request.body);
        prop_assert_eq!(&read.uri, &request.uri);
        prop_assert_eq!(read.headers.first(Name::SUBJECT).unwrap(), subject.trim());
    }

    #[test]
    fn no_header_value_can_start_another_line(value in "\\PC*|[\\x00-\\x20a:]{0,30}") {
        let mut request = Request::new(Method::Options, "sip:a");
        request.headers.push(Name::SUBJECT, &value);
        let text = String::from_utf8(request.to_bytes()).unwrap();
        prop_assert_eq!(text.matches("\r\n").count(), 4, "{:?}", text);
        prop_assert!(!text.replace("\r\n", "").contains(['\r', '\n']));
    }

    #[test]
    fn a_login_is_accepted_with_the_right_password_only(user in "\\PC{1,12}", password in "\\PC{0,12}",
                                                        guess in "\\PC{0,12}", sha in any::<bool>()) {
        use digest::{Algorithm, Challenge, Credentials, Login, Secret, Verdict, Verifier};
        let algorithm = if sha { Algorithm::Sha256 } else { Algorithm::Md5 };
        let mut verifier = Verifier::new("r\"ealm", [1; 32], &[algorithm], 60_000, 1_000);
        let challenges: Vec<_> =
            verifier.challenges(false, 2_000, 9).iter().map(|c| Challenge::parse(c).unwrap()).collect();
        let secret = Secret::Password(password.clone());
        let answer = |password: &str, nc| {
            let login = Login { username: user.clone(), secret: Secret::Password(password.to_owned()) };
            let answer = login.answer(&challenges, "SUBSCRIBE", "sip:a@b", nc, "cnonce").unwrap();
            Credentials::parse(&answer.to_header()).unwrap()
        };
        prop_assert_eq!(verifier.verify(&answer(&password, 1), "SUBSCRIBE", Some(&secret), 3_000), Verdict::Accepted);
        if guess != password {
            let verdict = verifier.verify(&answer(&guess, 2), "SUBSCRIBE", Some(&secret), 3_000);
            prop_assert_eq!(verdict, Verdict::Refused);
        }
    }

    #[test]
    fn a_framer_gives_the_same_messages_however_the_stream_is_cut(cuts in prop::collection::vec(1_usize..60, 1..40)) {
        let stream = SEEDS.join("");
        let whole = frames(&[stream.as_bytes()]);
        let mut rest = stream.as_bytes();
        let mut parts = Vec::new();
        for cut in cuts {
            let (head, tail) = rest.split_at(cut.min(rest.len()));
            parts.push(head);
            rest = tail;
        }
        parts.push(rest);
        prop_assert_eq!(frames(&parts), whole);
    }
}

fn frames(parts: &[&[u8]]) -> Vec<String> {
    let mut framer = Framer::new();
    let mut seen = Vec::new();
    for part in parts {
        framer.push(part);
        while let Some(frame) = framer.next_frame().unwrap() {
            seen.push(format!("{frame:?}"));
        }
    }
    seen
}

/// Messages that peers send, cut short here and there, from which mutations start.
const SEEDS: [&str; 6] = [
    "INVITE sip:7042**1234$$99%2A@vmr.example;user=phone SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1, SIP/2.0/TCP b\r\n\
     Route: <sip:p;lr>\r\nRecord-Route: <sip:q;lr>\r\nMax-Forwards: 70\r\nProxy-Require: x\r\nFrom: <sip:a@b>;tag=1\r\n\
     To: <sip:7042@vmr.example>\r\nCall-ID: q\r\nCSeq: 4 INVITE\r\nContact: <sip:a@10.0.0.9>\r\n\
     X-Tieline-Passcode: 1234\r\nContent-Type: application/sdp\r\nContent-Length: 7\r\n\r\nv=0\r\ns=\r\n",
    "SUBSCRIBE sip:alice@lab.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5062;branch=z9hG4bK-1-1-0;rport\r\n\
     Record-Route: <sip:p1;lr>, <sip:p2;lr=on>\r\nFrom: \"A, B\" <sip:alice@lab.test>;tag=1\r\nTo: <sip:alice@lab.test>\r\n\
     Call-ID: 1-1@127.0.0.1\r\nCSeq: 1 SUBSCRIBE\r\nContact: <sip:alice@127.0.0.1:5062>;expires=60\r\n\
     Event: message-summary;id=4\r\nAccept: application/simple-message-summary\r\nExpires: 600\r\n\
     Authorization: Digest username=\"alice\", realm=\"lab.test\", nonce=\"abc\", uri=\"sip:lab.test\", \
     response=\"0123456789abcdef\", algorithm=MD5, cnonce=\"c\", qop=auth, nc=00000001\r\nContent-Length: 0\r\n\r\n",
    "SIP/2.0 401 Unauthorized\r\nv: SIP/2.0/TCP [::1]:5060;branch=z9hG4bK7\r\nf: <sip:a@b>;tag=x\r\nt: sip:a@b;tag=y\r\n\
     i: 3\r\nCSeq: 2 PUBLISH\r\nWWW-Authenticate: Digest realm=\"a\", nonce=\"b\", algorithm=SHA-256, qop=\"auth,auth-int\"\r\n\
     WWW-Authenticate: Digest realm=\"a\", nonce=\"b\"\r\nRetry-After: 5 (busy)\r\nMin-Expires: 9\r\nl: 0\r\n\r\n",
    "NOTIFY sip:alice@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS h:5061;branch=z9hG4bK2\r\nFrom: <sip:a@b>;tag=1\r\n\
     To: <sip:a@b>;tag=2\r\nCall-ID: q\r\nCSeq: 3 NOTIFY\r\nEvent: message-summary\r\nSubscription-State: active;expires=5\r\n\
     Content-Type: application/simple-message-summary\r\nContent-Length: 95\r\n\r\nMessages-Waiting: yes\r\n\
     Message-Account: sip:alice@vmail.example.com\r\nVoice-Message: 2/8 (0/2)\r\n",
    "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1;received=1.2.3.4;rport=9\r\nFrom: a <sip:a@b>;tag=1\r\n\
     To: <sip:a@b>;tag=2\r\nCall-ID: q\r\nCSeq: 4 PUBLISH\r\nSIP-ETag: a.1\r\nExpires: 3600\r\nContent-Length: 0\r\n\r\n",
    "\r\n\r\n",
];

/// Puts bytes through everything that reads bytes of a peer.
fn read_everything(bytes: &[u8]) {
    let _ = MessageSummary::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        read_values(text);
    }
    let mut framer = Framer::new();
    for chunk in bytes.chunks(97) {
        framer.push(chunk);
        while let Ok(Some(_)) = framer.next_frame() {}
        assert!(framer.buffered() <= MAX_MESSAGE + 97);
    }
    match Message::parse_datagram(bytes) {
        Ok(Message::Request(mut request)) => {
            request.note_source(([192, 0, 2, 1], 5).into());
            let _ = request.check();
            let _ = request.transaction_key();
            let _ = request.respond(200, "tag").to_bytes();
            let _ = Dialog::answering(&request, "t");
            if let Ok(mut subscription) =
                Subscription::accept(&request, "m", &ExpiryPolicy::default(), "t", 0)
            {
                let notify = subscription.notify(None, None, "sip:x", 5).to_bytes();
                assert!(Message::parse_datagram(&notify).is_ok(), "we sent what we cannot read");
                let _ = subscription.refresh(&request, &ExpiryPolicy::default(), 9);
            }
            for value in request.headers.all(Name::AUTHORIZATION) {
                let _ = digest::Credentials::parse(value).map(|c| c.to_header());
            }
            let answer = request.respond(486, "t").because(&request.uri);
            let _ = (request.ack(&answer).is_ok(), request.cancel().is_ok(), answer.passed_back().is_some());
            let _ = request.forwarded("sip:7042@10.0.0.8").map(|onward| onward.to_bytes());
            let _ = (request.invite_key().is_ok(), Dialog::answered(&request, &answer).is_ok());
            let _ = request.uri.parse::<Uri>().map(|uri| DialString::of(&uri));
            let again = Message::parse_datagram(&request.to_bytes());
            assert!(again.is_ok(), "read but not readable once written");
        }
        Ok(Message::Response(response)) => {
            let _ = (response.retry_after(), response.top_via().is_ok(), response.cseq().is_ok());
            let challenges: Vec<_> = response
                .headers
                .all(Name::WWW_AUTHENTICATE)
                .filter_map(|value| digest::Challenge::parse(value).ok())
                .collect();
            let login = digest::Login { username: "u".into(), secret: digest::Secret::Password("p".into()) };
            let _ = login.answer(&challenges, "PUBLISH", "sip:a", 1, "c").map(|c| c.to_header());
            let mut publication =
                Publication::new(Package::MessageSummary, "sip:a@b".parse().unwrap(), "c", "t", 60);
            publication.want(Some(MessageSummary::default().to_string()));
            publication.step(0);
            publication.answered(&response, 1);
            publication.step(2);
        }
        Err(_) => {}
    }
}

fn read_values(text: &str) {
    for line in text.split('\n').take(40) {
        let _ = line.parse::<Uri>().map(|uri| assert_eq!(uri.to_string().parse::<Uri>().unwrap(), uri));
        for element in list(line) {
            let _ = (Address::parse(element).is_ok(), Via::parse(element).is_ok());
        }
        let _ = (digest::Challenge::parse(line).is_ok(), digest::Credentials::parse(line).is_ok());
    }
}

fn mutate(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = SEEDS.choose(rng).unwrap().as_bytes().to_vec();
    for _ in 0..rng.random_range(1..8) {
        let at = rng.random_range(0..=bytes.len());
        let end = (at + rng.random_range(0..30)).min(bytes.len());
        match rng.random_range(0..7) {
            0 if at < bytes.len() => bytes[at] = rng.random(),
            1 => drop(bytes.drain(at..end)),
            2 => bytes.truncate(at),
            3 => {
                let piece = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            4 => {
                let other = SEEDS.choose(rng).unwrap().as_bytes();
                let from = rng.random_range(0..other.len());
                let to = (from + rng.random_range(0..80)).min(other.len());
                bytes.splice(at..at, other[from..to].iter().copied());
            }
            5 => {
                let odd: [&[u8]; 12] = [
                    b"\"",
                    b"<",
                    b">",
                    b",",
                    b";",
                    b"\\",
                    b"\r\n ",
                    b"\n\r\n",
                    b"=",
                    b"99999999999999999999",
                    b"-1",
                    "\u{fffd}\u{0}".as_bytes(),
                ];
                bytes.splice(at..at, odd.choose(rng).unwrap().iter().copied());
            }
            _ => bytes
                .splice(at..end, std::iter::repeat_n(rng.random(), rng.random_range(0..40)))
                .for_each(drop),
        }
    }
    bytes
}

#[test]
fn mutated_messages_never_panic() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<u64>().ok());
    let iterations = number("TIELINE_FUZZ_ITERATIONS").unwrap_or(5_000);
    let first = number("TIELINE_FUZZ_SEED").unwrap_or(0x5150);
    for seed in (0..iterations).map(|n| first.wrapping_add(n)) {
        let bytes = mutate(&mut ChaCha8Rng::seed_from_u64(seed));
        let outcome = std::panic::catch_unwind(|| read_everything(&bytes));
        assert!(outcome.is_ok(), "TIELINE_FUZZ_SEED={seed}: {:?}", String::from_utf8_lossy(&bytes));
    }
}
