//! SPNEGO around NTLM (RFC 4178, [MS-SPNG]): what goes under the name `Negotiate`. Only NTLM is ever chosen; a list of
//! mechanisms that has it elsewhere than first is answered by choosing it.
//!
//! [MS-SPNG]: https://learn.microsoft.com/openspecs/windows_protocols/ms-spng/

use crate::error::NtlmError;
use crate::wire::MAX_MESSAGE;

/// 1.3.6.1.5.5.2, contents of its DER.
const SPNEGO: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x02];
/// 1.3.6.1.4.1.311.2.2.10, NTLMSSP.
const NTLMSSP: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a];
/// More mechanisms than these nobody has.
const MOST_MECHANISMS: usize = 16;

const SEQUENCE: u8 = 0x30;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
/// `[APPLICATION 0]`, RFC 2743 section 3.1.
const INITIAL: u8 = 0x60;

/// `negState`, RFC 4178 section 4.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NegState {
    /// Signed in.
    AcceptCompleted,
    /// Another message is expected.
    AcceptIncomplete,
    /// Refused.
    Reject,
    /// The list of mechanisms is to be signed.
    RequestMic,
}

impl NegState {
    const ALL: [Self; 4] = [Self::AcceptCompleted, Self::AcceptIncomplete, Self::Reject, Self::RequestMic];
}

/// A token of the negotiation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Spnego {
    /// `NegTokenInit`: the first of a client.
    Init {
        /// The DER of the list of mechanisms, which the signature covers.
        mechanisms: Vec<u8>,
        /// Whether NTLM is the first of them, so that the token is its message.
        ntlm_first: bool,
        /// The first message of the first mechanism.
        token: Option<Vec<u8>>,
    },
    /// `NegTokenResp`: every other.
    Response {
        /// How far it is.
        state: Option<NegState>,
        /// Whether it names NTLM as the chosen mechanism.
        chooses_ntlm: bool,
        /// The next message of the mechanism.
        token: Option<Vec<u8>>,
        /// The signature over the list of mechanisms.
        mic: Option<Vec<u8>>,
    },
}

impl Spnego {
    /// Whether bytes are an NTLM message as it is, which servers and clients also take under the name `Negotiate`.
    #[must_use]
    pub fn is_bare(token: &[u8]) -> bool {
        token.starts_with(b"NTLMSSP\0")
    }

    /// The list of mechanisms of a client that has NTLM only: what [`Spnego::Init`] sends and the signature covers.
    #[must_use]
    pub fn mechanisms() -> Vec<u8> {
        element(SEQUENCE, &element(OBJECT, NTLMSSP))
    }

    /// A client's first token.
    #[must_use]
    pub fn init(token: Vec<u8>) -> Self {
        Self::Init { mechanisms: Self::mechanisms(), ntlm_first: true, token: Some(token) }
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let tagged = |number: u8, content: Vec<u8>| element(0xa0 | number, &content);
        let octets = |number: u8, bytes: &Option<Vec<u8>>| {
            bytes.as_ref().map(|bytes| tagged(number, element(OCTETS, bytes))).unwrap_or_default()
        };
        match self {
            Self::Init { mechanisms, token, .. } => {
                let fields = [tagged(0, mechanisms.clone()), octets(2, token)].concat();
                let init = tagged(0, element(SEQUENCE, &fields));
                element(INITIAL, &[element(OBJECT, SPNEGO), init].concat())
            }
            Self::Response { state, chooses_ntlm, token, mic } => {
                let number = |state: &NegState| NegState::ALL.iter().position(|known| known == state);
                let number = state.as_ref().and_then(number).and_then(|number| u8::try_from(number).ok());
                let state = number.map(|number| tagged(0, element(ENUMERATED, &[number])));
                let chosen = chooses_ntlm.then(|| tagged(1, element(OBJECT, NTLMSSP)));
                let fields =
                    [state.unwrap_or_default(), chosen.unwrap_or_default(), octets(2, token), octets(3, mic)];
                tagged(1, element(SEQUENCE, &fields.concat()))
            }
        }
    }

    /// Reads a token.
    ///
    /// # Errors
    /// [`NtlmError::TooLong`], or [`NtlmError::NotThisMessage`] for what is neither of the two.
    pub fn parse(bytes: &[u8]) -> Result<Self, NtlmError> {
        // A little more than the message within.
        if bytes.len() > MAX_MESSAGE + 1024 {
            return Err(NtlmError::TooLong { max: MAX_MESSAGE });
        }
        read(bytes).ok_or(NtlmError::NotThisMessage { expected: "SPNEGO" })
    }
}

fn read(bytes: &[u8]) -> Option<Spnego> {
    let (tag, content, _) = next(bytes)?;
    match tag {
        INITIAL => {
            let (OBJECT, SPNEGO, rest) = next(content)? else { return None };
            let (0xa0, init, _) = next(rest)? else { return None };
            read_init(init)
        }
        // Without the frame of RFC 2743, as some clients send it.
        0xa0 => read_init(content),
        0xa1 => read_response(content),
        _ => None,
    }
}

fn read_init(content: &[u8]) -> Option<Spnego> {
    let (SEQUENCE, mut fields, _) = next(content)? else { return None };
    let (mut mechanisms, mut ntlm_first, mut token) = (None, false, None);
    while let Some((tag, content, rest)) = next(fields) {
        fields = rest;
        match tag {
            0xa0 => {
                let (SEQUENCE, list, _) = next(content)? else { return None };
                ntlm_first = names(list).next() == Some(NTLMSSP);
                names(list).any(|name| name == NTLMSSP).then_some(())?;
                mechanisms = Some(content.to_vec());
            }
            0xa2 => token = Some(octets(content)?),
            _ => {}
        }
    }
    Some(Spnego::Init { mechanisms: mechanisms?, ntlm_first, token })
}

fn read_response(content: &[u8]) -> Option<Spnego> {
    let (SEQUENCE, mut fields, _) = next(content)? else { return None };
    let (mut state, mut chooses_ntlm, mut token, mut mic) = (None, false, None, None);
    while let Some((tag, content, rest)) = next(fields) {
        fields = rest;
        match tag {
            0xa0 => {
                let (ENUMERATED, &[number], _) = next(content)? else { return None };
                state = Some(*NegState::ALL.get(usize::from(number))?);
            }
            0xa1 => {
                let (OBJECT, name, _) = next(content)? else { return None };
                chooses_ntlm = name == NTLMSSP;
            }
            0xa2 => token = Some(octets(content)?),
            0xa3 => mic = Some(octets(content)?),
            _ => {}
        }
    }
    Some(Spnego::Response { state, chooses_ntlm, token, mic })
}

/// The object identifiers of a list.
fn names(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let all = std::iter::from_fn(move || {
        let (tag, content, rest) = next(list)?;
        list = rest;
        Some((tag, content))
    });
    all.take(MOST_MECHANISMS).filter(|(tag, _)| *tag == OBJECT).map(|(_, content)| content)
}

fn octets(content: &[u8]) -> Option<Vec<u8>> {
    match next(content)? {
        (OCTETS, bytes, _) => Some(bytes.to_vec()),
        _ => None,
    }
}

/// One element of DER: its tag, its content, and what follows it.
fn next(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut bytes = vec![tag];
    match u8::try_from(length) {
        Ok(short @ 0..0x80) => bytes.push(short),
        _ => {
            let digits: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|digit| *digit == 0).collect();
            bytes.push(0x80 | u8::try_from(digits.len()).unwrap_or(8));
            bytes.extend(digits);
        }
    }
    bytes.extend_from_slice(content);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    /// [MS-SPNG] section 4 shows the structure; the bytes follow from RFC 4178 and DER.
    #[test]
    fn the_first_token_has_the_form_of_the_specification() {
        let expected =
            hex("60 1c 06 06 2b0601050502 a0 12 30 10 a0 0e 30 0c 06 0a 2b06010401823702020a".trim());
        let init = Spnego::Init { mechanisms: Spnego::mechanisms(), ntlm_first: true, token: None };
        assert_eq!(init.encode(), expected);
    }

    #[test]
    fn tokens_go_round() {
        let long = vec![7; 300];
        let all = [
            Spnego::init(b"NTLMSSP\0hello".to_vec()),
            Spnego::init(long.clone()),
            Spnego::Response {
                state: Some(NegState::AcceptIncomplete),
                chooses_ntlm: true,
                token: Some(long),
                mic: None,
            },
            Spnego::Response {
                state: None,
                chooses_ntlm: false,
                token: Some(vec![1]),
                mic: Some(vec![2; 16]),
            },
            Spnego::Response { state: Some(NegState::Reject), chooses_ntlm: false, token: None, mic: None },
        ];
        for token in all {
            assert_eq!(Spnego::parse(&token.encode()), Ok(token));
        }
    }

    #[test]
    fn a_list_with_kerberos_first_is_read_and_one_without_ntlm_refused() {
        let kerberos = element(OBJECT, &hex("2a864886f712010202"));
        let list = |names: &[Vec<u8>]| element(0xa0, &element(SEQUENCE, &names.concat()));
        let init = |list: Vec<u8>| element(0xa0, &element(SEQUENCE, &list));
        let both = init(list(&[kerberos.clone(), element(OBJECT, NTLMSSP)]));
        assert!(matches!(Spnego::parse(&both), Ok(Spnego::Init { ntlm_first: false, .. })));
        assert!(Spnego::parse(&init(list(&[kerberos]))).is_err());
    }

    #[test]
    fn cut_and_flipped_tokens_never_panic() {
        let token = Spnego::init(vec![9; 200]).encode();
        for end in 0..token.len() {
            assert!(Spnego::parse(&token[..end]).is_err());
        }
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut damaged = token.clone();
                damaged[at] ^= 1 << bit;
                let _ = Spnego::parse(&damaged);
            }
        }
        assert!(Spnego::parse(&vec![0x60; MAX_MESSAGE + 2048]).is_err());
    }
}
