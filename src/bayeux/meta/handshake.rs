//! `/meta/handshake` opens a session.
//!
//! ```text
//! → [{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"],"id":"1"}]
//! ← [{"channel":"/meta/handshake","id":"1","successful":true,"version":"1.0","minimumVersion":"1.0",
//!     "supportedConnectionTypes":["long-polling"],"clientId":"…",
//!     "advice":{"reconnect":"retry","interval":0,"timeout":30000}}]
//! ```
//!
//! * A request MUST have version and supportedConnectionTypes, MAY have minimumVersion, ext and id (Bayeux 1.0 section
//!   4.1).
//! * Without a connection type in common the reply MUST be unsuccessful; ours lists the types that are offered.
//! * All other messages of the same request MUST be ignored: see [`Batch::new`](crate::bayeux::server::Batch::new).

use std::time::Duration;

use serde_json::value::RawValue;

use crate::bayeux::app::ServerEvent;
use crate::bayeux::hooks::Permission;
use crate::bayeux::io::Notice;
use crate::bayeux::options::Options;
use crate::bayeux::server::{Batch, BayeuxServer, Checked, is_handshake};
use crate::bayeux::session::{Client, Held, Negotiated, Sender, Session, SessionKey};
use crate::bayeux::time::Millis;
use crate::bayeux::wire::extensions::ack;
use crate::bayeux::wire::extensions::ack::Ack;
use crate::bayeux::wire::extensions::comment_filter::Format;
use crate::bayeux::wire::extensions::replay::Numbers;
use crate::bayeux::wire::{Advice, BayeuxError, Element, Message, Reply, Written};

const VERSION: &str = "1.0";

/// The longest version that is read, in bytes. Those in use have three.
const MAX_VERSION_LENGTH: usize = 64;

/// The retry interval where a home is full: sessions may have expired by then.
const RETRY_WHEN_FULL: Duration = Duration::from_secs(10);

impl BayeuxServer {
    pub(in crate::bayeux) fn handshake(
        &mut self,
        now: Millis,
        batch: &Batch,
        checked: &Checked,
        permission: Permission,
    ) -> Written {
        let mut client = self.client(batch, None);
        checked.identity.iter().for_each(|identity| identity.note(&mut client));
        for (name, value) in permission.attributes {
            client.attributes.set(&name, value);
        }
        let opened = self
            .admit(&mut client, &checked.message)
            .and_then(|shared| self.open_session(now, batch, checked, &shared, client));
        match opened {
            Ok((key, reply)) => {
                self.metrics.opened += 1;
                self.tell_of(key, Notice::SessionOpened { sessions: self.sessions.len() });
                reply
            }
            Err(error) => self.refuse_handshake(checked, &error),
        }
    }

    /// The reply to a refused handshake.
    pub(in crate::bayeux) fn refuse_handshake(&mut self, checked: &Checked, error: &BayeuxError) -> Written {
        self.tell(Notice::HandshakeRefused { error: error.to_string() });
        self.refusal(checked, error)
    }

    fn open_session(
        &mut self,
        now: Millis,
        batch: &Batch,
        checked: &Checked,
        shared: &[&str],
        client: Client,
    ) -> Result<(SessionKey, Written), BayeuxError> {
        let network = batch.context.network();
        self.may_open(network, &client.attributes)?;
        let client_id = self.new_client_id();
        let until = now + self.options.interval + self.options.max_interval;
        let mut reply = checked.successful();
        describe(&mut reply, shared);
        reply.client_id = Some(client_id.as_str());
        let acks = ack::is_asked_for(&checked.message);
        let format = Format::of_handshake(&checked.message);
        let browser = batch.context.browser.as_deref().map(Into::into);
        let meta_connect_deliver_only = acks || self.options.meta_connect_deliver_only;
        let numbers = if self.keeps_history() { Numbers::of_handshake(&checked.message) } else { Numbers::None };
        let since = self.time_outside().0;
        let negotiated = Negotiated { meta_connect_deliver_only, numbers, format, browser, since };
        reply.ext.replay = self.keeps_history().then(|| numbers.offer());
        reply.ext.ack = acks.then_some(Ack::Agreed(true));
        reply.ext.comment_filtered = (format == Format::CommentFiltered).then_some(true);
        reply.advice = Some(Advice::retry(self.options.interval, self.options.timeout_at(&batch.from)));
        let json = reply.into_json();
        let batches = acks.then_some(0);
        let attributes = client.attributes.clone();
        let expires = checked.identity.as_ref().map(|identity| identity.expires);
        let session = Session::new(client_id, self.options.interval, until);
        let socket = batch.from.socket();
        let before = socket.map(|socket| self.sessions.on(socket)).unwrap_or_default();
        let held = Held::of(network);
        let key = self.sessions.open(Session { negotiated, batches, attributes, expires, held, ..session });
        if let Err(error) = self.save_session(key) {
            self.sessions.close(key);
            return Err(self.storage_failed(&error));
        }
        let outside = self.time_outside();
        self.sessions.heard(key, outside, &batch.context);
        self.sessions.moves_to(key, socket);
        self.replace(&before);
        self.happened(|| ServerEvent::ClientConnect { client: Client { sender: Sender::Session(key), ..client } });
        Ok((key, json))
    }

    /// The connection types that both sides know.
    fn admit(&mut self, client: &mut Client, message: &Message) -> Result<Vec<&'static str>, BayeuxError> {
        version(message, "version")?.ok_or(BayeuxError::VersionMissing)?;
        if version(message, "minimumVersion")?.is_some_and(|minimum| is_newer(&minimum, VERSION)) {
            return Err(BayeuxError::VersionUnsupported);
        }
        let theirs = connection_types(message)?;
        let ours = self.options.connection_types.iter().map(|type_| type_.name());
        let shared: Vec<_> = ours.filter(|ours| theirs.iter().any(|type_| type_ == ours)).collect();
        if shared.is_empty() {
            return Err(BayeuxError::ConnectionTypesUnsupported);
        }
        self.app.can_handshake(client, message).map_err(|fault| self.blame(fault))?;
        if self.sessions.len() >= self.options.max_sessions {
            return Err(BayeuxError::SessionsExceeded);
        }
        Ok(shared)
    }

    pub(in crate::bayeux) fn refusal(&self, checked: &Checked, error: &BayeuxError) -> Written {
        let types: Vec<_> = self.options.connection_types.iter().map(|type_| type_.name()).collect();
        let mut reply = checked.failed(error);
        describe(&mut reply, &types);
        reply.advice.get_or_insert_with(|| match error {
            BayeuxError::RateExceeded(wait) => Advice::again_after(*wait),
            BayeuxError::SessionsExceeded
            | BayeuxError::MemoryExceeded
            | BayeuxError::StorageFailed
            | BayeuxError::Internal
            | BayeuxError::PendingExceeded
            | BayeuxError::HooksUnavailable
            | BayeuxError::TokenKeysUnavailable => Advice::again_after(RETRY_WHEN_FULL),
            _ => Advice::none(),
        });
        reply.into_json()
    }
}

/// The reply to a handshake without a token, where one is required and none came beside the messages. It needs no home,
/// so it starts no object.
pub fn refuse_without_token(options: &Options, messages: &[Element]) -> Option<String> {
    if !options.tokens.are_required() {
        return None;
    }
    let handshake = messages.iter().find(|element| is_handshake(element))?.as_ref().ok()?;
    let has_token = handshake.get::<Message>("ext").is_some_and(|ext| ext.field("token").is_some());
    // A bad id is left to the home to refuse.
    let id = handshake.id().ok().filter(|_| !has_token)?;
    let types: Vec<_> = options.connection_types.iter().map(|type_| type_.name()).collect();
    let mut reply = Reply::failed(Some("/meta/handshake"), &id, &BayeuxError::TokenMissing);
    describe(&mut reply, &types);
    reply.advice = Some(Advice::none());
    Some(reply.into_json().json)
}

fn describe<'a>(reply: &mut Reply<'a>, connection_types: &'a [&'a str]) {
    reply.version = Some(VERSION);
    reply.minimum_version = Some(VERSION);
    reply.supported_connection_types = Some(connection_types);
}

/// A version is text. A number is accepted too, as it is written (CometD).
///
/// # Errors
/// `400::version_invalid`.
fn version(message: &Message, name: &str) -> Result<Option<String>, BayeuxError> {
    let Some(raw) = message.field(name) else { return Ok(None) };
    let number = || raw.get().parse::<f64>().is_ok().then(|| raw.get().to_owned());
    let version = message.get::<String>(name).or_else(number);
    version.filter(|version| version.len() <= MAX_VERSION_LENGTH).ok_or(BayeuxError::VersionInvalid).map(Some)
}

/// The client's connection types; a single one may come without an array, and invalid names are skipped.
///
/// # Errors
/// `400::supported_connection_types_missing` or `400::supported_connection_types_invalid`.
fn connection_types(message: &Message) -> Result<Vec<String>, BayeuxError> {
    let raw = message.field("supportedConnectionTypes").ok_or(BayeuxError::SupportedConnectionTypesMissing)?;
    if let Ok(alone) = serde_json::from_str(raw.get()) {
        return Ok(vec![alone]);
    }
    let all: Vec<&RawValue> =
        serde_json::from_str(raw.get()).map_err(|_| BayeuxError::SupportedConnectionTypesInvalid)?;
    Ok(all.into_iter().filter_map(|each| serde_json::from_str(each.get()).ok()).collect())
}

/// Whether version `a` comes after `b`, element by element (Bayeux 1.0 section 3.2): 1.10 comes after 1.9. Elements are
/// compared as text, so that none is too large.
fn is_newer(a: &str, b: &str) -> bool {
    fn elements(version: &str) -> Vec<(usize, &str)> {
        let digits = |element: &str| element.find(|c: char| !c.is_ascii_digit()).unwrap_or(element.len());
        let numbers = version.split('.').map(|element| element[..digits(element)].trim_start_matches('0'));
        numbers.map(|number| (number.len(), number)).collect()
    }
    elements(a) > elements(b)
}

#[cfg(test)]
mod tests {
    use super::is_newer;

    #[test]
    fn versions_compare_element_by_element() {
        for (a, b) in [
            ("2", "1.0"),
            ("1.10", "1.9"),
            ("1.0.1", "1.0"),
            ("99.0", "1.0"),
            ("99999999999999999999999", "1.0"),
            ("99999999999999999999998.1", "99999999999999999999998.0"),
        ] {
            assert!(is_newer(a, b) && !is_newer(b, a), "{a} {b}");
        }
        for minimum in ["1.0", "0.9", "1", "1.0beta", "", "x", "01.0", "0.99999999999999999999999"] {
            assert!(!is_newer(minimum, "1.0"), "{minimum}");
        }
    }
}
