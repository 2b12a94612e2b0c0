//! The one file that you edit: what your application allows, answers, hears and says.
//!
//! [`Application`] has all that can be added, with an example each; docs/APPLICATION.md is the guide.

use bayeux_edge::prelude::*;

/// The application of every home. `var` reads what `[vars]` in wrangler.toml sets, and secrets.
///
/// This one leaves everything open. It has the services of the site's pages /playground/ and /chat/, and with
/// `AUTOBOT = "true"` somebody to talk to in `/chat/demo`.
pub fn application(var: &dyn Fn(&str) -> Option<String>) -> Application {
    let application = Application::new();
    let application = match var("EXAMPLES").as_deref() {
        // The npm package, where an application in TypeScript may have services of these names.
        Some("false") => application,
        _ => application
            .service("echo", |call| Ok(reply(call.raw_data())))
            .service("math", math)
            .service("chat/name", name),
    };
    if var("AUTOBOT").as_deref() == Some("true") { application.local_session(autobot()) } else { application }
}

/// What somebody in the rooms of the chat is called: `/service/chat/name`. The page has no login, so it is what they
/// say themselves.
#[derive(Deserialize)]
struct Person {
    from: String,
    name: String,
}

/// Shows the name with the session to whoever watches a room (docs/PRESENCE.md).
pub(crate) fn name(call: &Publication) -> Outcome {
    let Person { from, name } = call.data()?;
    if from.len() > 24 || name.chars().count() > 60 {
        return Err(BayeuxError::DataInvalid.into());
    }
    Ok(Actions::new().set_attribute("presence", json!({ "info": { "from": from, "name": name } })))
}

/// The data of `/service/math`; any other shape is `400::data_invalid`.
#[derive(Deserialize)]
struct Task {
    left: f64,
    operator: char,
    right: f64,
}

/// Answers with the task and its result, or says why there is none.
fn math(call: &Publication) -> Outcome {
    let Task { left, operator, right } = call.data()?;
    let result = match operator {
        '+' => left + right,
        '-' => left - right,
        '*' => left * right,
        '/' => left / right,
        _ => return Err(BayeuxError::Service(422, "the operators are + - * /".to_owned()).into()),
    };
    if !result.is_finite() {
        return Err(BayeuxError::Service(422, "no such number".to_owned()).into());
    }
    Ok(reply(json!({ "left": left, "operator": operator, "right": right, "result": result })))
}

/// Answers what people write, as the reply-bot of POE::Component::Server::Bayeux does. The chat page sends other things
/// too, which have no text.
fn autobot() -> LocalSession {
    LocalSession::new("autobot", |message| {
        let data: Value = message.data().unwrap_or_default();
        if !data["text"].is_string() {
            return Actions::new();
        }
        let name = data["name"].as_str().unwrap_or("somebody");
        publish(&message.channel, json!({ "name": "Autobot", "text": format!("I got your message, {name}") }))
    })
    .subscribe("/chat/demo")
}
