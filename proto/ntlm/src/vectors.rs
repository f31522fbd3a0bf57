//! The worked example of [MS-NLMP] section 4.2.4 (NTLMv2 authentication), message by message and key by key.

use crate::crypto::{NtHash, rc4_key};
use crate::response::{ClientBlob, prove, prove_lm};
use crate::server::Pending;
use crate::session::{Role, Session};
use crate::*;

const SERVER_CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];
const CLIENT_CHALLENGE: [u8; 8] = [0xaa; 8];
const RANDOM_SESSION_KEY: [u8; 16] = [0x55; 16];

const CHALLENGE: &str = "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef\
    0000000000000000240024004400000006007017000000 0f530065007200760065007200 02000c0044006f006d00610069006e00\
    01000c005300650072007600650072 0000000000";

const AUTHENTICATE: &str = "4e544c4d5353500003000000180018006c00000054005400840000000c000c00\
    480000000800080054000000100010005c00000010001000d8000000358288e2 0501280a0000000f\
    44006f006d00610069006e00 5500730065007200 43004f004d0050005500540045005200\
    86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa\
    68cd0ab851e51c96aabc927bebef6a1c 01010000000000000000000000000000aaaaaaaaaaaaaaaa00000000\
    02000c0044006f006d00610069006e0001000c005300650072007600650072000000000000000000\
    c5dad2544fc979909 4ce1ce90bc9d03e";

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn blob() -> ClientBlob {
    let mut av_pairs = AvPairs::default();
    av_pairs.set_text(AvId::NB_DOMAIN_NAME, "Domain");
    av_pairs.set_text(AvId::NB_COMPUTER_NAME, "Server");
    ClientBlob { time: FileTime(0), client_challenge: CLIENT_CHALLENGE, av_pairs }
}

#[test]
fn section_4_2_4_1_keys() {
    let key = NtHash::of("Password").response_key("User", "Domain");
    assert_eq!(key.to_vec(), hex("0c868a403bfd7a93a3001ef22ef02e3f"));
    let proof = prove(&key, SERVER_CHALLENGE, &blob().encode().unwrap());
    assert_eq!(proof.session_base_key.to_vec(), hex("8de40ccadbc14a82f15cb0ad0de95ca3"));
    assert_eq!(
        rc4_key(&proof.session_base_key, RANDOM_SESSION_KEY).to_vec(),
        hex("c5dad2544fc9799094ce1ce90bc9d03e")
    );
}

#[test]
fn section_4_2_4_2_results() {
    let key = NtHash::of("Password").response_key("User", "Domain");
    let lm = prove_lm(&key, SERVER_CHALLENGE, CLIENT_CHALLENGE);
    assert_eq!(lm, hex("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"));
    let proof = prove(&key, SERVER_CHALLENGE, &blob().encode().unwrap());
    assert_eq!(proof.nt_response[..16], hex("68cd0ab851e51c96aabc927bebef6a1c"));
}

#[test]
fn section_4_2_4_3_messages() {
    let bytes = hex(CHALLENGE);
    let challenge = ChallengeMessage::parse(&bytes).unwrap();
    assert_eq!((challenge.target_name.as_str(), challenge.server_challenge), ("Server", SERVER_CHALLENGE));
    let info = challenge.target_info.as_ref().unwrap();
    assert_eq!(info.text(AvId::NB_DOMAIN_NAME).as_deref(), Some("Domain"));
    assert_eq!(challenge.encode().unwrap(), bytes);

    let message = AuthenticateMessage::parse(&hex(AUTHENTICATE)).unwrap();
    let names = (message.domain.as_str(), message.user.as_str(), message.workstation.as_str());
    assert_eq!(names, ("Domain", "User", "COMPUTER"));
    assert_eq!(message.mic, None);
    let (_, sent) = message.nt_response.split_at(16);
    assert_eq!(ClientBlob::parse(sent).unwrap(), blob());
}

#[test]
fn a_server_believes_the_client_of_the_example_and_nobody_else() {
    let password = |user: &str, domain: &str| {
        assert_eq!((user, domain), ("User", "Domain"));
        Some(NtHash::of("Password"))
    };
    let pending = Pending::of_example(hex(CHALLENGE), SERVER_CHALLENGE);
    let accepted = pending.accept(&hex(AUTHENTICATE), password, ExtendedProtection::Allow, None).unwrap();
    assert_eq!((accepted.user.as_str(), accepted.workstation.as_str()), ("User", "COMPUTER"));
    let wrong = |_: &str, _: &str| Some(NtHash::of("password"));
    let refused = pending.accept(&hex(AUTHENTICATE), wrong, ExtendedProtection::Allow, None).unwrap_err();
    assert_eq!(refused, NtlmError::WrongPassword);
    let mut other = Pending::of_example(hex(CHALLENGE), [0; 8]);
    let refused = other.accept(&hex(AUTHENTICATE), password, ExtendedProtection::Allow, None).unwrap_err();
    assert_eq!(refused, NtlmError::WrongPassword, "an answer to another challenge");
    other = Pending::of_example(hex(CHALLENGE), SERVER_CHALLENGE);
    let refused = other.accept(&hex(AUTHENTICATE), password, ExtendedProtection::Require, None).unwrap_err();
    assert_eq!(refused, NtlmError::ChannelBinding, "the example knows no bindings");
}

#[test]
fn section_4_2_4_4_sealing() {
    let flags = ChallengeMessage::parse(&hex(CHALLENGE)).unwrap().flags;
    let plain: Vec<u8> = "Plaintext".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut client = Session::new(&RANDOM_SESSION_KEY, flags, Role::Client);
    let mut message = plain.clone();
    let signature = client.seal(&mut message);
    assert_eq!(message, hex("54e50165bf1936dc996020c1811b0f06fb5f"));
    assert_eq!(signature.to_vec(), hex("010000007fb38ec5c55d497600000000"));
    let mut server = Session::new(&RANDOM_SESSION_KEY, flags, Role::Server);
    server.unseal(&mut message, &signature).unwrap();
    assert_eq!(message, plain);
}

/// RFC 4121 section 4.1.1.2, written out: four empty fields, the length, the data.
#[test]
fn channel_bindings_are_the_md5_of_the_structure() {
    let binding = ChannelBinding::tls_server_end_point(&[0x11; 32]);
    let mut structure = vec![0; 16];
    structure.extend_from_slice(&(21u32 + 32).to_le_bytes());
    structure.extend_from_slice(b"tls-server-end-point:");
    structure.extend_from_slice(&[0x11; 32]);
    assert_eq!(binding.0, crate::crypto::md5(&[&structure]));
}
