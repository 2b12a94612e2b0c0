//! The application that the conformance cases and the end-to-end tests run against (`npm run fixture`).
//!
//! | Channel or message | What it does |
//! |---|---|
//! | `/service/echo` | answers with the data it got |
//! | `/service/rc` | a remote call that answers with the data it got, and fails where that is `{"fail":true}` |
//! | `/service/chat/name` | as in `src/app.rs` |
//! | `/service/veto` | vetoes the message |
//! | `/service/kick` | ends the sender's session |
//! | `/service/pub` with `{"channel":C,"data":D}` | publishes D on C as the server |
//! | `/service/panic` | panics, as a bug in an application would |
//! | `/service/…`, any other | takes what it gets and says nothing |
//! | `/service/memory` | answers with the bytes of the wasm heap that are in use, of all objects together |
//! | `/fixture/mirror`, POST or PUT | answers with the request's body and type, and what else it was in `x-` headers |
//! | `/fixture/publish/*`, POST | publishes the body's JSON on the channel that the path goes on with |
//! | `/fixture/panic`, GET | panics |
//! | `/fixture/impossible`, GET | answers with a status that HTTP does not have |
//! | static files that come past the Worker | get a header `x-fixture` with their path; `/robots.txt` is forbidden, and `/panic` panics |
//! | handshake with `ext.deny` true | denied |
//! | handshake with `ext.name` | that is what the session is called from then on |
//! | `/private/<name>` | subscribed by name only by who is called so; published by anybody (`/**` hears it, as it hears all) |
//! | `/auth/**` | neither published nor subscribed |
//! | `/sub/**` | subscribed only |
//! | `/den/*` | denied, with the reason `nope` |

#[cfg(target_arch = "wasm32")]
mod memory;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::bayeux::app::{
    Actions, Application, Client, HttpRequest, HttpResponse, Outcome, Publication, SecurityPolicy, answer, failure,
    publish, reply,
};
use crate::bayeux::{BayeuxError, ChannelId, ChannelPattern, Denial, Message};

/// See the table above.
pub fn application(_var: &dyn Fn(&str) -> Option<String>) -> Application {
    let application = Application::new()
        .security_policy(Guard)
        .service("echo", |call| Ok(reply(call.raw_data())))
        .service("chat/name", crate::app::name)
        .remote_call("rc", remote_call)
        .listener("/service/veto", |_| Err(BayeuxError::MessageDeleted.into()))
        .service("kick", |_| Ok(Actions::new().disconnect()))
        .service("pub", publish_as_server)
        .listener("/service/**", |_| Ok(Actions::new()))
        .service("panic", |_| panic!("the panic that /service/panic was asked for"))
        .route("POST", "/fixture/mirror", mirror)
        .route("PUT", "/fixture/mirror", mirror)
        .route("POST", "/fixture/publish/*", |request| match request.json::<Box<RawValue>>() {
            Some(data) => {
                HttpResponse::new(204).and(publish(request.path.trim_start_matches("/fixture/publish"), data))
            }
            None => HttpResponse::text("JSON, please").with_status(400),
        })
        .route("GET", "/fixture/panic", |_| panic!("the panic that /fixture/panic was asked for"))
        .route("GET", "/fixture/impossible", |_| HttpResponse::new(99))
        .on_static_response(|request, response| match request.path.as_str() {
            "/robots.txt" => *response = HttpResponse::text("forbidden").with_status(403),
            "/panic" => panic!("the panic that /panic was asked for"),
            path => response.set_header("x-fixture", path),
        });
    #[cfg(target_arch = "wasm32")]
    let application = application.service("memory", |_| Ok(memory::report().map(reply).unwrap_or_default()));
    application
}

struct Guard;

impl SecurityPolicy for Guard {
    fn can_handshake(&mut self, client: &mut Client, handshake: &Message) -> Result<(), Denial> {
        #[derive(Default, Deserialize)]
        struct Ext {
            #[serde(default)]
            deny: bool,
            name: Option<String>,
        }
        let ext: Ext = handshake.get("ext").unwrap_or_default();
        client.attributes.set("name", ext.name);
        if ext.deny { Err(Denial::default()) } else { Ok(()) }
    }

    fn can_subscribe(&mut self, client: &Client, pattern: &ChannelPattern, _: &Message) -> Result<(), Denial> {
        let name = pattern.as_str();
        closed_to_all(name)?;
        match name.strip_prefix("/private/") {
            Some(owner) if client.attributes.text("name") != Some(owner) => Err(Denial::because("private")),
            _ => Ok(()),
        }
    }

    fn can_publish(&mut self, _: &Client, channel: &ChannelId, _: &Message) -> Result<(), Denial> {
        let name = channel.as_str();
        closed_to_all(name)?;
        if name.starts_with("/sub/") { Err(Denial::default()) } else { Ok(()) }
    }
}

fn mirror(request: &HttpRequest) -> HttpResponse {
    let type_ = request.header("content-type").unwrap_or("application/octet-stream");
    let response = HttpResponse { body: Some(request.body.clone()), ..HttpResponse::new(200) };
    response
        .header("content-type", type_)
        .header("x-method", request.method.as_str())
        .header("x-path", request.path.as_str())
        .header("x-query", request.query.as_str())
}

fn remote_call(call: &Publication) -> Outcome {
    #[derive(Default, Deserialize)]
    struct RemoteCallData {
        #[serde(default)]
        fail: bool,
    }
    let asked: RemoteCallData = call.data().unwrap_or_default();
    Ok(if asked.fail { failure(call.raw_data()) } else { answer(call.raw_data()) })
}

/// The data of `/service/pub`.
#[derive(Deserialize)]
struct Order {
    channel: String,
    data: Box<RawValue>,
}

fn publish_as_server(call: &Publication) -> Outcome {
    let Order { channel, data } = call.data()?;
    Ok(publish(ChannelId::parse(&channel).ok_or(BayeuxError::ChannelInvalid)?, data))
}

fn closed_to_all(name: &str) -> Result<(), Denial> {
    if name.starts_with("/auth/") {
        return Err(Denial::default());
    }
    if name.starts_with("/den/") {
        return Err(Denial::because("nope"));
    }
    Ok(())
}
