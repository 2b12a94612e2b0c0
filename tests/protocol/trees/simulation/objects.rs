//! Objects: what comes in, what goes out, and calls from one to another.

use bayeux_edge::bayeux::{
    Application, BayeuxServer, Endpoint, EndpointKey, Home, Input, Millis, Output, RequestId, SocketId, Status,
};
use serde_json::Value;

use super::{Asker, Event, SOCKET_MS, Simulation, Waiting};

/// How long an object waits for another's answer: `cloudflare/outbound/calls.rs`.
const ANSWER_MS: u64 = 10_000;

impl Simulation {
    pub(super) fn call(&mut self, whom: Home, call: String, asker: Option<Asker>) {
        self.say(|| format!("{whom} is asked by {:?}: {call}", asker.as_ref().map(|asker| asker.home.to_string())));
        self.input_from(&whom, Waiting::Object(asker), |from| Input::Call { from, call });
    }

    pub(super) fn answer(&mut self, asker: &Asker, answer: Option<String>) {
        let lives =
            self.objects.get(&asker.home).is_some_and(|object| object.life == asker.life && object.server.is_some());
        // A caller that waited too long was told so.
        if self.open.remove(asker) && lives {
            self.say(|| format!("{} is answered {}: {answer:?}", asker.home, asker.token));
            self.input(&asker.home.clone(), Input::Answer { token: asker.token, answer });
        }
    }

    pub(super) fn input_from(&mut self, home: &Home, waits: Waiting, input: impl FnOnce(Endpoint) -> Input) {
        self.last += 1;
        let endpoint = self.last;
        self.waiting.insert(endpoint, (home.clone(), waits));
        self.input(home, input(Endpoint::LongPolling(RequestId::new(endpoint))));
    }

    pub(super) fn input(&mut self, home: &Home, input: Input) {
        let object = self.objects.entry(home.clone()).or_default();
        let now = Millis(self.now - object.behind);
        let mut outputs = Vec::new();
        if object.server.is_none() {
            object.life += 1;
            let seed = [(self.random.below(256)) as u8; 32].map(|byte: u8| byte);
            let seed = std::array::from_fn(|at| seed[at] ^ (self.random.below(256) as u8));
            let rows = Box::new(object.rows.clone());
            let mut server = BayeuxServer::new(home.clone(), self.plan.options.clone(), Application::new(), seed, rows);
            let stored = object.rows.load();
            if self.aloud {
                println!("{:>7} {home} comes back with {:?}", self.now - self.started, object.rows);
            }
            if self.plan.hooks {
                server.bind_hooks();
            }
            server.restore(now, stored, Vec::new());
            outputs.extend(server.handle(now, Input::Timeout));
            object.server = Some(server);
        }
        outputs.extend(object.server.as_mut().unwrap().handle(now, input));
        // A crash after all rows are written, and before anything has left the object.
        if self.in_trouble() && self.random.chance(self.plan.crash) {
            self.crash(home);
            return;
        }
        for output in outputs {
            self.perform(home, output);
        }
    }

    fn perform(&mut self, home: &Home, output: Output) {
        match output {
            Output::Send { to, status, messages, .. } => self.answered(to.key(), status, messages),
            Output::Deliver { to, messages } => {
                for SocketId(socket) in to {
                    self.after(SOCKET_MS, Event::Frame { socket, text: messages.clone() });
                }
            }
            Output::Consult { request } => self.consult(home, &request),
            Output::Fetch { fetch, .. } => panic!("no handler asks: {fetch:?}"),
            Output::FetchKeys { url } => panic!("no tokens are asked for: {url}"),
            Output::Ask { token, whom, call } => self.ask(home, token, whom, call),
            Output::AwaitTurn => self.after(1, Event::TurnOver(home.clone())),
            Output::WakeAt(Millis(time)) => {
                let now = self.now - self.objects[home].behind;
                assert!(time > now, "what is due now must be done now: a timer would run in circles");
                self.after(time - now, Event::Wake(home.clone()));
            }
            Output::Tell(notice, _) => self.say(|| format!("{home} says {notice:?}")),
            Output::Keep { .. } => (),
            other => panic!("{other:?}"),
        }
    }

    /// The hooks Worker allows everything, after a while.
    fn consult(&mut self, home: &Home, request: &str) {
        let request: Value = serde_json::from_str(request).unwrap();
        let answers: Vec<_> =
            request["calls"].as_array().unwrap().iter().map(|_| serde_json::json!({"allow": true})).collect();
        let answer = serde_json::json!({ "answers": answers }).to_string();
        let delay = 1 + self.random.below(1500);
        let life = self.objects[home].life;
        self.after(delay, Event::Hooks { home: home.clone(), life, answer });
    }

    fn answered(&mut self, at: EndpointKey, status: Status, text: String) {
        let endpoint = match at {
            EndpointKey::LongPolling(endpoint) => endpoint,
            EndpointKey::WebSocket(socket) => return self.after(SOCKET_MS, Event::Frame { socket, text }),
            EndpointKey::EventSource(_) => panic!("{at:?}"),
        };
        let Some((home, waiting)) = self.waiting.remove(&endpoint) else { panic!("answered twice: {text}") };
        let lost = self.in_trouble() && self.random.chance(self.plan.lost);
        let delay = 1 + self.random.below(30);
        match waiting {
            Waiting::Client { client, number } => {
                let text = Some(text).filter(|_| !lost);
                self.after(delay, Event::Read { client, number, text });
            }
            Waiting::Object(None) => (),
            Waiting::Object(Some(asker)) => {
                let lost = lost || self.are_cut_off(&home, &asker.home);
                let answer = Some(text).filter(|_| status == Status::Ok && !lost);
                let delay = if lost { ANSWER_MS } else { delay + self.slowness() };
                self.after(delay, Event::Answer { asker, answer });
            }
        }
    }

    /// A slow object takes about as long as its caller waits.
    fn slowness(&mut self) -> u64 {
        let slow = self.in_trouble() && self.random.chance(self.plan.slow);
        if slow { 1000 + self.random.below(ANSWER_MS) } else { 0 }
    }

    fn ask(&mut self, home: &Home, token: u64, whom: Home, call: String) {
        self.check_that_it_was_asked_for(home, &call);
        let asker = Asker { home: home.clone(), life: self.objects[home].life, token };
        self.open.insert(asker.clone());
        let lost = self.in_trouble() && self.random.chance(self.plan.lost);
        if lost || self.are_cut_off(home, &whom) {
            let delay = self.random.pick(&[5, ANSWER_MS]);
            self.after(delay, Event::Answer { asker, answer: None });
            return;
        }
        if self.in_trouble() && self.random.chance(self.plan.doubled) {
            let delay = 1 + self.random.below(3000);
            self.after(delay, Event::Call { whom: whom.clone(), call: call.clone(), asker: None });
        }
        if self.plan.slow > 0 {
            self.after(ANSWER_MS, Event::Answer { asker: asker.clone(), answer: None });
        }
        let delay = 1 + self.random.below(30) + self.slowness();
        self.after(delay, Event::Call { whom, call, asker: Some(asker) });
    }
}
