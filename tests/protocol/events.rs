//! The events that an application gets, after they happened.

use std::cell::RefCell;
use std::rc::Rc;

use bayeux_edge::bayeux::Notice;
use bayeux_edge::bayeux::app::{Actions, Application, Client as Sender, LocalSession, ServerEvent, publish, reply};
use serde_json::{Value, json};

use crate::scenario::Scenario;

type Diary = Rc<RefCell<Vec<String>>>;

/// Writes everything down.
fn with_diary(application: Application) -> (Application, Diary) {
    let diary = Diary::default();
    let writes = Rc::clone(&diary);
    let application = application.on_event(move |event| {
        let who = |client: &Sender| client.local().map_or("client", |_| "local").to_owned();
        writes.borrow_mut().push(match event {
            ServerEvent::ClientConnect { client } => {
                format!("{} connects: {}", who(client), client.session().is_some())
            }
            ServerEvent::ClientDisconnect { client, why } => format!("{} disconnects: {why:?}", who(client)),
            ServerEvent::Subscribe { client, pattern } => format!("{} subscribes {}", who(client), pattern.as_str()),
            ServerEvent::Unsubscribe { client, pattern } => {
                format!("{} unsubscribes {}", who(client), pattern.as_str())
            }
            ServerEvent::Publish(message) => format!("published {} {}", message.channel, message.raw_data()),
            ServerEvent::ClientPush { channel, data, .. } => format!("pushed {channel} {data}"),
        });
        Actions::new()
    });
    (application, diary)
}

fn read(diary: &Diary) -> Vec<String> {
    std::mem::take(&mut diary.borrow_mut())
}

#[test]
fn the_application_gets_an_event_for_each_step_of_a_session() {
    let (app, diary) = with_diary(Application::new().service("x", |_| Ok(Actions::new())));
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/a");
    alice.subscribe("/a");
    alice.subscribe("/b/*");
    alice.subscribe("/service/x");
    alice.publish("/a", 1);
    alice.publish("/service/x", 2);
    alice.unsubscribe("/b/*");
    alice.unsubscribe("/b/*");
    alice.ask(json!({"channel": "/meta/disconnect"}));
    let expected = [
        "client connects: true",
        "client subscribes /a",
        "client subscribes /b/*",
        "published /a 1",
        "client unsubscribes /b/*",
        "client unsubscribes /a",
        "client disconnects: Disconnected",
    ];
    assert_eq!(read(&diary), expected);
}

#[test]
fn a_session_that_stays_away_ends_with_the_reason_expired() {
    let (app, diary) = with_diary(Application::new());
    let scenario = Scenario::serving(app, &[("MAX_INTERVAL", "2000")]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/a");
    read(&diary);
    scenario.after(2000);
    assert_eq!(read(&diary), ["client unsubscribes /a", "client disconnects: Expired"]);
}

#[test]
fn refused_messages_cause_no_event() {
    let (app, diary) = with_diary(
        Application::new().listener("/vetoed", |_| Err(bayeux_edge::bayeux::BayeuxError::MessageDeleted.into())),
    );
    let scenario = Scenario::serving(app, &[("MAX_SESSIONS", "1"), ("MAX_SUBSCRIPTIONS", "1")]);
    let [alice] = scenario.join(["alice"]);
    read(&diary);
    scenario.client("bob").shake_hands_with(json!({}));
    alice.error_of(json!({"channel": "/meta/subscribe", "subscription": ["/a", "/b"]}));
    alice.error_of(json!({"channel": "/vetoed", "data": 1}));
    alice.error_of(json!({"channel": "/x"}));
    assert_eq!(read(&diary), [] as [&str; 0]);
}

#[test]
fn actions_on_an_event_reach_the_client_with_its_held_connect() {
    let app = Application::new().on_event(|event| match event {
        ServerEvent::Subscribe { client, pattern } => match client.session() {
            Some(session) => Actions::new().push(session, "/welcome", pattern.as_str()),
            None => Actions::new(),
        },
        ServerEvent::Publish(message) if message.channel.as_str() == "/a" => {
            publish("/log", message.raw_data()).reply("thanks")
        }
        _ => Actions::new(),
    });
    let scenario = Scenario::serving(app, &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/log");
    assert_eq!(bob.connect().answer().events(), [json!({"channel": "/welcome", "data": "/log"})]);
    let (for_alice, for_bob) = (alice.hold(), bob.hold());
    alice.publish("/a", 7);
    assert_eq!(for_bob.answer().events(), [json!({"channel": "/log", "data": 7})]);
    assert_eq!(for_alice.answer().events(), [json!({"channel": "/a", "data": "thanks"})]);
}

#[test]
fn an_event_handler_may_end_the_session() {
    let (app, diary) = with_diary(Application::new().on_event(|event| match event {
        ServerEvent::Publish(message) if message.channel.as_str() == "/leave" => Actions::new().disconnect(),
        _ => Actions::new(),
    }));
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    read(&diary);
    alice.publish("/leave", 1);
    assert_eq!(alice.error_of(json!({"channel": "/x", "data": 1})), "402::session_unknown");
    assert_eq!(read(&diary), ["published /leave 1", "client disconnects: Dismissed"]);
}

#[test]
fn pushes_cause_an_event_and_replies_do_not() {
    let service = |call: &bayeux_edge::bayeux::app::Publication| {
        let session = call.client.session().ok_or(bayeux_edge::bayeux::BayeuxError::SessionUnknown)?;
        Ok(reply(1).push(session, "/pushed", 2))
    };
    let (app, diary) = with_diary(Application::new().service("x", service));
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    read(&diary);
    assert_eq!(alice.send(json!({"channel": "/service/x", "data": 0})).answer().data(), [1, 2]);
    assert_eq!(read(&diary), ["pushed /pushed 2"]);
}

#[test]
fn a_panic_in_an_event_handler_affects_no_client() {
    let app = Application::new().on_event(|event| match event {
        ServerEvent::Publish(_) | ServerEvent::ClientDisconnect { .. } => panic!("as a bug would"),
        _ => Actions::new(),
    });
    let scenario = Scenario::serving(app, &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    let held = bob.hold();
    scenario.notices();
    alice.publish("/a", 1);
    assert_eq!(held.answer().data(), [1]);
    assert_eq!(scenario.notices(), [Notice::ApplicationPanicked { what: "an event listener" }]);
    scenario.after(60_000);
    assert_eq!(scenario.notices().len(), 4, "both sessions end, and the handler panics for each");
}

fn echoing(name: &'static str) -> LocalSession {
    LocalSession::new(name, move |message| publish(&message.channel, format!("{name} heard {}", message.raw_data())))
}

#[test]
fn a_local_session_hears_everyone_but_itself() {
    let (app, diary) =
        with_diary(Application::new().local_session(echoing("bot").subscribe("/chat/*").subscribe("/chat/**")));
    let scenario = Scenario::serving(app, &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/chat/tea");
    read(&diary);
    let held = bob.hold();
    alice.publish("/chat/tea", 1);
    assert_eq!(held.answer().data(), [json!(1), json!("bot heard 1")]);
    assert_eq!(read(&diary), ["published /chat/tea 1", r#"published /chat/tea "bot heard 1""#]);
    alice.publish("/other", 1);
    assert_eq!(read(&diary), ["published /other 1"]);
}

#[test]
fn two_local_sessions_that_answer_each_other_are_stopped() {
    let app = Application::new()
        .local_session(LocalSession::new("one", |_| publish("/a", 1)).subscribe("/a"))
        .local_session(LocalSession::new("two", |_| publish("/a", 2)).subscribe("/a"));
    let scenario = Scenario::serving(app, &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    scenario.notices();
    alice.publish("/a", 0);
    let failed = Notice::ActionFailed { reason: "events without end: what was done on one led to the next".to_owned() };
    assert_eq!(scenario.notices(), [failed]);
    assert!(bob.connect().answer().data().len() <= 1004);
    alice.publish("/b", 0);
}

#[test]
fn two_local_sessions_that_quote_each_other_are_stopped_before_memory_runs_out() {
    let bots = [echoing("one").subscribe("/a"), echoing("two").subscribe("/a")];
    let app = bots.into_iter().fold(Application::new(), Application::local_session);
    let scenario = Scenario::serving(app, &[("MAX_QUEUE_BYTES", "100000")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/a");
    scenario.notices();
    alice.publish("/a", "hello");
    let without_end = |notice: &Notice| matches!(notice, Notice::ActionFailed { .. });
    assert!(scenario.notices().iter().any(without_end));
    assert!(bob.connect().answer().text.len() < 200_000);
}

#[test]
fn an_application_subscribes_and_unsubscribes_its_local_session() {
    let (app, diary) = with_diary(
        Application::new()
            .local_session(echoing("bot"))
            .service("invite", |call| Ok(Actions::new().subscribe("bot", call.data::<String>()?)))
            .service("dismiss", |call| Ok(Actions::new().unsubscribe("bot", call.data::<String>()?)))
            .service("lost", |_| Ok(Actions::new().subscribe("nobody", "/x"))),
    );
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/a");
    read(&diary);
    let heard = || {
        alice.publish("/a", 1);
        alice.connect_with(json!({"advice": {"timeout": 0}})).answer().data()
    };
    let invite = |service: &str| alice.publish(service, "/a");
    alice.receives();
    assert_eq!(heard(), [] as [Value; 0]);
    invite("/service/invite");
    invite("/service/invite");
    assert_eq!(heard(), ["bot heard 1"]);
    invite("/service/dismiss");
    invite("/service/dismiss");
    assert_eq!(heard(), [] as [Value; 0]);
    let told: Vec<_> = read(&diary).into_iter().filter(|line| line.contains("subscribes")).collect();
    assert_eq!(told, ["local subscribes /a", "local unsubscribes /a"]);
    scenario.notices();
    invite("/service/lost");
    assert_eq!(scenario.notices(), [Notice::ActionFailed { reason: "a local session that is not there".to_owned() }]);
}

#[test]
fn a_local_session_may_answer_the_sender_alone() {
    let bot = LocalSession::new("bot", |message| match message.client.session() {
        Some(session) => Actions::new().push(session, "/private", "yes?").reply(message.message().get::<Value>("ext")),
        None => Actions::new(),
    });
    let scenario = Scenario::serving(Application::new().local_session(bot.subscribe("/chat")), &[]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    bob.subscribe("/**");
    let held = alice.hold();
    alice.ask(json!({"channel": "/chat", "data": 1, "ext": {"a": 1}}));
    let expected = [json!({"channel": "/private", "data": "yes?"}), json!({"channel": "/chat", "data": {"a": 1}})];
    assert_eq!(held.answer().events(), expected);
    assert_eq!(bob.connect().answer().data(), [1]);
}

#[test]
fn the_shipped_bot_answers_texts_only_with_autobot() {
    let autobot =
        |value: &'static str| bayeux_edge::app::application(&move |name| (name == "AUTOBOT").then(|| value.to_owned()));
    for (app, answers) in
        [(autobot("true"), true), (autobot("false"), false), (bayeux_edge::app::application(&|_| None), false)]
    {
        let scenario = Scenario::serving(app, &[]);
        let [alice] = scenario.join(["alice"]);
        alice.subscribe("/chat/demo");
        alice.publish("/chat/demo", json!({"kind": "join", "name": "Alice"}));
        alice.publish("/chat/demo", "text");
        alice.publish("/chat/demo", json!({"name": "Alice", "text": "hello"}));
        let answer = json!({"name": "Autobot", "text": "I got your message, Alice"});
        let heard = alice.connect_with(json!({"advice": {"timeout": 0}})).answer().data();
        assert_eq!(heard, if answers { vec![answer] } else { vec![] });
    }
}
