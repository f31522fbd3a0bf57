//! The NTLMv2 proof and what it covers: NTLMv2_CLIENT_CHALLENGE, section 2.2.2.7.

use zeroize::Zeroizing;

use crate::av_pair::AvPairs;
use crate::crypto::{hmac_md5, hmac_md5_is};
use crate::error::NtlmError;
use crate::time::FileTime;

/// What the client says beside the proof, and the proof covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientBlob {
    /// The client's time, or the one that the server named.
    pub time: FileTime,
    /// Random.
    pub client_challenge: [u8; 8],
    /// The server's pairs and the client's own.
    pub av_pairs: AvPairs,
}

impl ClientBlob {
    const CUT: NtlmError = NtlmError::Truncated { field: "NTLMv2_CLIENT_CHALLENGE" };

    /// # Errors
    /// [`NtlmError::Version1Only`] when it is too short to be one.
    pub fn parse(bytes: &[u8]) -> Result<Self, NtlmError> {
        let (head, rest) = bytes.split_first_chunk::<8>().ok_or(NtlmError::Version1Only)?;
        if !head.starts_with(&[1, 1]) {
            return Err(NtlmError::Version1Only);
        }
        let (time, rest) = rest.split_first_chunk::<8>().ok_or(Self::CUT)?;
        let (client_challenge, rest) = rest.split_first_chunk::<8>().ok_or(Self::CUT)?;
        let (_reserved, rest) = rest.split_first_chunk::<4>().ok_or(Self::CUT)?;
        Ok(Self {
            time: FileTime(u64::from_le_bytes(*time)),
            client_challenge: *client_challenge,
            av_pairs: AvPairs::parse(rest)?,
        })
    }

    /// # Errors
    /// [`NtlmError::NameTooLong`].
    pub fn encode(&self) -> Result<Vec<u8>, NtlmError> {
        let mut bytes = vec![1, 1, 0, 0, 0, 0, 0, 0];
        bytes.extend_from_slice(&self.time.0.to_le_bytes());
        bytes.extend_from_slice(&self.client_challenge);
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&self.av_pairs.encode()?);
        bytes.extend_from_slice(&[0; 4]);
        Ok(bytes)
    }
}

/// The proof and the key that follows from it (section 3.3.2).
pub(crate) struct Proof {
    pub(crate) nt_response: Vec<u8>,
    pub(crate) session_base_key: Zeroizing<[u8; 16]>,
}

/// Client: proves knowledge of `response_key`.
pub(crate) fn prove(response_key: &[u8; 16], server_challenge: [u8; 8], blob: &[u8]) -> Proof {
    let proof = hmac_md5(response_key, &[&server_challenge, blob]);
    let mut nt_response = proof.to_vec();
    nt_response.extend_from_slice(blob);
    Proof { nt_response, session_base_key: Zeroizing::new(hmac_md5(response_key, &[&proof])) }
}

/// LMv2: the same proof without target information, for servers too old to read the other.
pub(crate) fn prove_lm(
    response_key: &[u8; 16],
    server_challenge: [u8; 8],
    client_challenge: [u8; 8],
) -> Vec<u8> {
    let mut response = hmac_md5(response_key, &[&server_challenge, &client_challenge]).to_vec();
    response.extend_from_slice(&client_challenge);
    response
}

/// Server: splits a response into proof and blob.
///
/// # Errors
/// [`NtlmError::Version1Only`]: 24 bytes are an answer of version 1.
pub(crate) fn split(nt_response: &[u8]) -> Result<(&[u8; 16], &[u8]), NtlmError> {
    match nt_response.split_first_chunk::<16>() {
        Some((proof, blob)) if blob.len() > 8 => Ok((proof, blob)),
        _ => Err(NtlmError::Version1Only),
    }
}

/// Server: whether the proof fits, and the key that follows from it.
pub(crate) fn check(
    response_key: &[u8; 16],
    server_challenge: [u8; 8],
    proof: &[u8; 16],
    blob: &[u8],
) -> Option<Zeroizing<[u8; 16]>> {
    hmac_md5_is(response_key, &[&server_challenge, blob], proof)
        .then(|| Zeroizing::new(hmac_md5(response_key, &[proof])))
}
