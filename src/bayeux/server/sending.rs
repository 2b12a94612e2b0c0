//! Sends events, at the pace of `delivery/flush_pace.rs`, and answers.

use super::BayeuxServer;
use crate::bayeux::app::HttpResponse;
use crate::bayeux::delivery::{Frames, Sending, Sent, array, flush_pace as flush, split};
use crate::bayeux::io::Output;
use crate::bayeux::options::Durability;
use crate::bayeux::session::SessionKey;
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::{Endpoint, Event, Status};

impl BayeuxServer {
    /// Flushes when the pace allows it. Sockets and streams get events alone; polls get them with their connect's
    /// reply, as many polls as the pace allows.
    pub(super) fn flush(&mut self, now: Millis) {
        if self.ready.is_empty() || !self.pace.allows() {
            return;
        }
        // With `strict` each flush writes a row, however many it answers.
        let in_turns = !self.options.flush_pace.is_zero() && self.options.durability == Durability::Relaxed;
        let most = if in_turns { flush::most(self.ready.len()) } else { usize::MAX };
        let mut answers = 0;
        let mut frames = Frames::new(self.options.messages_per_frame);
        let first = self.ready.split_off(&self.turn);
        for key in first.into_iter().chain(std::mem::take(&mut self.ready)) {
            let Some(session) = self.sessions.get(key).filter(|session| session.is_ready()) else { continue };
            if let Some(sink) = session.sink() {
                self.turn_page(now, key);
                frames.add(sink, self.sessions.take_events(key));
            } else if answers == most {
                self.ready.insert(key);
            } else if let Some(held) = self.resume(now, key) {
                self.answer_connect(now, key, held);
                self.turn = SessionKey(key.0 + 1);
                answers += 1;
            }
        }
        let sent = Sent { answers, ..frames.sent() };
        frames.into_sendings().for_each(|sending| self.send_events(sending));
        if self.pace.flushed(now, sent, !self.ready.is_empty(), self.options.flush_pace) {
            self.outputs.push(Output::AwaitTurn);
        }
    }

    /// One answer: events first, then the replies in the order of their requests. With `MESSAGES_PER_FRAME` the events
    /// have frames of their own on a socket.
    pub(in crate::bayeux) fn send(
        &mut self,
        to: Endpoint,
        status: Status,
        format: Format,
        mut events: &[Event],
        replies: &[String],
    ) {
        if let (Endpoint::WebSocket(socket), Some(count)) = (&to, self.options.messages_per_frame) {
            for sending in split(vec![*socket], Vec::new(), events, count) {
                self.send_events(sending);
            }
            events = &[];
        }
        let replies: Vec<_> = replies.iter().map(|reply| self.stamp.on(reply)).collect();
        let messages = array(events.iter().map(Event::as_json).chain(replies.iter().map(AsRef::as_ref)));
        self.outputs.push(Output::Send { to, status, format, messages });
    }

    fn send_events(&mut self, Sending { sockets, streams, messages }: Sending) {
        if !streams.is_empty() {
            self.outputs.push(Output::Stream { to: streams, messages: messages.clone() });
        }
        if !sockets.is_empty() {
            self.outputs.push(Output::Deliver { to: sockets, messages });
        }
    }

    pub(in crate::bayeux) fn respond(&mut self, to: Endpoint, response: HttpResponse) {
        self.outputs.push(Output::Respond { to, response });
    }

    /// How the answers to a session are written.
    pub(in crate::bayeux) fn format(&self, key: SessionKey) -> Format {
        self.sessions.get(key).map_or(Format::Json, |session| session.negotiated.format)
    }
}
