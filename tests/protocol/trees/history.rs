//! What was published and received, and what must hold of it:
//!
//! * A session with the ack extension receives every event whose publish was answered with success, if it was
//!   subscribed before the publish was sent and did not unsubscribe. In a run without failures, every session does.
//! * A session with the ack extension receives no event twice; nor does any other, unless an object crashed. This holds
//!   for a publish that was repeated because it was not answered with success, unless an object crashed: then a publish
//!   without a row is not known any more.
//! * The same holds for the order: a session receives the events of one publisher in a tree in the order in which they
//!   were published, and the events of a tree in the same order as all others.
//! * If only one home of many fails, all others receive every event in time.
//! * A client that comes and goes with its cursor receives every event whose publish was answered with success, from
//!   its start on: once, and in order, though it does not acknowledge.
//! * Nobody receives what it did not subscribe to, or what was published after it had unsubscribed.

use std::collections::{BTreeMap, BTreeSet};

use super::client::matches;
use super::plan::{LATE_MS, Plan};

/// A publisher and the number of its event.
type Name = (usize, u64);

#[derive(Clone, Debug)]
pub struct Published {
    pub by: usize,
    pub number: u64,
    pub channel: &'static str,
    pub sent: u64,
    pub successful: Option<bool>,
    /// The publisher subscribed in the same batch.
    pub own: bool,
    /// It was published more than once.
    pub repeated: bool,
    /// It was refused once, unlike others of its batch: when it is repeated it comes after them.
    pub refused: bool,
}

/// One subscription of one client.
#[derive(Debug, Default)]
struct Subscription {
    asked: Vec<u64>,
    /// When the client got the successful reply.
    since: Option<u64>,
    /// When the last unsubscribe was sent, and when it was answered.
    ending: Option<u64>,
    ended: Option<u64>,
}

pub struct History {
    plan: Plan,
    published: BTreeMap<Name, Published>,
    subscriptions: BTreeMap<(usize, String), Subscription>,
    /// By client, in order.
    received: BTreeMap<usize, Vec<Name>>,
    acks: BTreeSet<usize>,
    /// Clients that vanished: nobody knows what they received.
    vanished: BTreeSet<usize>,
    /// Clients whose home is unreachable.
    away: BTreeSet<usize>,
    /// Clients that publish without waiting for an answer.
    pipelining: BTreeSet<usize>,
    /// The highest number of missing events that each was told.
    dropped: BTreeMap<usize, u64>,
    replayers: BTreeMap<usize, Replaying>,
}

/// A client that comes and goes with its cursor.
struct Replaying {
    pattern: &'static str,
    /// It receives all events published from then on; `None`: all events.
    since: Option<u64>,
    /// Its replay id was refused as not kept any more.
    forgot: bool,
}

impl History {
    pub fn new(plan: Plan) -> Self {
        let (published, subscriptions, received) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let (acks, vanished, away, pipelining, dropped, replayers) = Default::default();
        Self { plan, published, subscriptions, received, acks, vanished, away, pipelining, dropped, replayers }
    }

    pub fn vanished(&mut self, client: usize) {
        self.vanished.insert(client);
    }

    pub fn away(&mut self, client: usize) {
        self.away.insert(client);
    }

    pub fn has_no_order(&mut self, client: usize) {
        self.pipelining.insert(client);
    }

    pub fn dropped(&mut self, client: usize, events: u64) {
        let dropped = self.dropped.entry(client).or_default();
        *dropped = events.max(*dropped);
    }

    pub fn published(&mut self, published: Published) {
        self.published.insert((published.by, published.number), published);
    }

    pub fn answered(&mut self, by: usize, number: u64, successful: bool, own: bool) {
        let published = self.published.get_mut(&(by, number)).unwrap();
        (published.successful, published.own) = (Some(successful), own);
        published.refused |= !successful;
    }

    pub fn repeated(&mut self, by: usize, number: u64) {
        self.published.get_mut(&(by, number)).unwrap().repeated = true;
    }

    fn subscription(&mut self, client: usize, pattern: &str) -> &mut Subscription {
        self.subscriptions.entry((client, pattern.to_owned())).or_default()
    }

    pub fn asked(&mut self, client: usize, pattern: &str, now: u64) {
        self.subscription(client, pattern).asked.push(now);
    }

    pub fn subscribed(&mut self, client: usize, acks: bool, pattern: &str, now: u64) {
        if acks {
            self.acks.insert(client);
        }
        let subscription = self.subscription(client, pattern);
        let over = subscription.ending.is_some();
        if over || subscription.since.is_none() {
            (subscription.since, subscription.ending) = (Some(now), None);
        }
    }

    pub fn first_subscriber(&self) -> Option<usize> {
        let subscribed =
            self.subscriptions.iter().filter_map(|((client, _), subscription)| Some((subscription.since?, *client)));
        subscribed.min().map(|(_, client)| client)
    }

    pub fn unsubscribing(&mut self, client: usize, pattern: &str, now: u64) {
        let subscription = self.subscription(client, pattern);
        (subscription.since, subscription.ending) = (None, Some(now));
    }

    pub fn unsubscribed(&mut self, client: usize, pattern: &str, now: u64) {
        self.subscription(client, pattern).ended = Some(now);
    }

    pub fn received(&mut self, client: usize, acks: bool, by: usize, number: u64, channel: &str, now: u64) {
        let Some(published) = self.published.get(&(by, number)) else { panic!("out of nothing: {by} {number}") };
        assert_eq!(published.channel, channel);
        let wanted = self.subscriptions.iter().any(|((who, pattern), subscription)| {
            let again = subscription
                .ended
                .is_none_or(|ended| published.sent <= ended || subscription.asked.iter().any(|asked| *asked >= ended));
            *who == client && matches(pattern, channel) && again
        });
        assert!(wanted, "client {client} did not subscribe to {channel}, and receives {published:?}");
        let own = by == client && !self.plan.options.broadcast_to_publisher && self.plan.crash == 0;
        assert!(!own, "client {client} receives what it published: {published:?}");
        let reachable = !self.away.contains(&client) && !self.away.contains(&by);
        let late = self.plan.one_is_away() && reachable && now - published.sent > LATE_MS;
        assert!(!late, "client {client} receives {published:?} only at {now}");
        if acks {
            self.acks.insert(client);
        }
        self.received.entry(client).or_default().push((by, number));
    }

    /// A client receives matching events from its cursor on; `since` is as in [`Replaying`]. `anew`: regardless of what
    /// it received before.
    pub fn replays(&mut self, client: usize, pattern: &'static str, since: Option<u64>, anew: bool) {
        let replaying = self.replayers.entry(client).or_insert(Replaying { pattern, since, forgot: false });
        if anew {
            replaying.since = since;
        }
    }

    /// A client's number is not kept any more.
    pub fn forgot(&mut self, client: usize) {
        assert!(self.plan.few_kept, "client {client} is told that its number is not kept");
        self.replayers.get_mut(&client).unwrap().forgot = true;
    }

    pub fn replayed(&mut self, client: usize, by: usize, number: u64, channel: &str, _now: u64) {
        let Some(published) = self.published.get(&(by, number)) else { panic!("out of nothing: {by} {number}") };
        assert_eq!(published.channel, channel);
        self.received.entry(client).or_default().push((by, number));
    }

    pub fn check(&self) {
        self.check_that_nothing_is_lost();
        self.check_that_replayers_hear_all();
        for (client, received) in &self.received {
            let sure: Vec<_> = received.iter().filter(|name| self.is_sure(name)).copied().collect();
            self.check_for_doubles(*client, &sure);
            self.check_order_of_publishers(*client, &sure);
        }
        self.check_that_all_see_one_order();
    }

    /// Whether it can have been accepted only once.
    fn is_sure(&self, name: &Name) -> bool {
        self.plan.crash == 0 || !self.published[name].repeated
    }

    fn check_that_nothing_is_lost(&self) {
        let mut missing = BTreeMap::<usize, BTreeMap<Name, String>>::new();
        for published in self.published.values().filter(|published| published.successful == Some(true)) {
            for ((client, pattern), subscription) in &self.subscriptions {
                let before = subscription.since.is_some_and(|since| since <= published.sent);
                let safe = (self.acks.contains(client) || self.plan.is_calm()) && !self.vanished.contains(client);
                let safe = safe && self.all_trees_know(pattern);
                let own = *client == published.by && !self.plan.options.broadcast_to_publisher;
                if !before || !safe || own || !matches(pattern, published.channel) {
                    continue;
                }
                let name = (published.by, published.number);
                let received = self.received.get(client).is_some_and(|received| received.contains(&name));
                if !received {
                    let what = format!("subscribed to {pattern} {subscription:?}, did not receive {published:?}");
                    missing.entry(*client).or_default().insert(name, what);
                }
            }
            // A client receives its own event at once.
            let own = published.own && self.plan.options.broadcast_to_publisher;
            let told = self.dropped.contains_key(&published.by) || self.vanished.contains(&published.by);
            // If the home's storage fails it receives the event late, and may have unsubscribed by then.
            let late = self.plan.storage > 0 && self.unsubscribed_after(published);
            if own && !told && !late && (self.acks.contains(&published.by) || self.plan.is_calm()) {
                let received = self.received.get(&published.by);
                let received = received.is_some_and(|received| received.contains(&(published.by, published.number)));
                assert!(received, "client {} did not receive its own event: {published:?}", published.by);
            }
        }
        for (client, missing) in missing {
            let told = self.dropped.get(&client).copied().unwrap_or_default();
            assert!(missing.len() as u64 <= told, "client {client} was told of {told}: {:?}", missing.values());
        }
    }

    fn check_that_replayers_hear_all(&self) {
        for (client, Replaying { pattern, since, forgot }) in &self.replayers {
            let received: BTreeSet<_> = self.received.get(client).into_iter().flatten().collect();
            let wanted = |published: &&Published| {
                let since = since.is_none_or(|since| since <= published.sent);
                published.successful == Some(true) && since && matches(pattern, published.channel)
            };
            let told = *forgot || self.dropped.contains_key(client);
            for published in self.published.values().filter(wanted).filter(|_| !told) {
                let name = (published.by, published.number);
                assert!(received.contains(&name), "client {client} on {pattern} since {since:?} missed {published:?}");
            }
        }
    }

    /// Whether its publisher unsubscribed from its channel after it was sent.
    fn unsubscribed_after(&self, published: &Published) -> bool {
        self.subscriptions.iter().any(|((client, pattern), subscription)| {
            let later = subscription.ended.is_some_and(|ended| ended >= published.sent);
            *client == published.by && later && matches(pattern, published.channel)
        })
    }

    /// A tree that the root cannot reach for long learns late of subscribers to patterns that span trees.
    pub fn all_trees_know(&self, pattern: &str) -> bool {
        !(self.plan.hours && self.plan.spans(pattern))
    }

    /// Whether it receives every event once and in order, whatever breaks.
    fn is_strict(&self, client: usize) -> bool {
        self.acks.contains(&client) || self.replayers.contains_key(&client)
    }

    fn check_for_doubles(&self, client: usize, received: &[Name]) {
        let once: BTreeSet<_> = received.iter().collect();
        if self.plan.crash == 0 || self.is_strict(client) {
            assert_eq!(once.len(), received.len(), "client {client} received something twice: {received:?}");
        }
    }

    /// The first time that each event came, in order.
    fn first_times(&self, received: &[Name]) -> Vec<Name> {
        let mut seen = BTreeSet::new();
        received.iter().filter(|name| self.is_sure(name) && seen.insert(**name)).copied().collect()
    }

    fn tree(&self, name: &Name) -> String {
        let channel = self.published[name].channel;
        channel.split('/').skip(1).take(self.plan.options.tree_depth).collect::<Vec<_>>().join("/")
    }

    fn check_order_of_publishers(&self, client: usize, received: &[Name]) {
        if self.plan.crash > 0 && !self.is_strict(client) {
            return;
        }
        let mut last: BTreeMap<(usize, String), u64> = BTreeMap::new();
        for name in self.first_times(received) {
            if self.pipelining.contains(&name.0) || self.published[&name].refused {
                continue;
            }
            let before = last.insert((name.0, self.tree(&name)), name.1);
            assert!(
                before.is_none_or(|before| before < name.1),
                "client {client} receives {name:?} after {before:?}: {received:?}"
            );
        }
    }

    fn check_that_all_see_one_order(&self) {
        let sure = |client: &usize| self.plan.crash == 0 || self.is_strict(*client);
        let received = self.received.iter().filter(|(client, _)| sure(client));
        let orders: Vec<(usize, Vec<Name>)> =
            received.map(|(client, received)| (*client, self.first_times(received))).collect();
        for (one, first) in &orders {
            let place: BTreeMap<&Name, usize> = first.iter().enumerate().map(|(at, name)| (name, at)).collect();
            for (other, second) in &orders {
                let mut last: BTreeMap<String, (usize, Name)> = BTreeMap::new();
                for name in second {
                    let Some(at) = place.get(name) else { continue };
                    if let Some((before, earlier)) = last.insert(self.tree(name), (*at, *name)) {
                        assert!(before < *at, "clients {one} and {other} disagree on {earlier:?} and {name:?}");
                    }
                }
            }
        }
    }
}
