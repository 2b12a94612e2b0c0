//! A server restored from its rows and open sockets.
//!
//! Rows and sockets need not match: a row may name a session that is gone, a socket one that was never written down.
//! What does not match is left out.

use std::collections::BTreeSet;

use super::BayeuxServer;
use crate::bayeux::delivery::{ENTRY, Weighed};
use crate::bayeux::io::Notice;
use crate::bayeux::limits::Network;
use crate::bayeux::persistence::{
    Deliveries, Fate, KeptSocket, Note, Notes, SavedEvent, SavedPeer, SavedSession, Stored,
};
use crate::bayeux::session::{HeldConnect, Session, SessionKey, Sessions};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::{ChannelPattern, Endpoint, EndpointKey, Event, EventNumber, MessageId, SocketId};

/// The longest text that a socket is given to keep, in bytes. The platform keeps 16,384 for each socket (Durable
/// Objects, `serializeAttachment`). Up to half of that is the token of the upgrade request, and a little is the shell's
/// own. The rest is 60 connects with ids of 80 bytes; connects past that are treated as if their clients had just left.
const MAX_HELD: usize = 7 * 1024;

/// A connect that a socket holds: session, id, until when, and whether its reply advises. An array, as space is short.
type HeldBySocket = (SessionKey, MessageId, u64, bool);

impl BayeuxServer {
    /// Takes over from a server that was evicted, redeployed or killed. To be called once, before the first input.
    ///
    /// How long ago that was is unknown, so every client gets its full time again, unless the object has only slept:
    /// see `hibernation.rs`. Connects that were held over HTTP are gone with their requests; those of the `sockets`
    /// that stayed open are held again.
    pub fn restore(&mut self, now: Millis, stored: Stored, sockets: Vec<KeptSocket>) {
        let Stored { sessions, events, keys, deliveries, notes } = stored;
        let notes = Notes::of(notes);
        let now = self.read_clock(now);
        let chance = self.random_number();
        self.cluster.begin_life(now, chance);
        let since = self.cluster.restore_notes(now, &notes);
        if let Some(text) = notes.get(&Note::History) {
            self.history.restore(text);
        }
        self.restore_points(&notes);
        self.journal.never_again(since);
        self.presence.begin_life(now);
        self.sessions.never_again(SessionKey::of_life(now));
        let mut away = self.restore_away(now, &notes);
        let mut given_up = 0;
        for (key, saved) in sessions {
            given_up += usize::from(!self.restore_session(now, key, saved, away.get(&key).copied()));
        }
        if given_up > 0 {
            self.tell(Notice::SessionsGivenUp { sessions: given_up });
        }
        self.restore_presence(&notes);
        away.retain(|key, _| self.sessions.get(*key).is_some());
        self.sessions.away_is_noted(away);
        for delivery in &deliveries {
            self.sessions.never_again(delivery.session);
            self.journal.never_again(delivery.newest);
        }
        self.journal.restore_deliveries(deliveries.len());
        let deliveries = Deliveries::new(deliveries);
        let mut gone = Vec::new();
        for event in events {
            gone.extend(self.restore_event(now, event, &deliveries));
        }
        self.forget_events(&gone);
        for key in self.journal.restore_keys(keys, &notes) {
            self.was_taken(now, Some(key));
        }
        for socket in sockets {
            self.restore_socket(now, &socket);
        }
        self.count_restart();
    }

    /// Restores a session. Returns whether there was room: `MAX_MEMORY` may have been lowered. Expired sessions make
    /// room first.
    fn restore_session(&mut self, now: Millis, key: SessionKey, saved: SavedSession, until: Option<Millis>) -> bool {
        if let Some(SavedPeer { home, strict }) = saved.peer {
            return self.restore_home(now, key, &home, strict, saved.subscriptions);
        }
        let mut session = saved.into_session(now);
        let names = std::mem::take(&mut session.subscriptions);
        if !self.has_room_for(&session.attributes, &names) {
            self.sweep(now);
            if !self.has_room_for(&session.attributes, &names) {
                self.sessions.never_again(key);
                if let Err(error) = self.store.forget_session(key) {
                    self.storage_failed(&error);
                }
                return false;
            }
        }
        session.subscriptions = names.iter().map(|name| self.subscriptions.shared(name)).collect();
        for name in &session.subscriptions {
            let strict = session.is_strict() || session.counts_on_numbers() && self.keeps_of(name).0;
            self.cluster.restore_listening(name, strict);
        }
        self.sessions.restore(key, session);
        let latest = self.kept_until(now, key);
        self.sessions.extend(key, until.map_or(latest, |until| until.min(latest)));
        for name in &names {
            self.add_subscriber(name, key);
            self.was_there(name, key);
        }
        true
    }

    /// A home that earlier versions stored as a session: from now on it has rows of its own.
    fn restore_home(
        &mut self,
        now: Millis,
        key: SessionKey,
        home: &str,
        strict: bool,
        patterns: BTreeSet<ChannelPattern>,
    ) -> bool {
        self.sessions.never_again(key);
        if self.cluster.adopt_home(now, key, home, strict, patterns, &mut *self.store)
            && let Err(error) = self.store.forget_session(key)
        {
            self.storage_failed(&error);
        }
        true
    }

    /// Restores an event. Returns its number where no session is left that it is queued for.
    fn restore_event(&mut self, now: Millis, row: SavedEvent, deliveries: &Deliveries) -> Option<EventNumber> {
        let SavedEvent { number, json, to } = row;
        let event = Event::thawed(json);
        self.journal.never_again(number);
        if self.make_room(now, to.len() * ENTRY + Weighed::weight(&event)).is_err() {
            return Some(number);
        }
        let event = Weighed::new(event, &self.budget, now);
        let mut waits = false;
        for key in to.iter().copied() {
            if self.cluster.restore_event(now, key, number, &event) {
                waits = true;
                continue;
            }
            self.sessions.never_again(key);
            let batch = match deliveries.fate(key, number) {
                Fate::Gone => continue,
                Fate::SentAs(batch) => batch,
                Fate::Waits => 0,
            };
            let bounds = self.options.queue_bounds();
            let restored = self.sessions.change(key, |session| {
                let comes_with_a_page = session.replays.bring(&event.event);
                if !comes_with_a_page {
                    session.queue.restore(event.clone(), number, batch, bounds);
                }
                !comes_with_a_page
            });
            waits |= restored == Some(true);
        }
        if !waits {
            return Some(number);
        }
        // The row also names sessions that have the event already: their deliveries must not be deleted before the row
        // is.
        self.journal.restore(number, event, to);
        // Some rows may be useless.
        self.journal.released(now);
        None
    }

    fn forget_events(&mut self, gone: &[EventNumber]) {
        if !gone.is_empty()
            && let Err(error) = self.store.forget_events(gone)
        {
            self.storage_failed(&error);
        }
    }

    fn restore_socket(&mut self, now: Millis, KeptSocket { socket, address, held }: &KeptSocket) {
        let held: Vec<HeldBySocket> = serde_json::from_str(held).unwrap_or_default();
        for (key, id, until, advise) in held {
            let Some(session) = self.sessions.get_mut(key) else { continue };
            if session.is_held() {
                continue;
            }
            // A session that was still awaited by the clock is due at once, should this connect be overtaken.
            session.timing.advised = (!advise).then_some(session.timing.interval);
            let endpoint = Endpoint::WebSocket(*socket);
            let (browser, timesync, stalled, kept_open) = (None, None, false, false);
            // The clock may have jumped in between.
            let latest = now + self.options.timeout_at(&endpoint);
            let (network, until) = (address.as_deref().and_then(Network::of), Millis(until).min(latest));
            self.sessions.suspend(
                key,
                HeldConnect { endpoint, network, browser, id, until, advise, timesync, stalled, kept_open },
            );
            self.look_for_page(key);
            if self.sessions.get(key).is_some_and(Session::is_ready) {
                self.ready.insert(key);
            }
        }
    }
}

impl Sessions {
    /// The connects that a socket holds, for [`KeptSocket::held`].
    pub(in crate::bayeux) fn held_by_socket(&self, socket: SocketId) -> String {
        let mut json = String::from("[");
        for key in self.at(EndpointKey::WebSocket(socket.0)) {
            let Some(held) = self.get(key).and_then(Session::held) else { continue };
            let held: HeldBySocket = (key, held.id.clone(), held.until.0, held.advise);
            let Ok(held) = serde_json::to_string(&held) else { continue };
            if json.len() + held.len() > MAX_HELD {
                break;
            }
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&held);
        }
        json.push(']');
        json
    }
}
