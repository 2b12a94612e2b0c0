//! Lists of the server API that are merged from all homes: their objects are asked, or what they have written is read.

use std::panic::AssertUnwindSafe;

use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::web_sys::{Request, Response};

use crate::bayeux::Placement;
use crate::bayeux::api::{FanOut, KeptMetrics, PageRequest};
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::cloudflare::bindings::Bindings;
use crate::cloudflare::http::app_http;
use crate::cloudflare::metrics_store::MetricsStore;

/// The promise of a page. The Worker has checked the key.
pub fn list(bindings: Bindings, call: HttpRequest, homes: Placement) -> Promise {
    let page = async move {
        if let Some(store) = bindings.metrics_store().filter(|_| KeptMetrics::is_meant(&call)) {
            return app_http::response(&kept(&store, &call).await?, None).map(Into::into);
        }
        let response = match FanOut::new(&call, homes) {
            Ok(page) => complete(&bindings, page, call.header("authorization").unwrap_or_default()).await?,
            Err(error) => error.into_response(),
        };
        app_http::response(&response, None).map(Into::into)
    };
    future_to_promise(AssertUnwindSafe(page))
}

/// The figures that the homes have written.
async fn kept(store: &MetricsStore, call: &HttpRequest) -> Result<HttpResponse, JsValue> {
    let page = match KeptMetrics::new(call) {
        Ok(page) => page,
        Err(error) => return Ok(error.into_response()),
    };
    let (texts, next) = store.page(page.cursor.as_deref(), page.limit).await?;
    Ok(page.response(texts, next.as_deref()))
}

async fn complete(bindings: &Bindings, mut page: FanOut, authorization: &str) -> Result<HttpResponse, JsValue> {
    while let Some(question) = page.question() {
        page.take(ask(bindings, &question, authorization).await?);
    }
    Ok(page.into_response())
}

async fn ask(
    bindings: &Bindings,
    PageRequest { whom, path }: &PageRequest,
    authorization: &str,
) -> Result<HttpResponse, JsValue> {
    // The host does not matter: the request goes to the given object.
    let request = Request::new_with_str(&format!("https://object{path}"))?;
    // The key's scope decides what is shown.
    request.headers().set("authorization", authorization)?;
    let answer = bindings.call(whom, &request)?;
    let response: Response = JsFuture::from(answer).await?.unchecked_into();
    let body = JsFuture::from(response.text()?).await?.as_string().map(String::into_bytes);
    Ok(HttpResponse { body, ..app_http::head(&response) })
}
