//! Micro-benchmarks of the protocol core, native: `cargo bench`.
//!
//! What one request costs the core alone; on workerd the platform around it costs a quarter of a millisecond.

use std::hint::black_box;
use std::time::Duration;

use bayeux_edge::bayeux::Application;
use bayeux_edge::bayeux::{
    BayeuxContext, BayeuxServer, ChannelId, ChannelPattern, Endpoint, Forgetful, Home, Input, Millis, Options, Output,
    RequestId, RequestLimits, SocketId, Subscriptions, parse_json,
};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

/// A server with clients, and the numbers of its requests.
struct Room {
    server: BayeuxServer,
    /// The defaults are read from a table, which is not to be measured.
    limits: RequestLimits,
    transport: &'static str,
    requests: u64,
    clients: Vec<String>,
}

impl Room {
    /// Clients that listen to `/chat/demo`, each with a held connect, on a socket of its own where `transport` is
    /// `websocket`.
    fn with(clients: usize, transport: &'static str) -> Self {
        Self::with_options(clients, transport, Options::default())
    }

    fn with_options(clients: usize, transport: &'static str, options: Options) -> Self {
        let never = Duration::from_secs(60 * 60 * 24 * 365);
        let options = Options { timeout: never, max_interval: never, max_queue: usize::MAX, tree_depth: 0, ..options };
        let server = BayeuxServer::new(Home::Root, options, Application::new(), [7; 32], Box::new(Forgetful));
        let limits = RequestLimits::from(&Options::default());
        let mut room = Self { server, limits, transport, requests: 0, clients: Vec::new() };
        for _ in 0..clients {
            let client = room.handshake();
            room.send(&format!(
                r#"[{{"channel":"/meta/subscribe","clientId":"{client}","subscription":"/chat/demo"}}]"#
            ));
            room.connect(&client);
            room.clients.push(client);
        }
        room.reconnect();
        room
    }

    fn handshake(&mut self) -> String {
        let outputs =
            self.send(r#"[{"channel":"/meta/handshake","version":"1.0","supportedConnectionTypes":["long-polling"]}]"#);
        let reply = outputs.iter().find_map(|output| match output {
            Output::Send { messages, .. } => Some(messages.as_str()),
            _ => None,
        });
        let (_, id) = reply.and_then(|reply| reply.split_once(r#""clientId":""#)).expect("a handshake is answered");
        id.split('"').next().expect("a clientId ends").to_owned()
    }

    fn reconnect(&mut self) {
        for at in 0..self.clients.len() {
            let client = self.clients[at].clone();
            self.connect(&client);
        }
    }

    fn connect(&mut self, client: &str) {
        let transport = self.transport;
        self.send(&format!(
            r#"[{{"channel":"/meta/connect","clientId":"{client}","connectionType":"{transport}","id":"4"}}]"#
        ));
    }

    fn publish(&mut self) -> Vec<Output> {
        let publisher = self.clients[0].clone();
        self.send(&format!(
            r#"[{{"channel":"/chat/demo","clientId":"{publisher}","id":"{}","data":{{"text":"hello, everybody"}}}}]"#,
            self.requests
        ))
    }

    fn send(&mut self, body: &str) -> Vec<Output> {
        self.requests += 1;
        let messages = parse_json(body, self.limits).expect("a valid batch");
        let from = match self.transport {
            "websocket" => Endpoint::WebSocket(SocketId(self.requests)),
            _ => Endpoint::LongPolling(RequestId::new(self.requests)),
        };
        // The clock does not matter here but for the pace of flushes, which is given all the time it wants.
        self.server
            .handle(Millis(self.requests * 1000), Input::Messages { from, context: BayeuxContext::default(), messages })
    }
}

fn core(criterion: &mut Criterion) {
    criterion.bench_function("parse a publish", |bencher| {
        let body =
            r#"[{"channel":"/chat/demo","clientId":"r5aUYs7bBjpYvXpStcRcJeq","id":"7","data":{"text":"hello"}}]"#;
        let limits = RequestLimits::from(&Options::default());
        bencher.iter(|| parse_json(black_box(body), limits));
    });
    criterion.bench_function("handshake and disconnect", |bencher| {
        let mut room = Room::with(1, "long-polling");
        bencher.iter(|| {
            let client = room.handshake();
            room.send(&format!(r#"[{{"channel":"/meta/disconnect","clientId":"{client}"}}]"#))
        });
    });
    criterion.bench_function("hold a connect, in place of the one before", |bencher| {
        let mut room = Room::with(1, "long-polling");
        bencher.iter(|| room.reconnect());
    });
    criterion.bench_function("publish to 1,000 held connects", |bencher| {
        bencher.iter_batched_ref(|| Room::with(1000, "long-polling"), Room::publish, BatchSize::LargeInput);
    });
    criterion.bench_function("publish to 1,000 sockets", |bencher| {
        let mut room = Room::with(1000, "websocket");
        bencher.iter(|| room.publish());
    });
    for (name, window) in [("", Options::default().retry_window), (", which may come twice", Duration::ZERO)] {
        criterion.bench_function(&format!("publish to one socket{name}"), |bencher| {
            let options = Options { retry_window: window, ..Options::default() };
            let mut room = Room::with_options(1, "websocket", options);
            bencher.iter(|| room.publish());
        });
    }
    criterion.bench_function("find the subscribers among 100,000 patterns", |bencher| {
        let mut subscriptions = Subscriptions::default();
        for number in 0..100_000_u32 {
            let pattern = format!("/room/{number}/*");
            subscriptions.add(ChannelPattern::parse(&pattern).expect("a pattern"), number);
        }
        let channel = ChannelId::parse("/room/4711/talk").expect("a channel");
        bencher.iter(|| subscriptions.matching(black_box(&channel)).count());
    });
}

criterion_group!(benches, core);
criterion_main!(benches);
