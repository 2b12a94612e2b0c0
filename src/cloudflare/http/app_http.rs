//! Converts requests and responses to the application's plain values and back.

use wasm_bindgen::JsValue;
use worker::Headers;
use worker::js_sys::Uint8Array;
use worker::web_sys::{ReadableStream, Response, ResponseInit};

use crate::bayeux::app::{HttpRequest, HttpResponse};
use crate::cloudflare::http::request::ClientRequest;
use crate::cloudflare::transport::long_polling::context;

/// A request without its body.
pub fn request(request: &ClientRequest) -> HttpRequest {
    HttpRequest {
        method: request.method().to_owned(),
        path: request.path().to_owned(),
        query: request.query().to_owned(),
        headers: Headers(request.raw().headers()).entries().collect(),
        body: Vec::new(),
        address: context(request).address,
    }
}

/// A response's status and headers.
pub fn head(response: &Response) -> HttpResponse {
    let headers = Headers(response.headers()).entries().collect();
    HttpResponse { headers, ..HttpResponse::new(response.status()) }
}

/// A response; where the application gives no body, `file` is the body.
///
/// # Errors
/// The platform's: a status or a header that HTTP does not have.
pub fn response(response: &HttpResponse, file: Option<&ReadableStream>) -> Result<Response, JsValue> {
    let headers = Headers::new();
    for (name, value) in &response.headers {
        headers.append(name, value)?;
    }
    let init = ResponseInit::new();
    init.set_status(response.status);
    init.set_headers(&headers.0);
    match &response.body {
        // A status without a body must not be given an empty one either (Fetch standard, null body status).
        _ if matches!(response.status, 204 | 205 | 304) => Response::new_with_opt_str_and_init(None, &init),
        Some(body) => Response::new_with_opt_js_u8_array_and_init(Some(&Uint8Array::from(&body[..])), &init),
        None => Response::new_with_opt_readable_stream_and_init(file, &init),
    }
}
