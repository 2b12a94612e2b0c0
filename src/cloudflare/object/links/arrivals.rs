//! What comes over links, and how it reaches the protocol.

use std::rc::Rc;

use serde_json::json;
use worker::WebSocket;
use worker::web_sys::Response;

use super::frame::{FrameEntry, More, Word, read};
use super::{LINK_PATH, attachment};
use crate::bayeux::tokens::Bearer;
use crate::bayeux::{
    BayeuxContext, EndpointKey, Format, Home, Input, Refusal, RequestError, StreamId, has_handshake, is_form,
    parse_form, parse_json,
};
use crate::cloudflare::http::request::ClientRequest;
use crate::cloudflare::http::response::{Head, refuse};
use crate::cloudflare::js;
use crate::cloudflare::log::LogLevel;
use crate::cloudflare::object::{Incoming, Tree};
use crate::cloudflare::transport::sockets::Close;

impl Tree {
    /// The response to an isolate that opens a link; none for other requests.
    pub(in crate::cloudflare::object) fn open_link(&self, request: &ClientRequest) -> Option<Response> {
        let name = request.path().strip_prefix(LINK_PATH)?;
        self.log.line(LogLevel::Debug, "link_opened", json!({}));
        Some(self.links.accept(name).unwrap_or_else(|error| {
            self.log.line(LogLevel::Error, "link_refused", json!({ "error": error.to_string() }));
            refuse(Head::default(), Refusal::SocketsExceeded)
        }))
    }

    /// A socket closed: a link's, or a client's.
    pub(in crate::cloudflare::object) fn close_any(&self, socket: &WebSocket, close: &Close) {
        if !self.close_link(socket, close) {
            self.close(socket, close);
        }
    }

    /// Sends all answers of this time in one frame for each isolate.
    pub(in crate::cloudflare::object) fn gather(&self, work: impl FnOnce()) {
        self.links.gathering.set(self.links.gathering.get() + 1);
        work();
        self.links.gathering.set(self.links.gathering.get() - 1);
        self.links.flush();
    }

    /// A frame arrived. Returns whether it came over a link.
    pub(in crate::cloudflare::object) fn hear_link(&self, socket: &WebSocket, text: Option<&str>) -> bool {
        if self.links.is_empty() {
            return false;
        }
        let Some(attachment) = attachment(socket) else { return false };
        self.links.heard(&attachment);
        let name: Rc<str> = attachment.name.into();
        let Some(words) = text.and_then(read) else {
            self.close_link(socket, &Close::fault());
            return true;
        };
        self.gather(|| {
            for word in words {
                match word {
                    Word::Asks(entry) => self.asked(&name, entry),
                    Word::Leaves(number) => {
                        if let Some(endpoint) = self.links.leave(&name, number) {
                            self.submit(Incoming { input: Input::Closed(endpoint), sender: None, request: None });
                        }
                    }
                    Word::Reads { number, stalled } => {
                        if let Some(EndpointKey::EventSource(stream)) = self.links.endpoint(&name, number) {
                            let input = if stalled { Input::Stalled } else { Input::Drained };
                            self.handle(input(StreamId(stream)), None);
                        }
                    }
                    Word::AllIsSaid => self.links.all_is_said(&name),
                }
            }
        });
        true
    }

    /// A link closed. Returns whether the socket was one.
    fn close_link(&self, socket: &WebSocket, close: &Close) -> bool {
        if self.links.is_empty() {
            return false;
        }
        let Some(attachment) = attachment(socket) else { return false };
        close.send(socket);
        for endpoint in self.links.closed(&attachment) {
            self.submit(Incoming { input: Input::Closed(endpoint), sender: None, request: None });
        }
        true
    }

    fn asked(&self, name: &Rc<str>, FrameEntry(number, text, address, more): FrameEntry) {
        let More { again, held, query, content_type, multiplexed, token, browser, stream, open } =
            more.unwrap_or_default();
        if self.links.has_had(name, number, again) {
            return;
        }
        if stream {
            let context = BayeuxContext { address, browser, again: held, ..BayeuxContext::default() };
            return self.listens(name, number, text.unwrap_or_default(), context, open);
        }
        let endpoint = self.polls.next_endpoint();
        let sender = endpoint.key();
        self.links.ask(name, number, sender);
        let Some(text) = text else {
            // The outcome is unknown.
            let gone = r#"[{"successful":false,"error":"503::home_unreachable"}]"#;
            return self.answer(sender, 503, Format::Json, gone);
        };
        let options = &self.config.options;
        let is_form = if query { Ok(true) } else { is_form(content_type.as_deref(), &text) };
        let messages =
            is_form.and_then(|is_form| if is_form { parse_form(&text, options) } else { parse_json(&text, options) });
        match messages {
            Ok(messages) => {
                if let Some(home) = self.elsewhere(Home::of_messages(&messages)) {
                    return self.links.moved(sender, &home);
                }
                let token = token.filter(|_| has_handshake(&messages)).as_deref().map(Bearer::new);
                let context =
                    BayeuxContext { address, browser, multiplexed, again: held, token, ..BayeuxContext::default() };
                let input = Input::Messages { from: endpoint, context, messages };
                self.submit(Incoming { input, sender: Some(sender), request: None });
            }
            Err(error) => self.refuse_link(sender, error),
        }
    }

    /// The stream of a session.
    fn listens(&self, name: &Rc<str>, number: u64, client_id: String, context: BayeuxContext, open: bool) {
        let from = self.streams.next();
        let sender = EndpointKey::EventSource(from.0);
        self.links.ask(name, number, sender);
        if let Some(home) = self.elsewhere(Home::of_client_id(&client_id)) {
            return self.links.moved(sender, &home);
        }
        if !context.again {
            let admitted = self.connections.borrow_mut().admit_stream(js::now(), context.network());
            if let Err(refused) = admitted {
                self.tell_of(&context, refused, "connections");
                return self.links.refuse(sender, refused.refusal);
            }
        }
        self.handle(Input::Listen { from, context, client_id, kept_open: true }, Some(sender));
        if !open {
            // Nothing where it was refused.
            self.links.write(vec![from], String::new);
        }
    }

    fn refuse_link(&self, to: EndpointKey, error: RequestError) {
        self.answer(to, error.status(), Format::Json, &error.body());
    }
}
