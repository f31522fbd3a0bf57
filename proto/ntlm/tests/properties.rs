//! Round trips of every message, and bytes that no honest peer sends.
//!
//! `TIELINE_FUZZ_ITERATIONS` sets how many damaged messages are tried, `TIELINE_FUZZ_SEED` repeats a run.

use proptest::prelude::*;
use tieline_proto_ntlm::*;

fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9äöü€. -]{0,20}"
}

fn oem_name() -> impl Strategy<Value = Option<String>> {
    proptest::option::of("[A-Z0-9ä-]{0,15}")
}

fn version() -> impl Strategy<Value = Option<Version>> {
    proptest::option::of(any::<[u8; 8]>().prop_map(Version))
}

fn pairs() -> impl Strategy<Value = AvPairs> {
    let pair = (1u16..12, proptest::collection::vec(any::<u8>(), 0..40));
    proptest::collection::vec(pair, 0..8).prop_map(|pairs| {
        AvPairs(pairs.into_iter().map(|(id, value)| AvPair { id: AvId(id), value }).collect())
    })
}

/// Random flags whose bits for what follows are those that the encoder will set.
fn flags(present: &[(NegotiateFlags, bool)], bits: u32) -> NegotiateFlags {
    present.iter().fold(NegotiateFlags(bits), |flags, (flag, set)| flags.with(*flag, *set))
}

proptest! {
    #[test]
    fn negotiate(bits in any::<u32>(), domain in oem_name(), workstation in oem_name(), version in version()) {
        let flags = flags(&[
            (NegotiateFlags::OEM_DOMAIN_SUPPLIED, domain.is_some()),
            (NegotiateFlags::OEM_WORKSTATION_SUPPLIED, workstation.is_some()),
            (NegotiateFlags::VERSION, version.is_some()),
        ], bits);
        let message = NegotiateMessage { flags, domain, workstation, version };
        prop_assert_eq!(NegotiateMessage::parse(&message.encode().unwrap()).unwrap(), message);
    }

    #[test]
    fn challenge(
        bits in any::<u32>(),
        target_name in name(),
        server_challenge in any::<[u8; 8]>(),
        target_info in proptest::option::of(pairs()),
        version in version(),
    ) {
        let flags = flags(&[
            (NegotiateFlags::UNICODE, true),
            (NegotiateFlags::TARGET_INFO, target_info.is_some()),
            (NegotiateFlags::VERSION, version.is_some()),
        ], bits);
        let message = ChallengeMessage { flags, target_name, server_challenge, target_info, version };
        prop_assert_eq!(ChallengeMessage::parse(&message.encode().unwrap()).unwrap(), message);
    }

    #[test]
    fn authenticate(
        bits in any::<u32>(),
        responses in proptest::array::uniform3(proptest::collection::vec(any::<u8>(), 0..80)),
        names in proptest::array::uniform3(name()),
        version in version(),
        mic in proptest::option::of(any::<[u8; 16]>()),
    ) {
        let flags =
            flags(&[(NegotiateFlags::UNICODE, true), (NegotiateFlags::VERSION, version.is_some())], bits);
        let [lm_response, nt_response, encrypted_session_key] = responses;
        let [domain, user, workstation] = names;
        let message = AuthenticateMessage {
            lm_response, nt_response, domain, user, workstation, encrypted_session_key, flags, version, mic,
        };
        prop_assert_eq!(AuthenticateMessage::parse(&message.encode().unwrap()).unwrap(), message);
    }

    #[test]
    fn blob(time in any::<u64>(), client_challenge in any::<[u8; 8]>(), av_pairs in pairs()) {
        let blob = ClientBlob { time: FileTime(time), client_challenge, av_pairs };
        prop_assert_eq!(ClientBlob::parse(&blob.encode().unwrap()).unwrap(), blob);
    }

    #[test]
    fn a_password_of_any_length_and_script_signs_in(user in name(), password in any::<String>()) {
        prop_assume!(!user.is_empty());
        let mut client = Client::new(Identity::new(&user, &password), Mode::Stream);
        let hello = client.negotiate().unwrap();
        let server = Server::new(names(), Mode::Stream);
        let pending = server.challenge(Some(&hello), [1; 8], FileTime(5)).unwrap();
        let fresh = Fresh { client_challenge: [2; 8], session_key: [3; 16].into(), time: FileTime(5) };
        let done = client.authenticate(pending.message(), &fresh, None, None).unwrap();
        let hash = NtHash::of(&password);
        prop_assert!(pending.accept(&done.message, |_, _| Some(hash), ExtendedProtection::None, None).is_ok());
    }
}

fn names() -> TargetNames {
    TargetNames {
        netbios_domain: "LAB".to_owned(),
        netbios_computer: "BE1".to_owned(),
        dns_domain: "lab.example".to_owned(),
        dns_computer: "be1.lab.example".to_owned(),
    }
}

/// SplitMix64: small, seeded, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.roll() % bound.max(1) as u64) as usize
    }
}

fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// One of them with bytes changed, cut out and added.
fn damaged(originals: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = originals[dice.below(originals.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        match dice.below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, dice.roll() as u8),
            _ if at < bytes.len() => bytes[at] = dice.roll() as u8,
            _ => bytes.push(0xff),
        }
    }
    bytes
}

/// SPNEGO tokens, treated likewise.
#[test]
fn mutated_tokens_are_read_or_refused() {
    let next = |token: &[u8], state, mic| Spnego::Response {
        state,
        chooses_ntlm: true,
        token: Some(token.to_vec()),
        mic,
    };
    let originals = [
        Spnego::init(vec![0x4e; 300]).encode(),
        next(&[1; 40], Some(NegState::AcceptIncomplete), None).encode(),
        next(&[2; 200], None, Some(vec![3; 16])).encode(),
    ];
    let seed = number("TIELINE_FUZZ_SEED", 0x7370_6e65);
    let mut dice = Dice(seed);
    for round in 0..number("TIELINE_FUZZ_ITERATIONS", 5_000) {
        let bytes = damaged(&originals, &mut dice);
        if let Ok(token) = Spnego::parse(&bytes) {
            assert_eq!(Spnego::parse(&token.encode()), Ok(token), "seed {seed}, round {round}: {bytes:02x?}");
        }
    }
}

/// Messages with bytes changed, cut out and added: nothing panics, and what is read can be written and read again.
#[test]
fn mutated_messages_are_read_or_refused() {
    let mut client = Client::new(Identity::new("LAB\\alice", "lab-password"), Mode::Stream);
    let hello = client.negotiate().unwrap();
    let pending = Server::new(names(), Mode::Stream).challenge(Some(&hello), [1; 8], FileTime(5)).unwrap();
    let fresh = Fresh { client_challenge: [2; 8], session_key: [3; 16].into(), time: FileTime(5) };
    let done = client.authenticate(pending.message(), &fresh, None, Some("HTTP/x")).unwrap();
    let originals = [hello.clone(), pending.message().to_owned(), done.message];
    let seed = number("TIELINE_FUZZ_SEED", 0x6e74_6c6d);
    let mut dice = Dice(seed);
    for round in 0..number("TIELINE_FUZZ_ITERATIONS", 5_000) {
        let bytes = damaged(&originals, &mut dice);
        let context = format!("seed {seed}, round {round}: {bytes:02x?}");
        if let Ok(message) = NegotiateMessage::parse(&bytes) {
            NegotiateMessage::parse(&message.encode().expect(&context)).expect(&context);
        }
        if let Ok(message) = ChallengeMessage::parse(&bytes) {
            ChallengeMessage::parse(&message.encode().expect(&context)).expect(&context);
        }
        if let Ok(message) = AuthenticateMessage::parse(&bytes)
            && let Ok(encoded) = message.encode()
        {
            AuthenticateMessage::parse(&encoded).expect(&context);
        }
        let _ = client.authenticate(&bytes, &fresh, None, None);
        let _ = Server::new(names(), Mode::Stream).challenge(Some(&bytes), [1; 8], FileTime(5));
        let hash = NtHash::of("lab-password");
        let answer = pending.accept(&bytes, |_, _| Some(hash), ExtendedProtection::None, None);
        assert!(answer.is_err() || bytes == originals[2] || unprotected(&bytes, &originals[2]), "{context}");
    }
}

/// Whether the change is where neither proof nor MIC look: the bytes of the MIC itself are not, all others are. Equal
/// messages that arose by a change and its reversal count as well.
fn unprotected(changed: &[u8], original: &[u8]) -> bool {
    AuthenticateMessage::parse(changed).ok() == AuthenticateMessage::parse(original).ok()
}
