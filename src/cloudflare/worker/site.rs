//! Everything that is not Bayeux: the application's routes, and static files with the application's hook on them.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use serde_json::json;
use wasm_bindgen::{JsCast, JsValue};
use worker::js_sys::Promise;
use worker::wasm_bindgen_futures::{JsFuture, future_to_promise};
use worker::web_sys::Response;

use crate::bayeux::{Application, Refusal};
use crate::cloudflare::config::var;
use crate::cloudflare::http::app_http;
use crate::cloudflare::http::request::ClientRequest;
use crate::cloudflare::http::response::{Head, refuse};
use crate::cloudflare::log::{Log, LogLevel};

thread_local! {
    /// The Worker's own instance of the application, made at the first request, for its routes and its hook. Homes have
    /// theirs.
    static APPLICATION: OnceCell<Rc<Application>> = const { OnceCell::new() };
}

/// The Worker's instance of the application.
pub fn application(env: &JsValue) -> Rc<Application> {
    APPLICATION.with(|known| Rc::clone(known.get_or_init(|| Rc::new(crate::application(&|name| var(env, name))))))
}

/// A static response, after the hook.
pub fn hooked(application: Rc<Application>, request: ClientRequest, file: Promise) -> Promise {
    future_to_promise(AssertUnwindSafe(async move {
        let file: Response = JsFuture::from(file).await?.unchecked_into();
        Ok(see(&application, &request, &file).into())
    }))
}

/// A panic in the hook, or an invalid response, fails this request only.
fn see(application: &Application, request: &ClientRequest, file: &Response) -> Response {
    let request = app_http::request(request);
    let mut response = app_http::head(file);
    let hook = AssertUnwindSafe(|| application.see_static(&request, &mut response));
    let seen = catch_unwind(hook).is_ok();
    let made = app_http::response(&response, file.body().as_ref());
    match made {
        Ok(made) if seen => made,
        _ => failed(&request.path),
    }
}

fn failed(path: &str) -> Response {
    Log::new(LogLevel::Error, "").line(LogLevel::Error, "request_failed", json!({ "path": path }));
    refuse(Head::default(), Refusal::InternalError)
}
