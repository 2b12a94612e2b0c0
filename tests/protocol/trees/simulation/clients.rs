//! Clients and their homes: requests, and sockets that break.

use bayeux_edge::bayeux::{BayeuxContext, Endpoint, Input, SocketId, parse_json};

use super::super::client::Did;
use super::{Event, SOCKET_MS, Simulation, Waiting};

impl Simulation {
    pub(super) fn open_socket(&mut self, client: usize) {
        if self.plan.sockets {
            self.last += 1;
            self.sockets.insert(self.last, client);
            *self.clients[client].socket() = Some(self.last);
        }
    }

    /// A client's socket breaks, with all messages under way.
    pub(super) fn socket_breaks(&mut self, client: usize) {
        let Some(socket) = *self.clients[client].socket() else { return };
        self.say(|| format!("client {client}'s socket breaks"));
        self.sockets.remove(&socket);
        let home = self.clients[client].home().clone();
        let wait = self.random.below(2000);
        self.after(wait, Event::Closed { home, socket });
        self.clients[client].connection_breaks(self.now, &mut self.history);
        self.open_socket(client);
    }

    pub(super) fn vanish(&mut self, client: usize) {
        self.say(|| format!("client {client} vanishes"));
        if let Some(socket) = *self.clients[client].socket() {
            self.sockets.remove(&socket);
            let home = self.clients[client].home().clone();
            self.after(1000, Event::Closed { home, socket });
        }
        let fresh = self.clients.len();
        let Some(successor) = self.clients[client].vanish(fresh, &self.plan, &mut self.random) else {
            return self.open_socket(client);
        };
        self.history.vanished(client);
        self.clients.push(successor);
        self.open_socket(fresh);
        self.after(100, Event::Act(fresh));
    }

    /// A client sends a request: the request or its answer may get lost.
    pub(super) fn send(&mut self, client: usize, did: Did) {
        if matches!(did, Did::HangUp) {
            return self.socket_breaks(client);
        }
        let number = self.clients[client].sent(did, self.now, &mut self.history);
        if self.plan.sockets {
            return self.after(SOCKET_MS, Event::Request { client, number });
        }
        let delay = 1 + self.random.below(30);
        if self.in_trouble() && self.random.chance(self.plan.lost) {
            self.say(|| format!("client {client}: request {number} is lost"));
            self.after(delay + 100, Event::Read { client, number, text: None });
        } else {
            self.after(delay, Event::Request { client, number });
        }
    }

    pub(super) fn request(&mut self, client: usize, number: u64) {
        // It was under way when the socket broke.
        let Some((home, body)) = self.clients[client].request(number) else { return };
        self.say(|| format!("client {client} to {home}, {number}: {body}"));
        if self.is_down(&home) {
            if self.plan.sockets {
                return self.socket_breaks(client);
            }
            return self.after(100, Event::Read { client, number, text: None });
        }
        let messages = parse_json(&body, &self.plan.options).unwrap();
        if let Some(socket) = *self.clients[client].socket() {
            let from = Endpoint::WebSocket(SocketId(socket));
            return self.input(&home, Input::Messages { from, context: BayeuxContext::default(), messages });
        }
        let waits = Waiting::Client { client, number };
        self.input_from(&home, waits, |from| Input::Messages { from, context: BayeuxContext::default(), messages });
    }
}
