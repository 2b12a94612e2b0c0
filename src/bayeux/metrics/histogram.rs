//! A histogram of durations.

use std::time::Duration;

use crate::bayeux::time::millis;

/// Upper bounds of the buckets, in milliseconds. A person does not notice a delay up to 100, and notices one up to
/// 5,000. Events wait for longer only while their client is away.
pub const BOUNDS: [u64; 11] = [1, 5, 10, 25, 50, 100, 250, 1_000, 5_000, 30_000, 120_000];

/// Counts durations by bucket.
///
/// ```
/// use std::time::Duration;
/// use bayeux_edge::bayeux::metrics::Histogram;
///
/// let mut histogram = Histogram::default();
/// histogram.observe(Duration::from_millis(3), 2);
/// histogram.observe(Duration::from_secs(600), 1);
/// assert_eq!((histogram.count(), histogram.sum_ms()), (3, 600_006));
/// let buckets: Vec<_> = histogram.buckets().collect();
/// assert_eq!((buckets[0], buckets[1], buckets[10], buckets.len()), ((1, 0), (5, 2), (120_000, 2), 11));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// One count for each bound; the last one for longer durations.
    counts: [u64; BOUNDS.len() + 1],
    sum: u64,
}

impl Histogram {
    /// Counts this many durations of one length.
    pub fn observe(&mut self, time: Duration, count: u64) {
        let ms = millis(time);
        let place = BOUNDS.iter().position(|bound| ms <= *bound).unwrap_or(BOUNDS.len());
        self.counts[place] += count;
        self.sum = self.sum.saturating_add(ms.saturating_mul(count));
    }

    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The sum of all durations, in milliseconds.
    pub fn sum_ms(&self) -> u64 {
        self.sum
    }

    /// Each bound in milliseconds, and how many durations are within it.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64)> {
        BOUNDS.iter().zip(&self.counts).scan(0, |below, (bound, count)| {
            *below += count;
            Some((*bound, *below))
        })
    }
}
