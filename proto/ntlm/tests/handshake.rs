//! Client and server against each other: what both sides agree on, and what a man in the middle cannot do.

use tieline_proto_ntlm::*;

const NOW: FileTime = FileTime(134_000_000_000_000_000);

fn server(mode: Mode) -> Server {
    let names = TargetNames {
        netbios_domain: "LAB".to_owned(),
        netbios_computer: "LAB-BE1".to_owned(),
        dns_domain: "lab.example".to_owned(),
        dns_computer: "mail.lab.example".to_owned(),
    };
    Server::new(names, mode)
}

fn fresh() -> Fresh {
    Fresh { client_challenge: [7; 8], session_key: [9; 16].into(), time: FileTime(1) }
}

fn password(user: &str, domain: &str) -> Option<NtHash> {
    let known = user.eq_ignore_ascii_case("alice") && domain.eq_ignore_ascii_case("lab");
    let by_principal_name = user == "alice@lab.example" && domain.is_empty();
    (known || by_principal_name).then(|| NtHash::of("lab-password"))
}

/// One handshake on a connection with this binding on the client's and on the server's side.
fn handshake(
    logon: &str,
    secret: &str,
    protection: ExtendedProtection,
    bindings: [Option<ChannelBinding>; 2],
) -> Result<(Session, Session), NtlmError> {
    let mut client = Client::new(Identity::new(logon, secret), Mode::Stream);
    let hello = client.negotiate()?;
    let pending = server(Mode::Stream).challenge(Some(&hello), [3; 8], NOW)?;
    let done =
        client.authenticate(pending.message(), &fresh(), bindings[0], Some("HTTP/mail.lab.example"))?;
    let accepted = pending.accept(&done.message, password, protection, bindings[1])?;
    assert_eq!(accepted.target.as_deref(), Some("HTTP/mail.lab.example"));
    Ok((done.session, accepted.session))
}

#[test]
fn every_form_of_the_logon_name_signs_in() {
    for logon in ["LAB\\alice", "lab\\Alice", "alice@lab.example"] {
        handshake(logon, "lab-password", ExtendedProtection::None, [None; 2]).expect(logon);
    }
    for (logon, secret) in [("LAB\\alice", "Lab-password"), ("LAB\\bob", "lab-password"), ("alice", "")] {
        let refused = handshake(logon, secret, ExtendedProtection::None, [None; 2]).unwrap_err();
        assert_eq!(refused, NtlmError::WrongPassword, "{logon}");
    }
}

#[test]
fn both_ends_hold_the_same_keys() {
    let (mut client, mut server) =
        handshake("LAB\\alice", "lab-password", ExtendedProtection::None, [None; 2]).unwrap();
    for (number, text) in ["first", "second", ""].into_iter().enumerate() {
        let signature = client.sign(text.as_bytes());
        server.verify(text.as_bytes(), &signature).unwrap_or_else(|error| panic!("{number}: {error}"));
        let mut answer = text.as_bytes().to_vec();
        let signature = server.seal(&mut answer);
        client.unseal(&mut answer, &signature).unwrap();
        assert_eq!(answer, text.as_bytes());
    }
    let signature = client.sign(b"pay 10");
    assert_eq!(server.verify(b"pay 99", &signature), Err(NtlmError::BadSignature));
}

#[test]
fn a_datagram_is_signed_under_a_number_that_both_ends_know() {
    let mut client = Client::new(Identity::new("LAB\\alice", "lab-password"), Mode::Datagram);
    let pending = server(Mode::Datagram).challenge(None, [3; 8], NOW).unwrap();
    let done = client.authenticate(pending.message(), &fresh(), None, None).unwrap();
    let accepted = pending.accept(&done.message, password, ExtendedProtection::None, None).unwrap();
    assert_eq!((done.session.mode(), accepted.session.mode()), (Mode::Datagram, Mode::Datagram));
    for message in ["<NTLM><1>", "<NTLM><2>"] {
        let signature = done.session.sign_datagram(100, message.as_bytes());
        accepted.session.verify_datagram(100, message.as_bytes(), &signature).unwrap();
        assert_eq!(signature[12..], 100u32.to_le_bytes());
        assert!(accepted.session.verify_datagram(101, message.as_bytes(), &signature).is_err());
        assert!(done.session.verify_datagram(100, message.as_bytes(), &signature).is_err(), "its own echo");
    }
    assert!(client.negotiate().is_ok());
}

#[test]
fn an_answer_relayed_over_another_tls_connection_is_worthless() {
    let binding = |byte| Some(ChannelBinding::tls_server_end_point(&[byte; 32]));
    use ExtendedProtection::{Allow, None as Off, Require};
    let table = [
        (Off, [binding(1), binding(2)], true),
        (Allow, [binding(1), binding(1)], true),
        (Allow, [None, binding(1)], true),
        (Allow, [binding(1), binding(2)], false),
        (Allow, [binding(1), None], true),
        (Require, [binding(1), binding(1)], true),
        (Require, [None, binding(1)], false),
        (Require, [binding(1), binding(2)], false),
        (Require, [None, None], false),
    ];
    for (protection, bindings, good) in table {
        let result = handshake("LAB\\alice", "lab-password", protection, bindings);
        let expected = if good { None } else { Some(NtlmError::ChannelBinding) };
        assert_eq!(result.err(), expected, "{protection:?} {bindings:?}");
    }
}

#[test]
fn a_changed_message_is_noticed() {
    let mut client = Client::new(Identity::new("LAB\\alice", "lab-password"), Mode::Stream);
    let hello = client.negotiate().unwrap();
    let pending = server(Mode::Stream).challenge(Some(&hello), [3; 8], NOW).unwrap();
    let done = client.authenticate(pending.message(), &fresh(), None, None).unwrap();
    let accept = |bytes: &[u8]| pending.accept(bytes, password, ExtendedProtection::None, None);
    accept(&done.message).unwrap();
    // The workstation stands outside the proof; only the MIC covers it. So do the flags.
    let mut message = AuthenticateMessage::parse(&done.message).unwrap();
    message.workstation = "ELSEWHERE".to_owned();
    assert_eq!(accept(&message.encode().unwrap()).unwrap_err(), NtlmError::MessageIntegrity);
    message.mic = None;
    message.version = None;
    assert_eq!(accept(&message.encode().unwrap()).unwrap_err(), NtlmError::MessageIntegrity, "MIC cut out");
    // A hello that asked for less than the client did.
    let weaker = NegotiateMessage {
        flags: NegotiateMessage::parse(&hello).unwrap().flags.with(NegotiateFlags::KEY_128, false),
        domain: None,
        workstation: None,
        version: Some(Version::WINDOWS_10),
    };
    let pending = server(Mode::Stream).challenge(Some(&weaker.encode().unwrap()), [3; 8], NOW).unwrap();
    let done = client.authenticate(pending.message(), &fresh(), None, None).unwrap();
    let refused = pending.accept(&done.message, password, ExtendedProtection::None, None).unwrap_err();
    assert_eq!(refused, NtlmError::MessageIntegrity);
}

#[test]
fn version_1_and_nobody_are_refused_by_name() {
    let server = server(Mode::Stream);
    let hello = NegotiateMessage {
        flags: NegotiateFlags::UNICODE | NegotiateFlags::NTLM,
        domain: Some("LAB".to_owned()),
        workstation: None,
        version: None,
    };
    let refused = server.challenge(Some(&hello.encode().unwrap()), [3; 8], NOW).unwrap_err();
    assert_eq!(refused, NtlmError::Version1Only);

    let client = Client::new(Identity::new("LAB\\alice", "lab-password"), Mode::Stream);
    let old = ChallengeMessage {
        flags: NegotiateFlags::UNICODE | NegotiateFlags::NTLM | NegotiateFlags::EXTENDED_SESSION_SECURITY,
        target_name: "LAB".to_owned(),
        server_challenge: [1; 8],
        target_info: None,
        version: None,
    };
    let refused = client.authenticate(&old.encode().unwrap(), &fresh(), None, None).unwrap_err();
    assert_eq!(refused, NtlmError::Version1Only);

    let pending = server.challenge(None, [3; 8], NOW).unwrap();
    let mut message = AuthenticateMessage {
        lm_response: vec![0; 24],
        nt_response: vec![1; 24],
        domain: "LAB".to_owned(),
        user: "alice".to_owned(),
        workstation: String::new(),
        encrypted_session_key: Vec::new(),
        flags: NegotiateFlags::UNICODE,
        version: None,
        mic: None,
    };
    let accept = |message: &AuthenticateMessage| {
        pending.accept(&message.encode().unwrap(), password, ExtendedProtection::None, None).unwrap_err()
    };
    assert_eq!(accept(&message), NtlmError::Version1Only);
    (message.user, message.nt_response) = (String::new(), Vec::new());
    assert_eq!(accept(&message), NtlmError::Anonymous);
}

#[test]
fn an_answer_from_another_day_is_refused() {
    let mut client = Client::new(Identity::new("LAB\\alice", "lab-password"), Mode::Stream);
    let hello = client.negotiate().unwrap();
    let old =
        server(Mode::Stream).challenge(Some(&hello), [3; 8], FileTime(NOW.0 - 2_000_000_000_000)).unwrap();
    let new = server(Mode::Stream).challenge(Some(&hello), [3; 8], NOW).unwrap();
    let done = client.authenticate(old.message(), &fresh(), None, None).unwrap();
    let refused = new.accept(&done.message, password, ExtendedProtection::None, None).unwrap_err();
    assert_eq!(refused, NtlmError::ClockSkew);
}

#[test]
fn secrets_are_not_printed() {
    let client = Client::new(Identity::new("LAB\\alice", "lab-password"), Mode::Stream);
    let printed = format!("{client:?}");
    assert!(printed.contains("alice") && printed.contains("NtHash(…)"), "{printed}");
}
