//! The bindings of `wrangler.toml`.

use wasm_bindgen::prelude::*;
use worker::js_sys::{Object, Reflect};
use worker::worker_sys::{DurableObject, DurableObjectNamespace, Fetcher, RateLimiter};

use crate::bayeux::Home;
use crate::cloudflare::config::Config;

/// `worker::Env` asks each binding for its class first, which would cost every poll.
#[wasm_bindgen]
extern "C" {
    #[derive(Clone)]
    pub type Bindings;

    #[wasm_bindgen(method, getter, catch, js_name = CHANNEL_TREE)]
    fn channel_tree(this: &Bindings) -> Result<DurableObjectNamespace, JsValue>;

    /// What `worker` lacks of a namespace.
    type AnyJurisdiction;

    #[wasm_bindgen(method, catch)]
    fn jurisdiction(this: &AnyJurisdiction, name: &str) -> Result<DurableObjectNamespace, JsValue>;

    /// The static assets, for the requests that the platform sends to the Worker first.
    #[wasm_bindgen(method, getter, catch, js_name = ASSETS)]
    pub fn assets(this: &Bindings) -> Result<Fetcher, JsValue>;

    /// The hooks Worker, where one is bound.
    #[wasm_bindgen(method, getter, js_name = HOOKS)]
    pub fn hooks(this: &Bindings) -> Option<Fetcher>;

    /// The class `Application` that the Worker exports beside this one: packages/bayeux-edge/index.js puts it here.
    #[wasm_bindgen(method, getter, js_name = BAYEUX_APPLICATION)]
    pub fn application(this: &Bindings) -> Option<Fetcher>;

    /// Cloudflare's rate limiter, where one is bound (Workers, "Rate Limiting").
    #[wasm_bindgen(method, getter, js_name = RATE_LIMITER)]
    pub fn rate_limiter(this: &Bindings) -> Option<RateLimiter>;
}

impl Bindings {
    /// A home's object, in the jurisdiction of all objects. A home of a region asks the platform to keep its object
    /// there, which counts for the first request only (Durable Objects, "Provide a location hint").
    pub fn object(&self, home: &Home) -> Result<DurableObject, JsValue> {
        let mut objects = self.channel_tree()?;
        // Without a configuration no object is called: it might be one outside.
        if let Some(name) = Config::of(self).map_err(JsError::from)?.jurisdiction {
            objects = objects.unchecked_into::<AnyJurisdiction>().jurisdiction(name)?;
        }
        let Some(region) = home.region() else { return objects.get_by_name(home.name()) };
        let options = Object::new();
        Reflect::set(&options, &"locationHint".into(), &region.name().into())?;
        objects.get_by_name_with_options(home.name(), &options)
    }
}
