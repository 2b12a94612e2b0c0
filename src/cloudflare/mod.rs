//! Placeholder of the first hour: routes everything to one object.

use worker::*;

#[event(fetch)]
async fn fetch(req: Request, env: Env, _ctx: Context) -> Result<Response> {
    env.durable_object("CHANNEL_TREE")?.get_by_name("/")?.fetch_with_request(req).await
}

#[durable_object]
pub struct ChannelTree;

impl DurableObject for ChannelTree {
    fn new(_state: State, _env: Env) -> Self {
        Self
    }
    async fn fetch(&self, _req: Request) -> Result<Response> {
        Response::ok("[]")
    }
}
