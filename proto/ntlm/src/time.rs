//! Windows' time.

/// A moment as Windows writes it: units of 100 ns since 1601-01-01 UTC.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileTime(pub u64);

impl FileTime {
    /// Milliseconds between 1601 and 1970.
    const EPOCH_MS: i64 = 11_644_473_600_000;

    /// From milliseconds since 1970 UTC; what lies before 1601 becomes 1601.
    #[must_use]
    pub fn from_unix_ms(ms: i64) -> Self {
        let since_1601 = ms.saturating_add(Self::EPOCH_MS).max(0);
        Self(since_1601.unsigned_abs().saturating_mul(10_000))
    }

    /// The distance to another moment, in milliseconds.
    #[must_use]
    pub const fn distance_ms(self, other: Self) -> u64 {
        self.0.abs_diff(other.0) / 10_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epochs_are_369_years_apart() {
        assert_eq!(FileTime::from_unix_ms(0), FileTime(116_444_736_000_000_000));
        assert_eq!(FileTime::from_unix_ms(i64::MIN), FileTime(0));
        assert_eq!(FileTime::from_unix_ms(5_000).distance_ms(FileTime::from_unix_ms(2_000)), 3_000);
    }
}
