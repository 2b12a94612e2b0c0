//! A server, its clients and a clock.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use bayeux_edge::bayeux::api::Scope;
use bayeux_edge::bayeux::app::{Fetch, FetchError, FetchResponse, HttpRequest, HttpResponse};
use bayeux_edge::bayeux::metrics::{DOUBLES, DataPoint};
use bayeux_edge::bayeux::{
    API_PATH, Application, FetchedKeys, Input, Millis, Notice, Options, RequestError, SocketId, Who, parse_form,
    parse_json,
};
use serde_json::Value;

use crate::client::{Client, Socket};
use crate::rows::Rows;
use crate::stream::Stream;
use crate::world::{FrameKind, World};

/// One server and everything around it.
///
/// When it is dropped it lets the longest timeout pass and checks that every request was answered.
pub struct Scenario(Rc<RefCell<World>>);

impl Scenario {
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// A server with these variables, as `wrangler.toml` would give them.
    pub fn with(vars: &[(&str, &str)]) -> Self {
        Self::serving(Application::new(), vars)
    }

    /// A server with an application.
    pub fn serving(app: Application, vars: &[(&str, &str)]) -> Self {
        Self(Rc::new(RefCell::new(World::new(app, options(vars)))))
    }

    /// A client that has not sent anything yet.
    pub fn client(&self, name: &'static str) -> Client {
        Client::new(Rc::clone(&self.0), name)
    }

    /// Clients with a session, after the answer to their first connect.
    pub fn join<const N: usize>(&self, names: [&'static str; N]) -> [Client; N] {
        names.map(|name| {
            let client = self.client(name);
            client.handshake();
            client.connect().answer();
            client
        })
    }

    /// A socket that nobody has used yet.
    pub fn socket(&self) -> Socket {
        Socket::new(Rc::clone(&self.0))
    }

    /// A stream that this client opens for its session.
    pub fn stream(&self, client: &Client) -> Stream {
        Stream::open(Rc::clone(&self.0), client.id(), None, false)
    }

    /// A stream that the Worker keeps open over a link.
    pub fn stream_kept_open(&self, client: &Client) -> Stream {
        Stream::open(Rc::clone(&self.0), client.id(), None, true)
    }

    /// A stream from this IP address for the session of this clientId.
    pub fn stream_from(&self, address: Option<&str>, client_id: &str) -> Stream {
        Stream::open(Rc::clone(&self.0), client_id, address, false)
    }

    /// Clients with a session over a socket each, after the answer to their first connect.
    pub fn join_on_sockets<const N: usize>(&self, names: [&'static str; N]) -> [(Client, Socket); N] {
        names.map(|name| {
            let (socket, client) = (self.socket(), self.client(name));
            client.moves_to(&socket);
            client.handshake();
            client.connect().answer();
            socket.frames();
            (client, socket)
        })
    }

    /// One more client of a socket: it made its handshake and its first connect over polls.
    pub fn join_at(&self, socket: &Socket, name: &'static str) -> Client {
        let [client] = self.join([name]);
        client.moves_to(socket);
        client
    }

    /// All deliveries to sockets until now: the sockets, and the data of the events.
    pub fn deliveries(&self) -> Vec<(Vec<SocketId>, Vec<Value>)> {
        let world = self.0.borrow();
        let delivered = world.frames.iter().filter(|frame| frame.kind == FrameKind::Events);
        delivered.map(|frame| (frame.to.clone(), frame.answer.data())).collect()
    }

    /// The response of a route.
    pub fn http(&self, request: HttpRequest) -> HttpResponse {
        self.0.borrow_mut().http(request)
    }

    /// The answer to a call of the server API: its status, and its JSON if it has any.
    pub fn call(&self, method: &str, path: &str, query: &str, body: &str) -> (u16, Value) {
        let (path, body) = (format!("{API_PATH}{path}"), body.as_bytes().to_vec());
        let (method, query, address) = (method.into(), query.into(), Some("192.0.2.99".into()));
        let request = HttpRequest { method, path, query, address, body, ..HttpRequest::default() };
        let mut world = self.0.borrow_mut();
        let response = world.call(request);
        let text = String::from_utf8(response.body.unwrap_or_default()).unwrap();
        for secret in world.secrets.keys() {
            assert!(!text.contains(secret), "a secret in an answer: {text}");
        }
        (response.status, serde_json::from_str(&text).unwrap_or_default())
    }

    /// The response of the server API, as it is sent.
    pub fn api(&self, request: HttpRequest) -> HttpResponse {
        self.0.borrow_mut().call(request)
    }

    /// The answer to a `GET` with a key of scope read.
    pub fn read_only(&self, path: &str) -> Value {
        let (method, path) = ("GET".into(), format!("{API_PATH}{path}"));
        let response = self.0.borrow_mut().call_as(Scope::Read, HttpRequest { method, path, ..HttpRequest::default() });
        serde_json::from_slice(&response.body.unwrap_or_default()).unwrap_or_default()
    }

    /// From now on a hooks Worker is asked.
    pub fn with_hooks(self) -> Self {
        self.0.borrow_mut().bind_hooks();
        self
    }

    /// From now on the application that the Worker exports is asked.
    pub fn with_exported_application(self) -> Self {
        self.0.borrow_mut().bind_application();
        self
    }

    /// The calls that wait for the hooks Worker.
    pub fn asked(&self) -> Vec<Value> {
        let world = self.0.borrow();
        let request: Value =
            world.consulted.as_deref().map(|request| serde_json::from_str(request).unwrap()).unwrap_or_default();
        request["calls"].as_array().cloned().unwrap_or_default()
    }

    /// The hooks Worker answers the calls, in order.
    pub fn hooks_answer(&self, answers: &Value) {
        self.hooks_say(Some(&serde_json::json!({ "answers": answers }).to_string()));
    }

    /// The hooks Worker responds with this text; `None` if it does not respond.
    pub fn hooks_say(&self, text: Option<&str>) {
        let mut world = self.0.borrow_mut();
        assert!(world.consulted.take().is_some(), "nobody asked");
        world.step(Input::Consulted(text.map(str::to_owned)));
    }

    /// How many requests of handlers are under way.
    pub fn asking(&self) -> usize {
        self.0.borrow().fetches.len()
    }

    /// The oldest request of a handler that is under way.
    pub fn asks(&self) -> Fetch {
        self.0.borrow().fetches.front().expect("nobody asks").1.clone()
    }

    /// Its response.
    pub fn responds(&self, response: Result<FetchResponse, FetchError>) {
        let mut world = self.0.borrow_mut();
        let (token, _) = world.fetches.pop_front().expect("nobody asks");
        world.step(Input::Fetched { token, response });
    }

    /// The URL from which keys are being fetched.
    pub fn fetching(&self) -> Option<String> {
        self.0.borrow().fetching.clone()
    }

    /// The fetched keys arrive, with this `Cache-Control`.
    pub fn keys_come(&self, text: &str, cache_control: Option<&str>) {
        let cache_control = cache_control.map(str::to_owned);
        self.fetched(Ok(FetchedKeys { text: text.to_owned(), cache_control }));
    }

    /// The fetch fails.
    pub fn keys_fail(&self, reason: &str) {
        self.fetched(Err(reason.to_owned()));
    }

    fn fetched(&self, answer: Result<FetchedKeys, String>) {
        let mut world = self.0.borrow_mut();
        assert!(world.fetching.take().is_some(), "nobody fetches");
        world.step(Input::KeysFetched(answer));
    }

    /// Lets time pass, and wakes the server when it wants to be woken.
    pub fn after(&self, ms: u64) {
        let mut world = self.0.borrow_mut();
        let until = Millis(world.now.0 + ms);
        while let Some(next) = world.wake.into_iter().chain(world.turn).min().filter(|next| *next <= until) {
            world.now = next;
            if world.turn.take_if(|turn| *turn == next).is_some() {
                world.step(Input::TurnOver);
            } else {
                world.wake = None;
                world.step(Input::Timeout);
            }
        }
        world.now = until;
    }

    /// The clock jumps forward, without a wake-up in between.
    pub fn goes_forward(&self, ms: u64) {
        self.0.borrow_mut().now.0 += ms;
    }

    /// The clock jumps back.
    pub fn goes_back(&self, ms: u64) {
        self.0.borrow_mut().now.0 -= ms;
    }

    /// The object is killed: data without a row is lost, and so are its requests and sockets. The next one has an
    /// application without any rules.
    pub fn crashes(&self) {
        self.crashes_into(Application::new());
    }

    /// The object is killed, and the next one has this application.
    pub fn crashes_into(&self, app: Application) {
        self.0.borrow_mut().restart(app, true);
    }

    /// The object is killed, and the next one has these variables.
    pub fn crashes_with(&self, vars: &[(&str, &str)]) {
        self.0.borrow_mut().options = options(vars);
        self.crashes();
    }

    /// The object is evicted while its sockets stay open.
    pub fn hibernates(&self) {
        self.hibernates_into(Application::new());
    }

    /// The object falls asleep and is evicted while its sockets stay open, and the next one has this application.
    pub fn hibernates_into(&self, app: Application) {
        let mut world = self.0.borrow_mut();
        world.falls_asleep();
        world.restart(app, false);
    }

    /// The object sleeps, with its sockets open, until its alarm wakes it, `late` ms after it should have.
    pub fn sleeps(&self, late: u64) {
        let mut world = self.0.borrow_mut();
        world.falls_asleep();
        let Some(alarm) = world.wake else { panic!("it would never wake") };
        world.now = Millis(alarm.0 + late);
        world.restart(Application::new(), false);
    }

    /// The object falls asleep, and may be evicted before the next request.
    pub fn falls_asleep(&self) {
        self.0.borrow_mut().falls_asleep();
    }

    /// The data point for Analytics Engine that is due, by the names of its doubles.
    pub fn data_point(&self) -> Option<BTreeMap<&'static str, f64>> {
        self.0.borrow_mut().data_point().map(by_name)
    }

    /// The data point of a home that falls asleep.
    pub fn last_data_point(&self) -> Option<BTreeMap<&'static str, f64>> {
        self.0.borrow_mut().last_data_point().map(by_name)
    }

    /// The rows that the server has written.
    pub fn rows(&self) -> Rows {
        self.0.borrow().rows.clone()
    }

    /// The platform fires a timer although nothing is due.
    pub fn wake_up_early(&self) {
        self.0.borrow_mut().step(Input::Timeout);
    }

    /// How many messages this server reads in a JSON body.
    pub fn read(&self, body: &str) -> Result<usize, RequestError> {
        parse_json(body, &self.0.borrow().options).map(|messages| messages.len())
    }

    /// How many messages this server reads in a form.
    pub fn read_form(&self, form: &str) -> Result<usize, RequestError> {
        parse_form(form, &self.0.borrow().options).map(|messages| messages.len())
    }

    /// Bytes that the server says it holds.
    pub fn memory(&self) -> usize {
        self.0.borrow().memory()
    }

    pub fn now(&self) -> Millis {
        self.0.borrow().now
    }

    /// When the server wants to be woken.
    pub fn wakes_at(&self) -> Option<Millis> {
        self.0.borrow().wake
    }

    /// The notices for the log since the last call, without those about refused messages: see [`Scenario::told`].
    pub fn notices(&self) -> Vec<Notice> {
        let told = self.told().into_iter().map(|(notice, _)| notice);
        told.filter(|notice| !matches!(notice, Notice::MessageRefused { .. })).collect()
    }

    /// All notices, each with the session that it is about.
    pub fn told(&self) -> Vec<(Notice, Option<Who>)> {
        std::mem::take(&mut self.0.borrow_mut().notices)
    }
}

fn by_name(point: DataPoint) -> BTreeMap<&'static str, f64> {
    DOUBLES.into_iter().zip(point.doubles).collect()
}

/// The options as from `wrangler.toml`, with one object only: `trees/` tests several.
fn options(vars: &[(&str, &str)]) -> Options {
    let var = |asked: &str| vars.iter().find(|(name, _)| *name == asked).map(|(_, value)| (*value).to_owned());
    Options { tree_depth: 0, ..Options::from_vars(var).unwrap() }
}

impl Drop for Scenario {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let longest = self.0.borrow().options.timeout.as_millis();
        self.after(u64::try_from(longest).unwrap());
        let left: Vec<String> = self.0.borrow().open.values().map(|sent| sent.text.clone()).collect();
        assert!(left.is_empty(), "never answered: {left:?}");
    }
}
