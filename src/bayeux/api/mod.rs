//! The server API: what other programs may see and do, with a key.
//!
//! ```text
//! POST   /cometd/api/publish              [{"channel":"/news","data":1},{"channel":"/news","data":2,"client":"17…"}]
//!        ← [{"channel":"/news","successful":true},{"channel":"/news","successful":true}]
//! GET    /cometd/api/clients              ← {"clients":[{"client":"17…","connected":true,…}],"next":"17…"}
//! GET    /cometd/api/clients/{client}     ← {"client":"17…","channels":["/news"],…}
//! DELETE /cometd/api/clients/{client}     ← 204
//! GET    /cometd/api/channels             ← {"channels":[{"channel":"/news","subscribers":1}]}
//! GET    /cometd/api/trees                ← {"trees":[{"tree":"/"},{"tree":"/news"}]}
//! GET    /cometd/api/openapi.json         ← openapi.json of this folder
//! ```
//!
//! A client is named here by its [`SessionKey`](crate::bayeux::SessionKey), which tells nothing of its clientId. Each call speaks of one home: the root's,
//! or that of `?tree=`; the list of trees is the root's, and lists with `?tree=*` are put together from those of all homes. Without a key in `API_KEYS` none of this is there.

mod call;
mod error;
mod fan_out;
mod gateway;
mod keys;
mod lists;
mod publish;

pub use self::error::ApiError;
pub use self::fan_out::{Everywhere, Question};
pub use self::gateway::{Door, is_api_path, knock};
pub use self::keys::ApiKeys;

use self::call::Call;
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::bayeux::io::{Endpoint, Origin};
use crate::bayeux::server::{Batch, BayeuxServer};
use crate::bayeux::time::Millis;

impl BayeuxServer {
    /// Does what somebody with a key asks.
    pub(super) fn serve_api(&mut self, now: Millis, from: Endpoint, request: &HttpRequest) {
        let response = match Call::of(request, &self.options) {
            Ok(Call::Publish(messages)) => {
                let origin = Origin { address: request.address.clone(), ..Origin::default() };
                return self.run(now, Batch::of_api(from, origin, messages));
            }
            Ok(Call::Clients(page)) => self.list_clients(&page),
            Ok(Call::Client(key)) => self.show_client(key),
            Ok(Call::Disconnect(key)) => self.disconnect_by_api(key),
            Ok(Call::Channels(page)) => self.list_channels(&page),
            Ok(Call::Trees(page)) => self.list_trees(&page),
            Err(error) => error.into_response(),
        };
        self.respond(from, response);
    }
}

/// A response that no cache keeps and no browser takes for something else.
fn json(data: impl serde::Serialize) -> HttpResponse {
    guarded(HttpResponse::json(data))
}

fn guarded(response: HttpResponse) -> HttpResponse {
    response.header("cache-control", "no-store").header("x-content-type-options", "nosniff")
}
