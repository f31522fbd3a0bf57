/// Collects a few bytes that may arrive in several pieces.
#[derive(Debug, Clone)]
pub(super) struct Gather<const N: usize> {
    bytes: [u8; N],
    have: usize,
}

impl<const N: usize> Default for Gather<N> {
    fn default() -> Self {
        Self { bytes: [0; N], have: 0 }
    }
}

impl<const N: usize> Gather<N> {
    /// Moves bytes from the front of `input` until `need` (at most N) are here, and tells whether they are.
    pub(super) fn fill(&mut self, need: usize, input: &mut &[u8]) -> bool {
        let need = need.min(N);
        let take = need.saturating_sub(self.have).min(input.len());
        let (front, rest) = input.split_at(take);
        if let Some(space) = self.bytes.get_mut(self.have..self.have + take) {
            space.copy_from_slice(front);
        }
        *input = rest;
        self.have += take;
        self.have >= need
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.have).unwrap_or_default()
    }

    pub(super) fn clear(&mut self) {
        self.have = 0;
    }

    /// Drops the first byte, to look for a signature one byte further.
    pub(super) fn shift(&mut self) {
        self.bytes.rotate_left(1);
        self.have = self.have.saturating_sub(1);
    }

    pub(super) fn le16(&self, at: usize) -> u16 {
        self.array(at).map_or(0, u16::from_le_bytes)
    }

    pub(super) fn le32(&self, at: usize) -> u32 {
        self.array(at).map_or(0, u32::from_le_bytes)
    }

    pub(super) fn le64(&self, at: usize) -> u64 {
        self.array(at).map_or(0, u64::from_le_bytes)
    }

    pub(super) fn be32(&self, at: usize) -> u32 {
        self.array(at).map_or(0, u32::from_be_bytes)
    }

    /// The bytes from `at` on, or `None` when fewer have been gathered.
    pub(super) fn array<const M: usize>(&self, at: usize) -> Option<[u8; M]> {
        self.bytes().get(at..)?.first_chunk().copied()
    }
}

/// Passes over the next `left` bytes, as far as they are here, and tells whether all were.
pub(super) fn skip(left: &mut u64, input: &mut &[u8]) -> bool {
    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    *input = input.get(take..).unwrap_or_default();
    *left -= take as u64;
    *left == 0
}
