//! How often each network may do something.
//!
//! Each network has a token bucket: it starts full, each action takes one token, and it refills at an even pace. Only
//! the time at which it will be full again is stored (the generic cell rate algorithm, ITU-T I.371, annex A); a full
//! bucket is forgotten.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::network::Network;
use crate::bayeux::time::{Millis, millis};

/// So many actions in so much time, at once or spread out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    period: Duration,
}

/// The buckets of one rate.
#[derive(Debug)]
pub struct Rates {
    rate: Option<Rate>,
    buckets: BTreeMap<Network, Bucket>,
    /// By when they are full.
    by_full: BTreeSet<(Ticks, Network)>,
}

/// One that is not full.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    full_at: Ticks,
    /// Whether an action was refused since the bucket was last full.
    told: bool,
}

/// A time in ticks. For a rate of `count` tokens in a period, one millisecond is `count` ticks. So one token takes a
/// whole number of ticks, as many as the period has milliseconds, and nothing is rounded. Times count from the UNIX
/// epoch: with the highest `count`, 1,000,000, u64 lasts until the year 2554.
type Ticks = u64;

/// A network whose bucket is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// When there will be a token again.
    pub wait: Duration,
    /// Whether this is the first refusal since the bucket was full.
    pub first: bool,
}

/// Buckets that are kept: about 1 MB. Past that the bucket that is full soonest is forgotten.
const MOST: usize = 10_000;

impl Rate {
    /// The longest period. Counters are in memory alone: an eviction forgets them.
    const LONGEST: u64 = 3600; // s

    /// Reads `count/seconds`: 1 to 1,000,000 in 1 to 3,600 seconds.
    ///
    /// ```
    /// use bayeux_edge::bayeux::Rate;
    ///
    /// assert!(Rate::parse("100/10").is_some());
    /// assert_eq!(Rate::parse("100"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let (count, seconds) = text.trim().split_once('/')?;
        let count = count.parse().ok().filter(|count| (1..=1_000_000).contains(count))?;
        let seconds = seconds.parse().ok().filter(|seconds| (1..=Self::LONGEST).contains(seconds))?;
        Some(Self { count, period: Duration::from_secs(seconds) })
    }

    fn ticks(self, Millis(ms): Millis) -> Ticks {
        ms.saturating_mul(u64::from(self.count))
    }

    /// How long it takes for one token to come.
    fn token(self) -> Ticks {
        millis(self.period)
    }

    /// How long it takes an empty bucket to fill.
    fn full(self) -> Ticks {
        self.ticks(Millis(self.token()))
    }

    /// In whole milliseconds, as clients wait.
    fn wait(self, ticks: Ticks) -> Duration {
        Duration::from_millis(ticks.div_ceil(u64::from(self.count)))
    }
}

impl Rates {
    /// Without a rate nothing is refused.
    pub fn new(rate: Option<Rate>) -> Self {
        Self { rate, buckets: BTreeMap::new(), by_full: BTreeSet::new() }
    }

    /// Takes one token. Who has no address is not counted.
    ///
    /// # Errors
    /// Where there is none.
    pub fn take(&mut self, now: Millis, network: Option<Network>) -> Result<(), Exceeded> {
        self.take_many(now, network, 1)
    }

    /// Takes so many tokens, or none.
    ///
    /// # Errors
    /// Where there are fewer; there are never more than a full bucket has.
    pub fn take_many(&mut self, now: Millis, network: Option<Network>, count: usize) -> Result<(), Exceeded> {
        let (Some(rate), Some(network)) = (self.rate, network) else { return Ok(()) };
        let now = rate.ticks(now);
        self.forget_full(now);
        let before = self.buckets.get(&network).copied();
        // No bucket takes longer than this to fill, unless the clock was set back.
        let latest = now.saturating_add(rate.full());
        let tokens = rate.token().saturating_mul(count as u64);
        let full_at = before.map_or(now, |bucket| bucket.full_at.min(latest)).saturating_add(tokens);
        if count == 0 {
            return Ok(());
        }
        if full_at <= latest {
            let told = before.is_some_and(|bucket| bucket.told);
            self.keep(network, before, Bucket { full_at, told });
            return Ok(());
        }
        let first = before.is_none_or(|bucket| !bucket.told);
        self.keep(network, before, Bucket { full_at: full_at - tokens, told: true });
        Err(Exceeded { wait: rate.wait(full_at - latest), first })
    }

    /// Whether there is a token, without taking it.
    ///
    /// # Errors
    /// Where there is none.
    pub fn check(&self, now: Millis, network: Option<Network>) -> Result<(), Exceeded> {
        let (Some(rate), Some(network)) = (self.rate, network) else { return Ok(()) };
        let Some(bucket) = self.buckets.get(&network) else { return Ok(()) };
        let latest = rate.ticks(now).saturating_add(rate.full());
        let full_at = bucket.full_at.min(latest).saturating_add(rate.token());
        if full_at <= latest {
            return Ok(());
        }
        Err(Exceeded { wait: rate.wait(full_at - latest), first: !bucket.told })
    }

    fn keep(&mut self, network: Network, before: Option<Bucket>, bucket: Bucket) {
        match before {
            Some(before) => drop(self.by_full.remove(&(before.full_at, network))),
            None if self.buckets.len() >= MOST => self.forget_first(),
            None => {}
        }
        self.buckets.insert(network, bucket);
        self.by_full.insert((bucket.full_at, network));
    }

    fn forget_full(&mut self, now: Ticks) {
        while self.by_full.first().is_some_and(|(full_at, _)| *full_at <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, network)) = self.by_full.pop_first() {
            self.buckets.remove(&network);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Millis = Millis(1_700_000_000_000);

    fn rates(text: &str) -> Rates {
        Rates::new(Some(Rate::parse(text).unwrap()))
    }

    fn v4(number: u32) -> Option<Network> {
        Network::of(&std::net::Ipv4Addr::from_bits(number).to_string())
    }

    /// How many of a hundred are let through this many ms after noon.
    fn let_through(rates: &mut Rates, ms: u64) -> usize {
        (0..100).filter(|_| rates.take(Millis(NOON.0 + ms), v4(1)).is_ok()).count()
    }

    #[test]
    fn a_bucket_is_full_at_first_and_fills_again_evenly() {
        let mut rates = rates("10/5");
        let counts = [0, 499, 500, 1000, 4000, 60_000].map(|ms| let_through(&mut rates, ms));
        assert_eq!(counts, [10, 0, 1, 1, 6, 10]);
    }

    #[test]
    fn a_rate_that_no_millisecond_divides_lets_through_exactly_its_count() {
        for (text, count) in [("3/1", 3), ("7/60", 7), ("99/10", 99), ("1/3600", 1)] {
            let mut rates = rates(text);
            assert_eq!((let_through(&mut rates, 0), let_through(&mut rates, 3_600_000)), (count, count), "{text}");
        }
    }

    #[test]
    fn a_high_rate_lets_through_exactly_its_count() {
        for (text, count) in [("600000/1", 600_000), ("999999/1", 999_999), ("700001/3600", 700_001)] {
            let mut rates = rates(text);
            assert!(rates.take_many(NOON, v4(1), count).is_ok(), "{text}");
            assert!(rates.take(NOON, v4(1)).is_err(), "{text}");
            assert!(rates.take_many(Millis(NOON.0 + 3_600_000), v4(1), count + 1).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refused_client_that_waits_as_long_as_it_is_told_is_accepted() {
        let mut rates = rates("3/10");
        assert_eq!(let_through(&mut rates, 0), 3);
        let wait = rates.take(NOON, v4(1)).unwrap_err().wait;
        assert_eq!(wait, Duration::from_millis(3334));
        assert!(rates.take(Millis(NOON.0 + 3333), v4(1)).is_err());
        assert!(rates.take(NOON + wait, v4(1)).is_ok());
    }

    #[test]
    fn only_the_first_refusal_is_reported_until_the_bucket_was_full_again() {
        let mut rates = rates("2/10");
        let mut first = |ms| rates.take(Millis(NOON.0 + ms), v4(1)).map_err(|exceeded| exceeded.first);
        let seen = [0, 0, 0, 1, 5000, 5001, 20_000, 20_000, 20_000].map(&mut first);
        let (yes, no) = (Err(true), Err(false));
        assert_eq!(seen, [Ok(()), Ok(()), yes, no, Ok(()), no, Ok(()), Ok(()), yes]);
    }

    #[test]
    fn several_tokens_are_taken_together_or_not_at_all() {
        let mut rates = rates("10/10");
        let mut take = |count| rates.take_many(NOON, v4(1), count).is_ok();
        assert_eq!([0, 6, 5, 4, 1, 0].map(&mut take), [true, true, false, true, false, true]);
        assert!(rates.take_many(Millis(NOON.0 + 60_000), v4(1), 11).is_err());
    }

    #[test]
    fn each_network_has_its_own_bucket_and_requests_without_an_address_are_not_limited() {
        let mut rates = rates("1/10");
        for network in [v4(1), v4(2), Network::of("2001:db8::1"), Network::of("2001:db8:0:1::1"), None, None] {
            assert!(rates.take(NOON, network).is_ok(), "{network:?}");
        }
        assert!(rates.take(NOON, Network::of("2001:db8::99")).is_err(), "another address of a /64");
    }

    #[test]
    fn without_a_rate_nothing_is_refused_and_no_bucket_is_kept() {
        let mut rates = Rates::new(None);
        assert_eq!((let_through(&mut rates, 0), rates.buckets.len()), (100, 0));
    }

    #[test]
    fn full_buckets_are_forgotten_and_the_number_of_buckets_is_bounded() {
        let mut rates = rates("2/10");
        let _ = rates.take(NOON, v4(0)).and_then(|()| rates.take(NOON, v4(0)));
        for number in 1..=2 * u32::try_from(MOST).unwrap() {
            assert!(rates.take(NOON, v4(number)).is_ok());
            assert!(rates.buckets.len() <= MOST && rates.by_full.len() == rates.buckets.len());
        }
        assert!(rates.take(NOON, v4(0)).is_err(), "the emptiest one is kept");
        assert!(rates.take(Millis(NOON.0 + 10_000), v4(1)).is_ok());
        assert_eq!((rates.buckets.len(), rates.by_full.len()), (1, 1));
    }

    #[test]
    fn after_the_clock_is_set_back_a_client_waits_at_most_one_period() {
        let mut rates = rates("2/10");
        assert_eq!(let_through(&mut rates, 3_600_000), 2);
        assert_eq!(let_through(&mut rates, 0), 0);
        assert_eq!(let_through(&mut rates, 10_000), 2);
    }

    #[test]
    fn a_rate_is_written_as_count_slash_seconds() {
        for text in ["", "10", "10/", "/10", "0/10", "10/0", "1.5/10", "-1/10", "10/3601", "1000001/1", "1/2/3", "a/b"]
        {
            assert_eq!(Rate::parse(text), None, "{text}");
        }
        assert_eq!(Rate::parse(" 20/60 "), Some(Rate { count: 20, period: Duration::from_secs(60) }));
    }
}
