//! The server API: what a caller with a key can see and do.

use std::cell::RefCell;
use std::rc::Rc;

use bayeux_edge::bayeux::api::{ApiKeys, Gateway, Route, route};
use bayeux_edge::bayeux::app::{
    Actions, Application, Client, HttpRequest, LocalSession, SecurityPolicy, ServerEvent, publish, reply,
};
use bayeux_edge::bayeux::{API_PATH, BayeuxError, ChannelId, ChannelPattern, Denial, Ending, Message, Millis, Notice};
use serde_json::{Value, json};

use crate::scenario::Scenario;

/// The outcome of each message of a publish.
fn published(scenario: &Scenario, messages: &Value) -> Vec<String> {
    let (status, answer) = scenario.call("POST", "/publish", "", &messages.to_string());
    assert_eq!(status, 200, "{answer}");
    let replies = answer.as_array().unwrap().iter().filter(|message| message.get("successful").is_some());
    replies.map(|reply| reply["error"].as_str().unwrap_or("ok").to_owned()).collect()
}

fn get(scenario: &Scenario, path: &str, query: &str) -> Value {
    let (status, answer) = scenario.call("GET", path, query, "");
    assert_eq!(status, 200, "{answer}");
    answer
}

fn refused(scenario: &Scenario, method: &str, path: &str, query: &str) -> (u16, String) {
    let (status, answer) = scenario.call(method, path, query, "");
    assert_eq!(answer[0]["successful"], false, "{answer}");
    (status, answer[0]["error"].as_str().unwrap().to_owned())
}

/// The names of all clients, in the order they joined.
fn names(scenario: &Scenario) -> Vec<String> {
    let clients = get(scenario, "/clients", "")["clients"].take();
    clients.as_array().unwrap().iter().map(|client| client["client"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn published_messages_reach_subscribers_and_each_has_its_own_reply() {
    let scenario = Scenario::new();
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/news/*");
    let held = alice.hold();
    let one = scenario.call("POST", "/publish", "", r#"{"channel":"/news/a","data":1E400,"id":"7","ext":{"x":1}}"#);
    assert_eq!(one, (200, json!([{"channel": "/news/a", "id": "7", "successful": true}])));
    assert_eq!(held.answer().text.matches(r#"{"channel":"/news/a","data":1E400,"ext":{"x":1}}"#).count(), 1);
    let outcomes = published(
        &scenario,
        &json!([
            {"channel": "/news/b", "data": 2},
            {"channel": "/news/*", "data": 3},
            {"channel": "/news/b"},
            {"data": 4},
            5,
            {"channel": "/meta/handshake", "version": "1.0", "supportedConnectionTypes": ["long-polling"]},
            {"channel": "/meta/disconnect", "clientId": alice.id()},
            {"channel": "/news/b", "data": 6, "clientId": alice.id(), "successful": false},
        ]),
    );
    let expected = [
        "ok",
        "405::channel_invalid",
        "400::data_missing",
        "400::channel_missing",
        "400::message_invalid",
        "403::meta_channel_unknown",
        "403::meta_channel_unknown",
        "ok",
    ];
    assert_eq!(outcomes, expected);
    let events: Vec<Value> = alice.connect().answer().events();
    assert_eq!(events, [json!({"channel": "/news/b", "data": 2}), json!({"channel": "/news/b", "data": 6})]);
}

#[test]
fn an_invalid_body_is_refused_as_a_whole_by_the_limits_that_hold_for_clients() {
    let vars = [("MAX_MESSAGES_PER_BATCH", "2"), ("MAX_JSON_DEPTH", "5")];
    let scenario = Scenario::with(&vars);
    let message = r#"{"channel":"/a","data":1}"#;
    for (body, status, error) in [
        ("", 400, "400::json_invalid"),
        ("[]", 400, "400::batch_empty"),
        ("{", 400, "400::json_invalid"),
        ("[{\"a\":[[[[]]]]}]", 400, "400::json_too_deep"),
        (&*format!("[{message},{message},{message}]"), 413, "413::batch_too_large"),
    ] {
        let expected = (status, json!([{"successful": false, "error": error}]));
        assert_eq!(scenario.call("POST", "/publish", "", body), expected);
    }
    assert_eq!(scenario.call("POST", "/publish", "", &format!("[{message},{message}]")).0, 200);
}

#[test]
fn a_message_with_a_client_name_goes_to_that_client_alone_subscribed_or_not() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    alice.subscribe("/private");
    let [of_alice, of_bob]: [String; 2] = names(&scenario).try_into().unwrap();
    let outcomes = published(
        &scenario,
        &json!([
            {"channel": "/private", "data": "psst", "client": of_bob},
            {"channel": "/service/echo", "data": "beep", "client": of_bob},
            {"channel": "/private", "client": of_bob},
            {"channel": "/private", "data": 1, "client": "1"},
            {"channel": "/private", "data": 1, "client": bob.id()},
            {"channel": "/private", "data": 1, "client": {"no": "name"}},
            {"channel": "/meta/connect", "data": 1, "client": of_alice},
        ]),
    );
    let unknown = "402::session_unknown";
    assert_eq!(outcomes, ["ok", "ok", "400::data_missing", unknown, unknown, unknown, "403::meta_channel_unknown"]);
    assert_eq!(bob.connect().answer().data(), ["psst", "beep"]);
    assert_eq!(alice.connect_with(json!({"advice": {"timeout": 0}})).answer().data(), Vec::<Value>::new());
}

struct Nobody;

impl SecurityPolicy for Nobody {
    fn can_create(&mut self, _: &Client, _: &ChannelPattern, _: &Message) -> Result<(), Denial> {
        Err(Denial::default())
    }

    fn can_publish(&mut self, _: &Client, _: &ChannelId, _: &Message) -> Result<(), Denial> {
        Err(Denial::default())
    }
}

#[test]
fn the_api_bypasses_the_policy_but_not_listeners_services_and_local_sessions() {
    let log = Rc::new(RefCell::new(Vec::new()));
    let (seen, told) = (Rc::clone(&log), Rc::clone(&log));
    let bot = LocalSession::new("bot", |message| match message.client.by_api() {
        true => publish("/echoes", message.raw_data()),
        false => Actions::new(),
    });
    let app = Application::new()
        .security_policy(Nobody)
        .service("double", |call| Ok(reply(call.data::<i64>()? * 2)))
        .listener("/news", move |message| {
            seen.borrow_mut().push(format!("{} {}", message.client.by_api(), message.client.session().is_none()));
            match message.data::<i64>()? {
                13 => Err(BayeuxError::MessageDeleted.into()),
                number => {
                    message.set_data(number + 1);
                    Ok(Actions::new())
                }
            }
        })
        .local_session(bot.subscribe("/news"))
        .on_event(move |event| {
            match event {
                ServerEvent::Publish(publication) => {
                    told.borrow_mut().push(format!("{} {}", publication.channel, publication.raw_data()));
                }
                ServerEvent::ClientPush { data, .. } => told.borrow_mut().push(format!("pushed {data}")),
                _ => (),
            }
            Actions::new()
        });
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    assert!(alice.error_of(alice.a_publish("/news", 1)).starts_with("403"));
    let of_alice = names(&scenario).remove(0);
    let outcomes = published(
        &scenario,
        &json!([
            {"channel": "/news", "data": 1},
            {"channel": "/news", "data": 13},
            {"channel": "/news", "data": "x"},
            {"channel": "/news", "data": 13, "client": of_alice},
        ]),
    );
    assert_eq!(outcomes, ["ok", "404::message_deleted", "400::data_invalid", "ok"]);
    assert_eq!(*log.borrow(), ["true true", "true true", "true true", "/news 2", "pushed 13", "/echoes 2"]);
    let (_, answer) = scenario.call("POST", "/publish", "", r#"{"channel":"/service/double","data":21}"#);
    assert_eq!(
        answer,
        json!([{"channel": "/service/double", "data": 42}, {"channel": "/service/double", "successful": true}])
    );
    alice.connect();
    assert_eq!(alice.receives(), [13]);
}

#[test]
fn with_strict_durability_a_successful_publish_survives_a_crash() {
    let scenario = Scenario::with(&[("DURABILITY", "strict")]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/news");
    let of_alice = names(&scenario).remove(0);
    let message = json!([{"channel": "/news", "data": 1}, {"channel": "/you", "data": 2, "client": of_alice}]);
    assert_eq!(published(&scenario, &message), ["ok", "ok"]);
    scenario.crashes();
    assert_eq!(names(&scenario), [of_alice], "and it has the same name");
    assert_eq!(alice.connect().answer().data(), [1, 2]);
    scenario.rows().are_full(true);
    let failed = "503::storage_failed".to_owned();
    assert_eq!(published(&scenario, &message), [failed.clone(), failed]);
}

#[test]
fn clients_are_listed_under_names_that_reveal_no_client_id() {
    let app = Application::new().service("note", |call| {
        Ok(Actions::new().set_attribute("user", call.data::<String>()?).set_attribute("token", "secret"))
    });
    let scenario = Scenario::serving(app, &[("API_ATTRIBUTES", "user room")]);
    let [alice, bob] = scenario.join(["alice", "bob"]);
    alice.subscribe("/chat/*");
    alice.subscribe("/news");
    alice.publish("/service/note", "alice");
    bob.publish("/news", 1);
    let _held = bob.hold();
    let [of_alice, of_bob]: [String; 2] = names(&scenario).try_into().unwrap();
    assert!(of_alice != of_bob && !alice.id().contains(&of_alice));
    let mut expected = json!({"clients": [
        {"client": of_alice, "connected": false, "subscriptions": 2, "queued": 1, "attributes": {"user": "alice"}},
        {"client": of_bob, "connected": true, "subscriptions": 0, "queued": 0},
    ]});
    for client in expected["clients"].as_array_mut().unwrap() {
        client["since"] = json!(scenario.now().0);
        client["lastActivity"] = json!(scenario.now().0);
        client["transport"] = json!("long-polling");
    }
    assert_eq!(get(&scenario, "/clients", ""), expected);
    let mut whole = expected["clients"][0].clone();
    whole["channels"] = json!(["/chat/*", "/news"]);
    assert_eq!(get(&scenario, &format!("/clients/{of_alice}"), ""), whole);
    for name in ["1", "0", "", "x", &format!("+{of_alice}"), &format!("0{of_alice}"), alice.id()] {
        let expected = (404, "404::session_unknown".to_owned());
        assert_eq!(refused(&scenario, "GET", &format!("/clients/{name}"), ""), expected);
        assert_eq!(refused(&scenario, "DELETE", &format!("/clients/{name}"), ""), expected);
    }
}

#[test]
fn attributes_are_shown_only_if_api_attributes_names_them() {
    let app = Application::new().service("note", |_| Ok(Actions::new().set_attribute("user", "alice")));
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    alice.publish("/service/note", 1);
    assert_eq!(get(&scenario, "/clients", "")["clients"][0].get("attributes"), None);
}

#[test]
fn a_session_name_is_never_reused() {
    let scenario = Scenario::new();
    let [_alice] = scenario.join(["alice"]);
    let first = names(&scenario);
    scenario.after(60_000);
    assert_eq!((names(&scenario), scenario.rows().count().0), (vec![], 0));
    scenario.crashes();
    let [_bob] = scenario.join(["bob"]);
    assert_ne!(names(&scenario), first);
}

#[test]
fn a_client_whose_session_is_deleted_gets_a_disconnect_and_advice_none() {
    let scenario = Scenario::new();
    let [alice, bob] = scenario.join(["alice", "bob"]);
    let [of_alice, of_bob]: [String; 2] = names(&scenario).try_into().unwrap();
    let held = alice.hold();
    assert_eq!(scenario.call("DELETE", &format!("/clients/{of_alice}"), "", ""), (204, Value::Null));
    let answer = held.answer();
    assert_eq!(answer.events(), [json!({"channel": "/meta/disconnect", "successful": true})]);
    assert_eq!(answer.reply()["advice"]["reconnect"], "none");
    assert_eq!(refused(&scenario, "DELETE", &format!("/clients/{of_alice}"), "").0, 404);
    assert_eq!(scenario.call("DELETE", &format!("/clients/{of_bob}"), "", "").0, 204);
    assert_eq!(bob.connect().answer().reply()["advice"]["reconnect"], "none", "between two polls too");
    let closed = |notice: &Notice| matches!(notice, Notice::SessionClosed { why: Ending::Dismissed, .. });
    assert_eq!(scenario.notices().iter().filter(|notice| closed(notice)).count(), 2);
}

#[test]
fn lists_come_in_pages_without_gaps_or_repeats() {
    let scenario = Scenario::new();
    let clients = scenario.join(["a", "b", "c", "d", "e"]);
    for (client, channel) in clients.iter().zip(["/e", "/d", "/c", "/b", "/a/**"]) {
        client.subscribe(channel);
        client.subscribe("/all");
    }
    for (path, list, name) in [("/clients", "clients", "client"), ("/channels", "channels", "channel")] {
        let whole = get(&scenario, path, "");
        let mut pages = Vec::new();
        let mut query = "limit=2".to_owned();
        loop {
            let mut page = get(&scenario, path, &query);
            pages.append(page[list].as_array_mut().unwrap());
            let Some(next) = page["next"].as_str() else { break };
            assert_eq!(pages.last().unwrap()[name], next);
            query = format!("limit=2&after={next}");
        }
        assert_eq!(
            (json!(pages), pages.len(), whole.get("next")),
            (whole[list].clone(), 5 + usize::from(list == "channels"), None)
        );
    }
    let channels = get(&scenario, "/channels", "limit=1&after=/a/**");
    assert_eq!(channels, json!({"channels": [{"channel": "/all", "subscribers": 5}], "next": "/all"}));
    assert_eq!(get(&scenario, "/clients", "limit=1000")["clients"].as_array().unwrap().len(), 5);
    for limit in ["0", "1001", "-1", "x", ""] {
        assert_eq!(refused(&scenario, "GET", "/clients", &format!("limit={limit}")).1, "400::limit_invalid");
    }
    assert_eq!(refused(&scenario, "GET", "/clients", "after=x").1, "400::after_invalid");
    assert_eq!(refused(&scenario, "GET", "/channels", "after=x").1, "400::after_invalid");
    assert_eq!(get(&scenario, "/trees", "limit=1"), json!({"trees": [{"tree": "/"}]}));
    assert_eq!(get(&scenario, "/trees", "after=/"), json!({"trees": []}));
    assert_eq!(refused(&scenario, "GET", "/trees", "after=*").1, "400::after_invalid");
}

#[test]
fn unknown_paths_get_404_and_wrong_methods_405() {
    let scenario = Scenario::new();
    for path in ["", "/", "/nothing", "/clients/1/x", "/publish/", "/clients/"] {
        let expected = if path == "/clients/" { "404::session_unknown" } else { "404::no_such_path" };
        assert_eq!(refused(&scenario, "GET", path, "").1, expected, "{path}");
    }
    for (method, path) in [("GET", "/publish"), ("POST", "/clients"), ("DELETE", "/channels"), ("PUT", "/clients/1")] {
        assert_eq!(refused(&scenario, method, path, ""), (405, "405::method_not_allowed".to_owned()));
    }
}

#[test]
fn a_request_with_a_key_is_routed_to_the_home_of_its_tree() {
    let keys = ApiKeys::parse(Some("the-key-of-this-test".to_owned())).unwrap();
    let call = |path: &str, query: &str, key: Option<&str>| {
        let headers = key.map(|key| ("authorization".to_owned(), format!("Bearer {key}"))).into_iter().collect();
        let (path, query) = (format!("{API_PATH}{path}"), query.to_owned());
        match route(&keys, &HttpRequest { method: "GET".to_owned(), path, query, headers, ..HttpRequest::default() }) {
            Route::Open(home) => home.name().to_owned(),
            Route::FanOut => "everywhere".to_owned(),
            Route::Closed(response) => response.status.to_string(),
        }
    };
    let key = Some("the-key-of-this-test");
    for (query, home) in [
        ("", "/"),
        ("tree=/", "/"),
        ("tree=", "/"),
        ("tree=@3", "@3"),
        ("tree=/@3", "/@3"),
        ("tree=@weur.0", "@weur.0"),
        ("tree=chat", "/chat"),
        ("limit=1&tree=%2Fchat", "/chat"),
    ] {
        assert_eq!(call("/clients", query, key), home, "{query}");
    }
    assert_eq!(call("/trees", "tree=chat", key), "/", "the root knows all trees");
    for list in ["/clients", "/channels"] {
        assert_eq!(call(list, "limit=1&tree=*", key), "everywhere");
    }
    assert_eq!(call("/trees", "tree=*", key), "/");
    assert_eq!(call("/clients/1", "tree=*", key), "400", "a client is in one home");
    for tree in ["@x", "**", "/a/*", "meta", "a%09b"] {
        assert_eq!(call("/clients", &format!("tree={tree}"), key), "400");
    }
    for wrong in [None, Some("the-key-of-this-tesT")] {
        assert_eq!(call("/clients", "", wrong), "401");
        for path in ["/nothing", "/clients"] {
            assert_eq!(call(path, "tree=*", wrong), "401", "nothing is shown without a key");
        }
    }
    assert_eq!(call("/openapi.json", "", None), "200");
}

#[test]
fn an_address_that_guesses_keys_is_refused_for_a_while_and_other_addresses_are_not() {
    let keys = ApiKeys::parse(Some("0123456789abcdef".to_owned())).unwrap();
    let mut gateway = Gateway::default();
    let mut status = |at: u64, address: &str, key: &str| {
        let headers = vec![("authorization".to_owned(), format!("Bearer {key}"))];
        let (path, address) = ("/cometd/api/clients".to_owned(), Some(address.into()));
        let call = HttpRequest { method: "GET".to_owned(), path, headers, address, ..HttpRequest::default() };
        match gateway.route(Millis(at), &keys, 1, &call) {
            Route::Closed(response) => response.status,
            Route::Open(_) | Route::FanOut => 200,
        }
    };
    let guesses: Vec<_> = (0..25).map(|guess| status(0, "192.0.2.1", &format!("guess-number-{guess:04}"))).collect();
    assert_eq!(guesses[..20], [401; 20]);
    assert_eq!(guesses[20..], [429; 5]);
    assert_eq!(status(0, "192.0.2.1", "0123456789abcdef"), 429, "a right guess is refused too");
    assert_eq!(status(0, "192.0.2.2", "0123456789abcdef"), 200, "another address");
    assert_eq!(status(3001, "192.0.2.1", "0123456789abcdef"), 200, "one more attempt is allowed");
    let calls: Vec<_> = (0..1000).map(|_| status(10_000, "192.0.2.3", "0123456789abcdef")).collect();
    assert!(calls.iter().all(|status| *status == 200), "calls with a valid key are not limited");
}

#[test]
fn history_is_read_in_pages_after_a_replay_id() {
    let scenario = Scenario::with(&[("HISTORY", "/hist/** 10")]);
    let [alice] = scenario.join(["alice"]);
    (1..=5).for_each(|n| alice.publish("/hist/a", json!({ "n": n })));
    alice.publish("/hist/b", "elsewhere");
    let first = get(&scenario, "/history", "channel=/hist/a&limit=3");
    let ids: Vec<_> = first["events"].as_array().unwrap().iter().map(|event| event["ext"]["replay"].clone()).collect();
    assert_eq!(first["events"][0]["data"], json!({"n": 1}), "as it was sent");
    assert_eq!((ids.len(), &first["next"]), (3, &ids[2]["replayId"]));
    let rest = get(&scenario, "/history", &format!("channel=/hist/a&after={}", first["next"]));
    assert_eq!((rest["events"].as_array().unwrap().len(), &rest["next"]), (2, &Value::Null));
    let all = get(&scenario, "/history", "channel=/hist/**");
    assert_eq!(all["events"][5]["channel"], "/hist/b");
    assert_eq!(get(&scenario, "/history", "channel=/other"), json!({"events": []}));
    for (query, error) in [
        ("", "400::channel_invalid"),
        ("channel=hist", "400::channel_invalid"),
        ("channel=/meta/connect", "400::channel_invalid"),
        ("channel=/hist/a&after=x", "400::after_invalid"),
        ("channel=/hist/a&after=82", "400::replay_id_not_kept"),
        ("channel=/hist/a&limit=0", "400::limit_invalid"),
    ] {
        assert_eq!(refused(&scenario, "GET", "/history", query), (400, error.to_owned()), "{query}");
    }
    assert_eq!(refused(&scenario, "POST", "/history", "channel=/hist/a").0, 405);
}

#[test]
fn presence_lists_the_members_of_a_channel() {
    let scenario = Scenario::with(&[("PRESENCE", "/room/*")]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/room/a");
    scenario.after(1000);
    let told = get(&scenario, "/presence", "channel=/room/a");
    assert_eq!((&told["count"], told["members"].as_object().unwrap().len()), (&json!(1), 1));
    assert_eq!(refused(&scenario, "GET", "/presence", "channel=/other"), (404, "404::no_presence".to_owned()));
    assert_eq!(refused(&scenario, "GET", "/presence", "channel=/room/*"), (400, "400::channel_invalid".to_owned()));
    assert_eq!(refused(&scenario, "DELETE", "/presence", "channel=/room/a").0, 405);
}

#[test]
fn history_and_presence_requests_are_routed_to_the_channels_owner() {
    let keys = ApiKeys::parse(Some("0123456789abcdef".to_owned())).unwrap();
    let headers = vec![("authorization".to_owned(), "Bearer 0123456789abcdef".to_owned())];
    let lead = |path: &str, query: &str, depth: usize| {
        let (path, query) = (format!("{API_PATH}{path}"), query.to_owned());
        let call =
            HttpRequest { method: "GET".to_owned(), path, query, headers: headers.clone(), ..HttpRequest::default() };
        match Gateway::default().route(Millis(1), &keys, depth, &call) {
            Route::Open(home) => home.to_string(),
            Route::Closed(response) => response.status.to_string(),
            Route::FanOut => "*".to_owned(),
        }
    };
    for path in ["/history", "/presence"] {
        assert_eq!(lead(path, "channel=/a/b/c&tree=x", 1), "/a");
        assert_eq!(lead(path, "channel=/a/b/c", 2), "/a/b");
        assert_eq!(lead(path, "channel=/a/b/c", 0), "/");
        assert_eq!(lead(path, "channel=/**", 1), "400");
        assert_eq!(lead(path, "", 1), "400");
    }
}

#[test]
fn a_key_allows_the_calls_of_its_scope() {
    let keys = "read:the-key-of-who-looks publish:the-key-of-who-speaks admin:it:the-key-of-who-may-all";
    let keys = ApiKeys::parse(Some(keys.to_owned())).unwrap();
    let status = |method: &str, path: &str, key: &str| {
        let headers = vec![("authorization".to_owned(), format!("Bearer the-key-of-who-{key}"))];
        let (method, path) = (method.to_owned(), format!("{API_PATH}{path}"));
        match route(&keys, &HttpRequest { method, path, headers, ..HttpRequest::default() }) {
            Route::Open(_) | Route::FanOut => "open".to_owned(),
            Route::Closed(response) => String::from_utf8(response.body.unwrap()).unwrap(),
        }
    };
    let refused = |scope| format!(r#"[{{"successful":false,"error":"403:{scope}:api_key_scope_missing"}}]"#);
    for (method, path, reads, speaks) in [
        ("GET", "/clients", "open".to_owned(), refused("read")),
        ("GET", "/metrics", "open".to_owned(), refused("read")),
        ("POST", "/publish", refused("publish"), "open".to_owned()),
        ("DELETE", "/clients/1", refused("admin"), refused("admin")),
    ] {
        assert_eq!(status(method, path, "looks"), reads, "{method} {path}");
        assert_eq!(status(method, path, "speaks"), speaks, "{method} {path}");
        assert_eq!(status(method, path, "may-all"), "open", "{method} {path}");
    }
}

#[test]
fn a_client_is_listed_with_since_last_activity_transport_and_address() {
    let scenario = Scenario::new();
    let alice = scenario.client("alice").at_address("192.0.2.7");
    let began = scenario.now().0;
    alice.handshake();
    scenario.after(500);
    alice.connect().answer();
    let client = get(&scenario, "/clients", "")["clients"][0].take();
    assert_eq!((&client["since"], &client["lastActivity"]), (&json!(began), &json!(began + 500)));
    assert_eq!((&client["transport"], &client["address"]), (&json!("long-polling"), &json!("192.0.2.7")));
    let seen = scenario.read_only("/clients")["clients"][0].take();
    assert_eq!((&seen["client"], &seen["address"]), (&client["client"], &Value::Null), "a read key sees no address");
    scenario.crashes();
    let client = get(&scenario, "/clients", "")["clients"][0].take();
    assert_eq!(
        (&client["since"], &client["lastActivity"]),
        (&json!(began), &Value::Null),
        "it has not been heard since"
    );
}

#[test]
fn a_client_is_shown_with_its_own_latest_refused_messages() {
    let scenario = Scenario::with(&[("ACCESS_RULES", "anyone * /open/**; role=staff publish /den/*")]);
    let [alice, _bob] = scenario.join(["alice", "bob"]);
    let [alices, bobs] = names(&scenario).try_into().unwrap();
    scenario.after(10);
    alice.error_of(alice.a_publish("/den/a", 1));
    for n in 0..5 {
        alice.error_of(alice.a_publish("/den/*", n));
    }
    alice.error_of(alice.a_publish("/den/b", 1));
    let shown = get(&scenario, &format!("/clients/{alices}"), "");
    let refusals = shown["refusals"].as_array().unwrap();
    assert_eq!(refusals.len(), 5);
    let at = scenario.now().0;
    let expected = json!({
        "at": at, "channel": "/den/b", "error": "403:denied_by_access_rules:publish_denied",
        "reason": "denied_by_access_rules", "rule": "role=staff publish /den/*",
    });
    assert_eq!(refusals[0], expected, "the latest first");
    assert_eq!(refusals[4]["channel"], "/den/*");
    assert_eq!(get(&scenario, &format!("/clients/{bobs}"), "").get("refusals"), None);
    assert_eq!(get(&scenario, "/clients", "")["clients"][0].get("refusals"), None, "a list has none");
}
