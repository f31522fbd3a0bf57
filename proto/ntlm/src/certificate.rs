//! The one thing that a channel binding needs to know of a certificate: which hash it was signed with.

/// The hash that a binding is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SignatureHash {
    /// Also in place of MD5 and SHA-1, and of whatever is not recognised (RFC 5929 section 4.1).
    Sha256,
    Sha384,
    Sha512,
}

/// Content of the object identifiers.
const SHA384_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0c];
const SHA512_WITH_RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0d];
const ECDSA_WITH_SHA384: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03];
const ECDSA_WITH_SHA512: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x04];

/// From `Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm SEQUENCE { OBJECT IDENTIFIER, … }, … }`.
pub(crate) fn signature_hash(der: &[u8]) -> SignatureHash {
    match signature_algorithm(der) {
        Some(SHA384_WITH_RSA | ECDSA_WITH_SHA384) => SignatureHash::Sha384,
        Some(SHA512_WITH_RSA | ECDSA_WITH_SHA512) => SignatureHash::Sha512,
        _ => SignatureHash::Sha256,
    }
}

fn signature_algorithm(der: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (certificate, _) = element(der, SEQUENCE)?;
    let (_to_be_signed, rest) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    element(algorithm, OBJECT_IDENTIFIER).map(|(identifier, _)| identifier)
}

/// The content of the first element, which has this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first != tag {
        return None;
    }
    let (short, rest) = rest.split_first()?;
    let (length, rest) = match short {
        0..=0x7f => (usize::from(*short), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate of nothing but its frame.
    fn signed_by(identifier: &[u8]) -> Vec<u8> {
        let sequence = |content: &[u8]| {
            let mut bytes = vec![0x30, 0x82, 0, u8::try_from(content.len()).unwrap()];
            bytes.extend_from_slice(content);
            bytes
        };
        let mut algorithm = vec![0x06, u8::try_from(identifier.len()).unwrap()];
        algorithm.extend_from_slice(identifier);
        sequence(&[sequence(&[2, 1, 0]), sequence(&algorithm)].concat())
    }

    #[test]
    fn the_hash_is_that_of_the_signature_but_never_less_than_sha256() {
        let sha1_with_rsa = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x05];
        assert_eq!(signature_hash(&signed_by(&sha1_with_rsa)), SignatureHash::Sha256);
        assert_eq!(signature_hash(&signed_by(SHA384_WITH_RSA)), SignatureHash::Sha384);
        assert_eq!(signature_hash(&signed_by(ECDSA_WITH_SHA512)), SignatureHash::Sha512);
    }

    #[test]
    fn what_is_no_certificate_has_the_usual_hash() {
        let certificate = signed_by(SHA384_WITH_RSA);
        for cut in 0..certificate.len() {
            assert_eq!(signature_hash(&certificate[..cut]), SignatureHash::Sha256, "{cut}");
        }
        assert_eq!(signature_hash(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]), SignatureHash::Sha256);
    }
}
