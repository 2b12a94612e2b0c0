//! Lists of the server API that are merged from all homes.

use std::panic::AssertUnwindSafe;

use wasm_bindgen::JsCast;
use wasm_bindgen::JsValue;
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::web_sys::{Request, Response};

use crate::bayeux::Placement;
use crate::bayeux::api::{FanOut, PageRequest};
use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::cloudflare::bindings::Bindings;
use crate::cloudflare::http::app_http;

/// The promise of a page. The Worker has checked the key.
pub fn list(bindings: Bindings, call: HttpRequest, homes: Placement) -> Promise {
    let page = async move {
        let response = match FanOut::new(&call, homes) {
            Ok(page) => complete(&bindings, page, call.header("authorization").unwrap_or_default()).await?,
            Err(error) => error.into_response(),
        };
        app_http::response(&response, None).map(Into::into)
    };
    future_to_promise(AssertUnwindSafe(page))
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
    let answer = bindings.object(whom)?.fetch_with_request(&request)?;
    let response: Response = JsFuture::from(answer).await?.unchecked_into();
    let body = JsFuture::from(response.text()?).await?.as_string().map(String::into_bytes);
    Ok(HttpResponse { body, ..app_http::head(&response) })
}
