//! The bindings of `wrangler.toml`.

use serde_json::json;
use wasm_bindgen::prelude::*;
use worker::js_sys::{JSON, Object, Promise, Reflect};
use worker::web_sys::Request;
use worker::worker_sys::{DurableObject, DurableObjectNamespace, Fetcher, RateLimiter};

use crate::bayeux::Home;
use crate::bayeux::metrics::DataPoint;
use crate::cloudflare::config::Config;
use crate::cloudflare::metrics_store::MetricsStore;

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

    /// A dataset of Workers Analytics Engine, where one is bound.
    #[wasm_bindgen(method, getter, js_name = METRICS)]
    pub fn metrics(this: &Bindings) -> Option<Dataset>;

    pub type Dataset;

    /// Returns at once: the platform writes the point later.
    #[wasm_bindgen(method, catch, js_name = writeDataPoint)]
    fn write_data_point(this: &Dataset, point: &JsValue) -> Result<(), JsValue>;

    /// A namespace of Workers KV for the figures of all homes, where one is bound.
    #[wasm_bindgen(method, getter, js_name = METRICS_KV)]
    pub fn metrics_store(this: &Bindings) -> Option<MetricsStore>;

    /// Cloudflare's rate limiter, where one is bound (Workers, "Rate Limiting").
    #[wasm_bindgen(method, getter, js_name = RATE_LIMITER)]
    pub fn rate_limiter(this: &Bindings) -> Option<RateLimiter>;
}

impl Dataset {
    /// # Errors
    /// The point is not one for the platform, or this is no dataset.
    pub fn write(&self, DataPoint { home, doubles }: &DataPoint) -> Result<(), JsValue> {
        // An index has 96 bytes at most, and it only decides which points are sampled together.
        let index = home.get(..96).unwrap_or(home);
        let point = json!({ "indexes": [index], "blobs": [home], "doubles": doubles });
        self.write_data_point(&JSON::parse(&point.to_string())?)
    }
}

#[wasm_bindgen(
    inline_js = "export const callObject = (env, name, request) => env.CHANNEL_TREE.getByName(name).fetch(request);"
)]
extern "C" {
    #[wasm_bindgen(catch, js_name = callObject)]
    fn call_object(bindings: &Bindings, name: &str, request: &Request) -> Result<Promise, JsValue>;
}

impl Bindings {
    /// The promise of a home's response.
    ///
    /// # Errors
    /// The platform's error; or a bad variable.
    pub fn call(&self, home: &Home, request: &Request) -> Result<Promise, JsValue> {
        let config = Config::of(self).map_err(JsError::from)?;
        if config.jurisdiction.is_none() && home.region().is_none() {
            return call_object(self, home.name(), request);
        }
        self.object(home)?.fetch_with_request(request)
    }

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
