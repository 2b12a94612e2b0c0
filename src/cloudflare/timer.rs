//! The one timer of an object. None is set when the server waits for nothing.

use std::cell::RefCell;

use wasm_bindgen::prelude::*;

use super::js;
use crate::bayeux::Millis;

/// The longest `setTimeout`: a day, well below the 2^31 ms at which it wraps.
const LONGEST_MS: u64 = 24 * 60 * 60 * 1000;

/// Calls back at a time that can be moved.
pub struct Timer {
    callback: Closure<dyn Fn()>,
    running: RefCell<JsValue>,
}

impl Timer {
    pub fn new(callback: impl Fn() + 'static) -> Self {
        // A panic in the callback is caught before it gets here, see `Tree::handle`.
        let callback = Closure::own_assert_unwind_safe(callback);
        Self { callback, running: RefCell::default() }
    }

    /// Calls back at `time`, and at no other that was set before.
    pub fn set(&self, time: Millis) {
        let wait = time.0.saturating_sub(js::now().0).min(LONGEST_MS);
        let timer = js::set_timeout(self.callback.as_ref().unchecked_ref(), wait as f64);
        js::clear_timeout(&self.running.replace(timer));
    }
}
