//! What comes while rows are being written is handled together, so that its rows are written together.
//!
//! The platform commits what one turn of the event loop has written, and holds the turn's answers until then. Such a
//! commit costs the object about 100 µs, whatever is in it; a row as one of many 30 µs (measured on workerd). So after
//! an input that wrote, those that follow wait for the turn's end. An object that writes nothing waits for nothing.

use std::cell::{Cell, RefCell};

use wasm_bindgen::prelude::*;

use crate::cloudflare::js;

/// One object's turn, and what waits for its end.
pub struct GroupCommit<T> {
    end: Closure<dyn Fn()>,
    is_open: Cell<bool>,
    waiting: RefCell<Vec<T>>,
}

impl<T> GroupCommit<T> {
    /// `end` is called when a turn is over, to fetch [`GroupCommit::take`].
    pub fn new(end: impl Fn() + 'static) -> Self {
        let end = Closure::own_assert_unwind_safe(end);
        Self { end, is_open: Cell::default(), waiting: RefCell::default() }
    }

    /// Gives an item back that need not wait.
    pub fn admit(&self, item: T) -> Option<T> {
        if self.is_open.get() {
            self.waiting.borrow_mut().push(item);
            return None;
        }
        Some(item)
    }

    /// Rows were written.
    pub fn wrote(&self) {
        if !self.is_open.replace(true) {
            js::set_timeout(self.end.as_ref().unchecked_ref(), 0.0);
        }
    }

    /// The turn is over: what has waited for that, in order.
    pub fn take(&self) -> Vec<T> {
        self.is_open.set(false);
        self.waiting.take()
    }
}
