//! Server-sent events (HTML standard, section 9.2): responses that stay open and take event after event.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::js_sys::{self, Function, Object, Reflect, Uint8Array};
use worker::web_sys::{ReadableStream, Response};

use crate::bayeux::StreamId;
use crate::cloudflare::http::request::{ClientRequest, header};
use crate::cloudflare::http::response::{self, Head};

/// How much a client may leave unread before nothing more is sent, in bytes, besides what the connection buffers. A
/// flush leaves as a whole, so it may be exceeded by the `MAX_QUEUE_BYTES` of a session.
pub const HIGH_WATER_MARK: u32 = 64 * 1024;

/// The client's pause before it reopens a broken stream, ms: a fifth of `MAX_INTERVAL`, within which its session
/// survives.
pub const RETRY: &str = "retry: 2000\n\n";

/// A comment: it shows proxies and the platform that the stream is in use.
pub const BEAT: &str = ":\n\n";

#[wasm_bindgen]
extern "C" {
    /// A `ReadableStreamDefaultController` (Streams standard, section 4.6): the writing end of a stream.
    type Controller;

    #[wasm_bindgen(method, catch)]
    fn enqueue(this: &Controller, chunk: &Uint8Array) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn close(this: &Controller) -> Result<(), JsValue>;

    #[wasm_bindgen(method, catch)]
    fn error(this: &Controller, reason: &JsValue) -> Result<(), JsValue>;

    #[wasm_bindgen(method, getter, js_name = desiredSize)]
    fn desired_size(this: &Controller) -> Option<f64>;

    #[wasm_bindgen(js_name = ReadableStream, extends = ReadableStream)]
    type Source;

    #[wasm_bindgen(constructor, catch, js_class = "ReadableStream")]
    fn new(source: &Object, strategy: &ByteLengthQueuingStrategy) -> Result<Source, JsValue>;

    type ByteLengthQueuingStrategy;

    #[wasm_bindgen(constructor, catch)]
    fn new(init: &Object) -> Result<ByteLengthQueuingStrategy, JsValue>;
}

/// The streams of one object.
pub struct Streams {
    opened: Cell<u64>,
    open: RefCell<HashMap<u64, OpenStream>>,
    /// Streams with more unread data than allowed, since this was last asked.
    full: RefCell<Vec<StreamId>>,
    refused: RefCell<Option<Response>>,
    started: Rc<RefCell<Option<Controller>>>,
    start: Closure<dyn Fn(Controller)>,
    pull: Closure<dyn Fn(f64)>,
    cancel: Closure<dyn Fn(f64)>,
}

struct OpenStream {
    controller: Controller,
    head: Head,
    /// The response to its request, until it is taken.
    response: Option<Response>,
    stalled: Cell<bool>,
}

/// What a stream's client does.
#[derive(Clone, Copy)]
pub enum Signal {
    /// It has read what it was sent.
    Drained(StreamId),
    /// It has left.
    Left(StreamId),
}

impl Streams {
    pub fn new(signal: impl Fn(Signal) + 'static) -> Self {
        let started = Rc::new(RefCell::default());
        let deposit = Rc::clone(&started);
        let read = Rc::new(signal);
        let left = Rc::clone(&read);
        Self {
            opened: Cell::default(),
            open: RefCell::default(),
            full: RefCell::default(),
            refused: RefCell::default(),
            started,
            start: Closure::own_assert_unwind_safe(move |controller| drop(deposit.replace(Some(controller)))),
            pull: Closure::own_assert_unwind_safe(move |number: f64| read(Signal::Drained(StreamId(number as u64)))),
            cancel: Closure::own_assert_unwind_safe(move |number: f64| left(Signal::Left(StreamId(number as u64)))),
        }
    }

    /// Opens a stream.
    ///
    /// # Errors
    /// The platform has no such streams.
    pub fn open(&self, head: Head) -> Result<StreamId, JsValue> {
        let StreamId(number) = self.next();
        let source = self.source(number)?;
        let controller = self.started.take().ok_or("a stream has started")?;
        let response = response::stream(&head, &source);
        let open = OpenStream { controller, head, response: Some(response), stalled: Cell::default() };
        open.write(&bytes(RETRY));
        self.open.borrow_mut().insert(number, open);
        Ok(StreamId(number))
    }

    /// The number of a stream that may be held elsewhere.
    pub fn next(&self) -> StreamId {
        self.opened.set(self.opened.get() + 1);
        StreamId(self.opened.get())
    }

    /// The stream in JavaScript. Its callbacks are one function each for all streams, bound to the number.
    fn source(&self, number: u64) -> Result<Source, JsValue> {
        // Exact to 2^53 streams of one object.
        let number = JsValue::from(number as f64);
        let bound = |callback: &JsValue| callback.unchecked_ref::<Function>().bind1(&JsValue::UNDEFINED, &number);
        let source = Object::new();
        Reflect::set(&source, &"start".into(), self.start.as_ref())?;
        Reflect::set(&source, &"pull".into(), &bound(self.pull.as_ref()))?;
        Reflect::set(&source, &"cancel".into(), &bound(self.cancel.as_ref()))?;
        let init = Object::new();
        Reflect::set(&init, &"highWaterMark".into(), &HIGH_WATER_MARK.into())?;
        Source::new(&source, &ByteLengthQueuingStrategy::new(&init)?)
    }

    /// The response to the request that just opened a stream, or why there is none.
    pub fn response(&self, StreamId(number): StreamId) -> Option<Response> {
        let mut open = self.open.borrow_mut();
        open.get_mut(&number).and_then(|stream| stream.response.take()).or_else(|| self.refused.take())
    }

    pub fn is_empty(&self) -> bool {
        self.open.borrow().is_empty()
    }

    /// Sends the same event to each stream.
    pub fn send(&self, to: &[StreamId], json: &str) {
        self.write(to, &bytes(&event(json)));
    }

    pub fn beat(&self, stream: StreamId) {
        self.write(&[stream], &bytes(BEAT));
    }

    /// Ends a stream with its last messages; with a `status` other than 200 at once, and without them. A stream whose
    /// response was not taken yet is refused with the status instead.
    pub fn end(&self, stream: StreamId, status: u16, json: &str) {
        let Some(OpenStream { controller, head, response, .. }) = self.open.borrow_mut().remove(&stream.0) else {
            return;
        };
        // A cancelled stream throws.
        if status != 200 {
            let _ = controller.error(&broken_off());
            self.refused.replace(response.map(|_| response::respond(&Head { status, ..head }, json)));
            return;
        }
        if json != "[]" {
            let _ = controller.enqueue(&bytes(&event(json)));
        }
        let _ = controller.close();
    }

    /// Removes a stream whose client has left.
    pub fn forget(&self, StreamId(number): StreamId) {
        self.open.borrow_mut().remove(&number);
    }

    /// Records that a client has read. Returns whether it was behind.
    pub fn caught_up(&self, StreamId(number): StreamId) -> bool {
        self.open.borrow().get(&number).is_some_and(|stream| stream.stalled.replace(false))
    }

    /// The streams that must not be sent more for now. To be asked after each send.
    pub fn take_full(&self) -> Vec<StreamId> {
        self.full.take()
    }

    fn write(&self, to: &[StreamId], chunk: &Uint8Array) {
        let open = self.open.borrow();
        for stream in to {
            let Some(open) = open.get(&stream.0) else { continue };
            open.write(chunk);
            if open.is_full() && !open.stalled.replace(true) {
                self.full.borrow_mut().push(*stream);
            }
        }
    }
}

impl OpenStream {
    /// A cancelled stream throws; the platform reports it as well.
    fn write(&self, chunk: &Uint8Array) {
        let _ = self.controller.enqueue(chunk);
    }

    fn is_full(&self) -> bool {
        self.controller.desired_size().is_some_and(|size| size <= 0.0)
    }
}

/// Whether a request opens an event stream.
pub fn is_event_source(request: &ClientRequest) -> bool {
    request.method() == "GET"
        && header(request, "Accept").is_some_and(|types| {
            types.split([',', ';']).any(|type_| type_.trim().eq_ignore_ascii_case("text/event-stream"))
        })
}

/// An event of the stream. JSON has line breaks only between tokens; they would end the event.
pub fn event(json: &str) -> String {
    let lines = json.replace("\r\n", "\n").replace(['\r', '\n'], "\ndata: ");
    format!("data: {lines}\n\n")
}

/// Why a stream is broken off: like a lost connection, which may be opened again. The runtime reports any other reason
/// as an exception, and none as a response that hung.
fn broken_off() -> JsValue {
    let reason = js_sys::Error::new("The event stream was broken off.");
    let _ = Reflect::set(&reason, &"retryable".into(), &JsValue::TRUE);
    reason.into()
}

fn bytes(text: &str) -> Uint8Array {
    Uint8Array::from(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    fn an_event_is_lines_of_data_and_an_empty_one() {
        assert_eq!(event(r#"[{"data":1}]"#), "data: [{\"data\":1}]\n\n");
        assert_eq!(event("[1,\n2,\r3,\r\n4]"), "data: [1,\ndata: 2,\ndata: 3,\ndata: 4]\n\n");
    }
}
