//! The one file that you edit: what your application allows, answers, hears and says.
//!
//! [`Application`] has all that can be added, with an example each; docs/APPLICATION.md is the guide.

use serde_json::{Value, json};

use crate::bayeux::app::{Actions, Application, LocalSession, publish};

/// The application of every home. `var` reads what `[vars]` in wrangler.toml sets, and secrets.
///
/// This one leaves everything open, and with `AUTOBOT = "true"` has somebody to talk to in `/chat/demo`.
pub fn application(var: &dyn Fn(&str) -> Option<String>) -> Application {
    let application = Application::new();
    if var("AUTOBOT").as_deref() == Some("true") { application.local_session(autobot()) } else { application }
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
