//! What goes wrong: crashes, clocks that go back, storage that fails, objects that cannot be reached.

use bayeux_edge::bayeux::Home;

use super::super::plan::HOURS_MS;
use super::{Event, Simulation, Waiting};

impl Simulation {
    pub(super) fn trouble(&mut self) {
        let homes: Vec<Home> = self.objects.keys().cloned().collect();
        for home in &homes {
            if self.random.chance(self.plan.crash) {
                self.crash(home);
            }
            if self.random.chance(self.plan.clock_back) {
                let behind = self.random.below(60_000);
                self.say(|| format!("{home}'s clock goes back by {behind}"));
                self.objects.get_mut(home).unwrap().behind += behind;
            }
            if self.random.chance(self.plan.storage) {
                self.say(|| format!("{home}'s storage fails"));
                self.objects[home].rows.are_full(true);
                let wait = 100 + self.random.below(3000);
                self.after(wait, Event::StorageIsWell(home.clone()));
            }
        }
        if homes.len() > 1 && self.random.chance(self.plan.cut_off) {
            let (one, other) = (self.random.pick(&homes), self.random.pick(&homes));
            let until = (self.now + self.random.below(12_000)).min(self.started + self.plan.trouble_ms());
            self.say(|| format!("{one} and {other} are cut off"));
            if one != other {
                self.cut.push((one, other, until));
            }
        }
    }

    pub(super) fn hours(&mut self) {
        let homes: Vec<Home> = self.objects.keys().cloned().collect();
        let until = self.now + HOURS_MS;
        let (mut one, mut other) = (self.random.pick(&homes), self.random.pick(&homes));
        if self.plan.one_is_away() {
            // Others may depend on the home of the first subscriber.
            let first = self.history.first_subscriber().filter(|_| self.random.chance(500));
            let client = first.unwrap_or_else(|| self.random.below(self.plan.clients as u64) as usize);
            self.history.away(client);
            one = self.clients[client].home().clone();
            other = one.clone();
        }
        self.say(|| format!("{one} is out of reach for {other} for hours"));
        self.cut.push((one, other, until));
    }

    /// The object is gone with all requests that wait at it; its alarm stays.
    pub(super) fn crash(&mut self, home: &Home) {
        self.say(|| format!("{home} crashes"));
        self.objects.get_mut(home).unwrap().server = None;
        let gone: Vec<u64> = self.waiting.iter().filter(|(_, (at, _))| at == home).map(|(key, _)| *key).collect();
        for endpoint in gone {
            match self.waiting.remove(&endpoint) {
                Some((_, Waiting::Client { client, number })) => {
                    self.after(5, Event::Read { client, number, text: None })
                }
                Some((_, Waiting::Object(Some(asker)))) => self.after(5, Event::Answer { asker, answer: None }),
                _ => (),
            }
        }
        let open: Vec<usize> = self.sockets.values().copied().filter(|at| self.clients[*at].home() == home).collect();
        open.into_iter().for_each(|client| self.socket_breaks(client));
        let wait = 100 + self.random.below(3000);
        self.after(wait, Event::Wake(home.clone()));
    }

    pub(super) fn are_cut_off(&self, one: &Home, other: &Home) -> bool {
        let cut = |a: &Home, b: &Home| (a == one && b == other) || (a == other && b == one);
        let now = |(a, b, until): &(Home, Home, u64)| self.now < *until && cut(a, b);
        self.cut.iter().any(now) || self.is_down(one) || self.is_down(other)
    }

    pub(super) fn is_down(&self, home: &Home) -> bool {
        self.cut.iter().any(|(one, other, until)| one == home && other == home && self.now < *until)
    }
}
