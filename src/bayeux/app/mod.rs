//! What an application is made of.
//!
//! ```
//! use bayeux_edge::bayeux::BayeuxError;
//! use bayeux_edge::bayeux::app::{Actions, Application, reply};
//!
//! let mut calls = 0;
//! let application = Application::new()
//!     .service("echo", |call| Ok(reply(call.raw_data())))
//!     .service("add", |call| {
//!         let [a, b]: [f64; 2] = call.data()?;
//!         Ok(reply(a + b))
//!     })
//!     .service("count", move |_| {
//!         calls += 1;
//!         Ok(reply(calls))
//!     })
//!     .fallback_service(|_| Err(BayeuxError::Service(404, "no such service".to_owned()).into()))
//!     .listener("/chat/**", |message| {
//!         let mut data: serde_json::Value = message.data()?;
//!         data["checked"] = true.into();
//!         message.set_data(data);
//!         Ok(Actions::new())
//!     });
//! ```
//!
//! Handlers are called while a message is handled, and return what they want done as [`Actions`]. A handler that needs
//! an answer from elsewhere first returns [`ask`]. Handlers may have state. It belongs to one home, and is lost when
//! its object is evicted: what a session needs for longer belongs in its [`Attributes`]. A panic in a handler costs the
//! message that it was called for, which is answered `500::internal_error`, and nothing else.
//!
//! | File | Has |
//! |---|---|
//! | `mod` | the application: its handlers by channel |
//! | `actions`, `fetch` | what a handler wants done; an HTTP request that it waits for |
//! | `handler_error` | how an error of a handler becomes a reply or a log line; a policy's denial is in `policy` |
//! | `publication`, `server_events`, `local_session` | what handlers are given |
//! | `policy`, `channel_options`, `http_routes`, `http` | permission, channel options, routes of one's own |
//! | `handler_calls` | the calls into handlers, with their panics caught |

mod actions;
mod channel_options;
mod fetch;
mod handler_calls;
mod handler_error;
mod http;
mod http_routes;
mod local_session;
mod policy;
mod publication;
mod server_events;

use std::collections::BTreeMap;
use std::time::Duration;

pub use self::actions::{Action, Actions, CallAnswer, answer, ask, failure, publish, reply};
pub use self::channel_options::ChannelOptions;
pub(in crate::bayeux) use self::fetch::OnResponse;
pub use self::fetch::{Ask, Fetch, FetchError, FetchResponse, FetchTarget};
pub(in crate::bayeux) use self::handler_calls::Fault;
pub use self::handler_error::{HandlerError, Outcome};
pub use self::http::{HttpRequest, HttpResponse};
use self::http_routes::Routes;
pub use self::local_session::LocalSession;
use self::local_session::LocalSessions;
pub use self::policy::SecurityPolicy;
pub use self::publication::Publication;
pub(in crate::bayeux) use self::server_events::LifecycleEvent;
pub use self::server_events::ServerEvent;
use crate::bayeux::delivery::HistoryBounds;
pub use crate::bayeux::session::Attributes;
pub use crate::bayeux::session::{Client, Sender};
use crate::bayeux::wire::{ChannelId, ChannelPattern, ChannelTemplate};

/// An application, put together piece by piece. An empty one leaves everything open and has no services.
#[derive(Default)]
pub struct Application {
    policy: Option<Box<dyn SecurityPolicy>>,
    services: BTreeMap<ChannelId, Service>,
    /// Those with named segments.
    named_services: Vec<(ChannelTemplate, Service)>,
    fallback: Option<Service>,
    listeners: Vec<(ChannelTemplate, ListenerFn)>,
    event_listeners: Vec<EventListener>,
    pub(super) locals: LocalSessions,
    channels: Vec<(ChannelTemplate, ChannelOptions)>,
    /// For each of them the pattern that matches whatever it does.
    widened: Vec<ChannelPattern>,
    routes: Routes,
    static_hook: Option<StaticHook>,
}

type Service = Box<dyn FnMut(&Publication) -> Outcome>;

type ListenerFn = Box<dyn FnMut(&mut Publication) -> Outcome>;

type StaticHook = Box<dyn Fn(&HttpRequest, &mut HttpResponse)>;

type EventListener = Box<dyn FnMut(&ServerEvent) -> Actions>;

impl Application {
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks this policy before anything else happens. There is one; a second one takes its place.
    #[must_use]
    pub fn security_policy(mut self, policy: impl SecurityPolicy + 'static) -> Self {
        self.policy = Some(Box::new(policy));
        self
    }

    /// Answers what is published to `/service/<name>`, which nobody else receives. A segment of the name may be named
    /// itself: `rooms/{room}/join` answers for every room, and [`Publication::capture`] says which.
    ///
    /// # Panics
    /// Where the name makes no channel.
    #[must_use]
    pub fn service(mut self, name: &str, service: impl FnMut(&Publication) -> Outcome + 'static) -> Self {
        let template = ChannelTemplate::parse(&format!("/service/{name}"));
        let template = template.unwrap_or_else(|| panic!("{name:?} is no service's name"));
        match ChannelId::parse(&template.to_string()).filter(|_| !template.has_names()) {
            Some(channel) => drop(self.services.insert(channel, Box::new(service))),
            None => self.named_services.push((template, Box::new(service))),
        }
        self
    }

    /// Answers the remote calls of this name: `remoteCall` of cometd.js and of CometD's Java client, which publish to
    /// `/service/<name>` and wait for the message with their id. [`answer`] and [`failure`] are that message, with
    /// whatever else is to be done. An error fails the call, with `{"error":"…"}` for its data. A handler that returns
    /// no answer answers `null`.
    ///
    /// ```
    /// use bayeux_edge::bayeux::app::{Application, answer, failure};
    /// use serde_json::json;
    ///
    /// let application = Application::new().remote_call("divide", |call| {
    ///     let [a, b]: [f64; 2] = call.data()?;
    ///     Ok(if b == 0.0 { failure(json!({ "reason": "by zero" })) } else { answer(a / b) })
    /// });
    /// ```
    ///
    /// # Panics
    /// Where the name makes no channel.
    #[must_use]
    pub fn remote_call(self, name: &str, mut handler: impl FnMut(&Publication) -> Outcome + 'static) -> Self {
        self.service(name, move |call| call_outcome(handler(call)))
    }

    /// Answers what is published to any other service: POE's `_handler`. Without it a message to a service that nobody
    /// answers, and no listener hears, is refused with `404::service_unknown`. CometD takes it and says nothing:
    /// `|_| Ok(Actions::new())` does the same.
    #[must_use]
    pub fn fallback_service(mut self, service: impl FnMut(&Publication) -> Outcome + 'static) -> Self {
        self.fallback = Some(Box::new(service));
        self
    }

    /// Is called for each message that clients publish on these channels, services included, before anyone receives it.
    /// Several are called in the order they were added. An error vetoes the message: nobody receives it, and the
    /// publisher reads the error, usually [`MessageDeleted`](crate::bayeux::BayeuxError::MessageDeleted). It may change
    /// data and `ext`. It is called for messages of the server API too, with [`Client::by_api`], but not for the
    /// application's own.
    ///
    /// # Panics
    /// Where `pattern` is neither a channel nor a pattern.
    #[must_use]
    pub fn listener(mut self, pattern: &str, listener: impl FnMut(&mut Publication) -> Outcome + 'static) -> Self {
        self.listeners.push((template(pattern), Box::new(listener)));
        self
    }

    /// Is called for each event of the server, after the fact and before the clients receive anything: POE's
    /// `Callback`.
    #[must_use]
    pub fn on_event(mut self, listener: impl FnMut(&ServerEvent) -> Actions + 'static) -> Self {
        self.event_listeners.push(Box::new(listener));
        self
    }

    /// Adds a subscriber that is part of the application. Its name should be unique.
    #[must_use]
    pub fn local_session(mut self, session: LocalSession) -> Self {
        self.locals.add(session);
        self
    }

    /// Sets options of the channels that match.
    ///
    /// # Panics
    /// Where `pattern` is neither a channel nor a pattern.
    #[must_use]
    pub fn channel(mut self, pattern: &str, options: ChannelOptions) -> Self {
        let template = template(pattern);
        self.widened.extend(template.widened());
        self.channels.push((template, options));
        self
    }

    /// Answers requests of one method for a path, or with `/*` at its end for all below it: POE's `ContentHandler`. Of
    /// several that match, the first one answers. It runs in the root's home, so it shares state with the services
    /// there, and its actions reach their clients.
    ///
    /// The platform looks for static files first: add the path to `run_worker_first` in wrangler.toml.
    ///
    /// ```
    /// use bayeux_edge::bayeux::app::{Application, HttpResponse, publish};
    ///
    /// let application = Application::new()
    ///     .route("GET", "/hello", |_| HttpResponse::text("Hello!"))
    ///     .route("POST", "/hooks/*", |request| match request.json::<serde_json::Value>() {
    ///         Some(news) => HttpResponse::new(204).and(publish("/news", news)),
    ///         None => HttpResponse::text("JSON, please").with_status(400),
    ///     });
    /// ```
    ///
    /// # Panics
    /// Where `path` is no path, or begins as the server's own does.
    #[must_use]
    pub fn route(
        mut self,
        method: &str,
        path: &str,
        handler: impl FnMut(&HttpRequest) -> HttpResponse + 'static,
    ) -> Self {
        self.routes.add(method, path, Box::new(handler));
        self
    }

    /// Sees each response with a static file before it leaves, and may change it: POE's `PostHandle`. It is called near
    /// the client, far from any home, and shares no state with what is called there.
    ///
    /// The platform serves static files without the Worker, except those that `run_worker_first` in wrangler.toml
    /// names. For headers that depend on the path alone use `public/_headers`, which costs nothing.
    ///
    /// ```
    /// use bayeux_edge::bayeux::app::{Application, HttpResponse};
    ///
    /// let application = Application::new().on_static_response(|request, response| {
    ///     if request.path.starts_with("/downloads/") {
    ///         response.set_header("cache-control", "public, max-age=86400");
    ///     }
    ///     if request.path.starts_with("/drafts/") && request.header("cookie").is_none() {
    ///         *response = HttpResponse::text("Log in first.").with_status(401);
    ///     }
    /// });
    /// ```
    #[must_use]
    pub fn on_static_response(mut self, hook: impl Fn(&HttpRequest, &mut HttpResponse) + 'static) -> Self {
        self.static_hook = Some(Box::new(hook));
        self
    }

    /// The paths of the routes, for a look at whether the platform sends them here.
    pub fn route_paths(&self) -> impl Iterator<Item = String> {
        self.routes.paths()
    }

    /// Whether there is a route from this path.
    pub fn has_route(&self, path: &str) -> bool {
        self.routes.lead_from(path)
    }

    /// Whether there is a hook on static responses.
    pub fn has_static_hook(&self) -> bool {
        self.static_hook.is_some()
    }

    /// Lets the hook see a static response.
    pub fn see_static(&self, request: &HttpRequest, response: &mut HttpResponse) {
        if let Some(hook) = &self.static_hook {
            hook(request, response);
        }
    }

    /// How long events of this channel wait for company, where the application says so.
    pub(super) fn laziness(&self, channel: &ChannelId) -> Option<Duration> {
        self.channels
            .iter()
            .filter(|(pattern, _)| pattern.matches(channel).is_some())
            .find_map(|(_, options)| options.lazy)
    }

    /// What this channel keeps for those who come later, where the application says so.
    pub(super) fn history(&self, channel: &ChannelId) -> Option<HistoryBounds> {
        self.channels
            .iter()
            .filter(|(pattern, _)| pattern.matches(channel).is_some())
            .find_map(|(_, options)| options.history)
    }

    /// Whether this channel's latest event is retained.
    pub(super) fn retains(&self, channel: &ChannelId) -> bool {
        self.channels.iter().any(|(pattern, options)| options.retain && pattern.matches(channel).is_some())
    }

    /// Whether this channel tells who is there, and whether any does.
    pub(super) fn has_presence(&self, channel: &ChannelId) -> bool {
        self.channels.iter().any(|(pattern, options)| options.presence && pattern.matches(channel).is_some())
    }

    pub(super) fn has_any_presence(&self) -> bool {
        self.channels.iter().any(|(_, options)| options.presence)
    }

    /// The patterns of channels that keep events, and how long; and of those whose latest is retained.
    pub(super) fn histories(&self) -> impl Iterator<Item = (&ChannelPattern, Option<Duration>)> {
        let all = self.widened.iter().zip(&self.channels);
        all.filter_map(|(pattern, (_, options))| Some((pattern, options.history?.age)))
    }

    pub(super) fn retained(&self) -> impl Iterator<Item = &ChannelPattern> {
        let all = self.widened.iter().zip(&self.channels);
        all.filter(|(_, (_, options))| options.retain).map(|(pattern, _)| pattern)
    }

    /// How many sessions may subscribe to this name.
    pub(super) fn max_subscribers(&self, name: &ChannelPattern) -> Option<usize> {
        let channel = ChannelId::parse(name.as_str());
        let matches = |template: &ChannelTemplate| match &channel {
            Some(channel) => template.matches(channel).is_some(),
            None => template.is(name),
        };
        self.channels.iter().filter(|(pattern, _)| matches(pattern)).find_map(|(_, options)| options.max_subscribers)
    }

    pub(super) fn hears_of_events(&self) -> bool {
        !self.event_listeners.is_empty()
    }

    /// Whether there is something of the application at this very name, or could be.
    pub(super) fn has(&self, name: &ChannelPattern) -> bool {
        self.services.contains_key(name.as_str())
            || ChannelId::parse(name.as_str()).is_some_and(|channel| self.has_named_service(&channel))
            || (self.fallback.is_some() && name.as_str().starts_with("/service/"))
            || self.listeners.iter().any(|(template, _)| template.is(name))
            || self.channels.iter().any(|(template, _)| template.is(name))
            || self.locals.has(name.as_str())
    }

    /// Whether a service of the application's own has this very name.
    pub(super) fn serves(&self, channel: &ChannelId) -> bool {
        self.services.contains_key(channel.as_str()) || self.has_named_service(channel)
    }

    /// Whether a service answers what is published there, or a listener hears it.
    pub(super) fn takes(&self, channel: &ChannelId) -> bool {
        self.serves(channel)
            || self.fallback.is_some()
            || self.listeners.iter().any(|(template, _)| template.matches(channel).is_some())
    }

    fn has_named_service(&self, channel: &ChannelId) -> bool {
        self.named_services.iter().any(|(template, _)| template.matches(channel).is_some())
    }
}

/// What a remote call comes to: an error is a failed answer, and whoever neither answers nor asks answers `null`.
fn call_outcome(outcome: Outcome) -> Outcome {
    let actions = match outcome {
        Ok(actions) => actions,
        Err(error) => Actions::failed_by(error.told()?),
    };
    Ok(actions.answering_a_call())
}

fn template(text: &str) -> ChannelTemplate {
    ChannelTemplate::parse(text).unwrap_or_else(|| panic!("{text:?} is neither a channel nor a pattern"))
}

/// Braces are for names of what a template captures, and nothing is captured here.
fn valid(pattern: &str) -> ChannelPattern {
    let parsed = ChannelPattern::parse(pattern).filter(|_| !pattern.contains(['{', '}']));
    parsed.unwrap_or_else(|| panic!("{pattern:?} is neither a channel nor a pattern"))
}
