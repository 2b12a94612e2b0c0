//! The figures of all homes in Workers KV, where a namespace is bound: each home that is awake writes its own, and who
//! reads them wakes no object.

use serde_json::json;
use wasm_bindgen::prelude::*;
use worker::js_sys::{Array, JSON, Map, Promise, Reflect};
use worker::wasm_bindgen_futures::JsFuture;

#[wasm_bindgen]
extern "C" {
    /// A namespace of Workers KV, with a text for each home.
    #[derive(Clone)]
    pub type MetricsStore;

    #[wasm_bindgen(method, catch)]
    fn put(this: &MetricsStore, home: &str, text: &str, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn list(this: &MetricsStore, options: &JsValue) -> Result<Promise, JsValue>;

    #[wasm_bindgen(method, catch)]
    fn get(this: &MetricsStore, homes: &Array) -> Result<Promise, JsValue>;
}

/// How long a home that writes no more is still among those that are in use.
const KEPT_SECONDS: u32 = 3600;

impl MetricsStore {
    /// Replaces the text of a home.
    ///
    /// # Errors
    /// It was not written, or this is no namespace.
    pub async fn keep(&self, home: &str, text: &str) -> Result<(), JsValue> {
        let options = JSON::parse(&json!({ "expirationTtl": KEPT_SECONDS }).to_string())?;
        JsFuture::from(self.put(home, text, &options)?).await?;
        Ok(())
    }

    /// The texts of some homes, with their names, and where the next ones begin.
    ///
    /// # Errors
    /// They cannot be read.
    pub async fn page(
        &self,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<(Vec<(String, String)>, Option<String>), JsValue> {
        let options = JSON::parse(&json!({ "cursor": cursor, "limit": limit }).to_string())?;
        let list = JsFuture::from(self.list(&options)?).await?;
        let keys: Array = Reflect::get(&list, &"keys".into())?.unchecked_into();
        let homes = Array::new();
        for key in keys.iter() {
            homes.push(&Reflect::get(&key, &"name".into())?);
        }
        let next = Reflect::get(&list, &"cursor".into())?.as_string();
        if homes.length() == 0 {
            return Ok((Vec::new(), next));
        }
        let found: Map = JsFuture::from(self.get(&homes)?).await?.unchecked_into();
        // One that expired in between has no text.
        let texts = homes.iter().filter_map(|home| Some((home.as_string()?, found.get(&home).as_string()?)));
        Ok((texts.collect(), next))
    }
}
