//! HTTP routes of an application's own.

use std::cell::Cell;
use std::rc::Rc;

use bayeux_edge::bayeux::app::{Actions, Application, HttpRequest, HttpResponse, publish};
use serde_json::{Value, json};

use crate::scenario::Scenario;

fn get(path: &str) -> HttpRequest {
    HttpRequest { method: "GET".to_owned(), path: path.to_owned(), ..HttpRequest::default() }
}

fn post(path: &str, body: &str) -> HttpRequest {
    HttpRequest { method: "POST".to_owned(), body: body.into(), ..get(path) }
}

fn text(response: HttpResponse) -> (u16, String) {
    (response.status, String::from_utf8(response.body.unwrap_or_default()).unwrap())
}

#[test]
fn a_route_reads_the_request_and_sets_the_response() {
    let app = Application::new().route("GET", "/hello", |request| {
        let name = request.query_field("name").unwrap_or_default();
        HttpResponse::html(format!("{name} {}", request.header("User-Agent").unwrap_or("?")))
            .header("X-One", "1")
            .header("x-one", "2")
            .with_status(202)
    });
    let scenario = Scenario::serving(app, &[]);
    let headers = vec![("user-agent".to_owned(), "Lynx".to_owned())];
    let response = scenario.http(HttpRequest { query: "x=1&name=J%C3%B6rg+X".to_owned(), headers, ..get("/hello") });
    let expected = [("content-type", "text/html;charset=UTF-8"), ("x-one", "2")];
    assert_eq!(response.headers, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(text(response), (202, "Jörg X Lynx".to_owned()));
    assert_eq!(text(scenario.http(get("/nowhere"))).0, 404);
}

#[test]
fn a_route_publishes_and_shares_state_with_the_services() {
    let count = Rc::new(Cell::new(0));
    let (counts, counted) = (Rc::clone(&count), count);
    let app = Application::new()
        .service("count", move |_| {
            counts.set(counts.get() + 1);
            Ok(Actions::new())
        })
        .route("GET", "/count", move |_| HttpResponse::json(counted.get()))
        .route("POST", "/news/*", |request| match request.json::<Value>() {
            Some(news) => HttpResponse::new(204).and(publish(&request.path, news)),
            None => HttpResponse::new(400),
        });
    let scenario = Scenario::serving(app, &[]);
    let [alice] = scenario.join(["alice"]);
    alice.subscribe("/news/*");
    alice.publish("/service/count", 0);
    assert_eq!(text(scenario.http(get("/count"))), (200, "1".to_owned()));
    let held = alice.hold();
    assert_eq!(scenario.http(post("/news/x", "{")).status, 400);
    assert!(held.is_held());
    assert_eq!(scenario.http(post("/news/x", r#"{"a":1}"#)).status, 204);
    assert_eq!(held.answer().events(), [json!({"channel": "/news/x", "data": {"a": 1}})]);
}

#[test]
fn a_static_response_may_be_changed_or_replaced() {
    let app = Application::new().on_static_response(|request, response| {
        response.remove_header("ETag");
        response.set_header("x-path", request.path.as_str());
        if request.path == "/secret" {
            *response = HttpResponse::text("no").with_status(403);
        }
    });
    let see = |path: &str| {
        let mut response = HttpResponse::new(200).header("etag", "1").header("content-type", "text/css");
        app.see_static(&get(path), &mut response);
        (response.headers.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), response.status, response.body)
    };
    assert_eq!(see("/style.css"), (vec!["content-type".to_owned(), "x-path".to_owned()], 200, None));
    assert_eq!(see("/secret"), (vec!["content-type".to_owned()], 403, Some(b"no".to_vec())));
}
