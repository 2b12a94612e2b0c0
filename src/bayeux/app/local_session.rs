//! Sessions of the application's own: they subscribe, receive and publish without a network.

use std::rc::Rc;

use super::actions::Actions;
use super::publication::Publication;
use super::valid;
use crate::bayeux::delivery::Subscriptions;
use crate::bayeux::wire::{ChannelId, ChannelPattern};

/// A subscriber that is part of the application, such as a bot. It hears what clients and the server publish, but not
/// what it publishes itself.
///
/// ```
/// use bayeux_edge::bayeux::app::{Actions, Application, LocalSession, publish};
///
/// let bot = LocalSession::new("autobot", |message| match message.message().get::<String>("data") {
///     Some(text) => publish(&message.channel, format!("I got your message: {text}")),
///     None => Actions::new(),
/// });
/// let application = Application::new().local_session(bot.subscribe("/chat/*"));
/// ```
pub struct LocalSession {
    name: Rc<str>,
    subscriptions: Vec<ChannelPattern>,
    receive: Box<dyn FnMut(&Publication) -> Actions>,
}

impl LocalSession {
    /// `receive` hears each message once, however many subscriptions match.
    pub fn new(name: &str, receive: impl FnMut(&Publication) -> Actions + 'static) -> Self {
        Self { name: name.into(), subscriptions: Vec::new(), receive: Box::new(receive) }
    }

    /// Listens from the beginning. Later on [`Actions::subscribe`] and [`Actions::unsubscribe`] change what it hears,
    /// until the home's object is evicted and starts again.
    ///
    /// # Panics
    /// Where `pattern` is neither a channel nor a pattern.
    #[must_use]
    pub fn subscribe(mut self, pattern: &str) -> Self {
        self.subscriptions.push(valid(pattern));
        self
    }
}

/// All local sessions, each known by its place.
#[derive(Default)]
pub struct LocalSessions {
    sessions: Vec<LocalSession>,
    subscriptions: Subscriptions<usize>,
}

impl LocalSessions {
    pub fn add(&mut self, session: LocalSession) {
        for pattern in &session.subscriptions {
            self.subscriptions.add(pattern.clone(), self.sessions.len());
        }
        self.sessions.push(session);
    }

    /// Those who hear of `channel`, but for the one that published.
    pub fn matching(&self, channel: &ChannelId, publisher: Option<&str>) -> Vec<usize> {
        let others = |place: &usize| self.sessions.get(*place).is_some_and(|session| publisher != Some(&*session.name));
        self.subscriptions.matching(channel).filter(others).collect()
    }

    pub fn has(&self, name: &str) -> bool {
        self.subscriptions.has(name)
    }

    pub fn name(&self, place: usize) -> Option<Rc<str>> {
        self.sessions.get(place).map(|session| session.name.clone())
    }

    /// Its name, and whether it did not listen before; `None` where there is no such session.
    pub fn subscribe(&mut self, name: &str, pattern: &ChannelPattern) -> Option<(Rc<str>, bool)> {
        let place = self.place(name)?;
        let session = self.sessions.get_mut(place)?;
        let new = !session.subscriptions.contains(pattern);
        if new {
            session.subscriptions.push(pattern.clone());
            self.subscriptions.add(pattern.clone(), place);
        }
        Some((session.name.clone(), new))
    }

    /// Its name, and whether it listened before; `None` where there is no such session.
    pub fn unsubscribe(&mut self, name: &str, pattern: &ChannelPattern) -> Option<(Rc<str>, bool)> {
        let place = self.place(name)?;
        let session = self.sessions.get_mut(place)?;
        let before = session.subscriptions.len();
        session.subscriptions.retain(|subscribed| subscribed != pattern);
        self.subscriptions.remove(pattern, place);
        Some((session.name.clone(), session.subscriptions.len() < before))
    }

    pub fn receive(&mut self, place: usize, publication: &Publication) -> Actions {
        self.sessions.get_mut(place).map(|session| (session.receive)(publication)).unwrap_or_default()
    }

    fn place(&self, name: &str) -> Option<usize> {
        self.sessions.iter().position(|session| *session.name == *name)
    }
}
