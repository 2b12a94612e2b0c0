//! Wakes the object: with a timer, which keeps it in memory, or with its alarm, which does not.
//!
//! A timer suits near deadlines, and an object with held requests, which stays in memory anyway. An object with sockets
//! only may hibernate, and only an alarm wakes it. Setting an alarm writes a row (Durable Objects, "Alarms"), so it is
//! not moved with every poll: while a timer runs, the alarm is only a fallback for an object that is killed and never
//! called again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::Storage;
use worker::js_sys::{Date, Object};
use worker::wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::bayeux::Millis;
use crate::cloudflare::js;

/// Deadlines nearer than this get a timer: the platform hibernates an object after 10 s without work. A timer runs no
/// longer than this either, because the requests that keep the object in memory may end; later deadlines are then
/// planned anew.
const NEAR_MS: u64 = 10_000;

/// A later deadline gets an alarm only when this time has passed without a message: answered polls come back, and the
/// alarm must not move with every message.
const QUIET_MS: u64 = 1000;

/// How long the rows of a killed object's sessions stay if nobody calls it.
const STAND_BY_MS: u64 = 10 * 60 * 1000;

/// A timer that can be moved.
pub struct WakeTimer {
    callback: Closure<dyn Fn()>,
    running: RefCell<JsValue>,
    ringing: Cell<bool>,
    alarm: Rc<Alarm>,
}

/// The object's alarm, which outlives the object's time in memory.
struct Alarm {
    storage: Storage,
    set: Cell<Known>,
    /// Its time, if it was set before the platform has told the old one.
    wanted: Cell<Option<Millis>>,
}

/// What is known of the alarm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The platform has not answered yet.
    Nothing,
    Unset,
    SetFor(Millis),
}

impl WakeTimer {
    pub fn new(storage: Storage, callback: impl Fn() + 'static) -> Self {
        // A panic in the callback is caught before it gets here, see `Tree::handle`.
        let callback = Closure::own_assert_unwind_safe(callback);
        let alarm = Alarm { storage, set: Cell::new(Known::Unset), wanted: Cell::default() };
        Self { callback, running: RefCell::default(), ringing: Cell::default(), alarm: Rc::new(alarm) }
    }

    /// An earlier life of the object may have set an alarm.
    pub fn ask_for_alarm(&self) {
        let Ok(promise) = self.alarm.storage.as_raw().get_alarm(Object::new()) else { return };
        self.alarm.set.set(Known::Nothing);
        let alarm = Rc::clone(&self.alarm);
        spawn_local(async move {
            let time = JsFuture::from(promise).await.ok().and_then(|time| time.as_f64());
            alarm.tell(time.map(|time| Millis(time as u64)));
        });
    }

    /// The alarm is gone: it rang, or was deleted with the storage.
    pub fn alarm_is_gone(&self) {
        self.alarm.set.set(Known::Unset);
    }

    /// What is done now comes from a timer or the alarm: no client is being answered.
    pub fn rings(&self, work: impl FnOnce()) {
        self.ringing.set(true);
        work();
        self.ringing.set(false);
    }

    /// Calls back at `time` or earlier, in place of what was set before. `busy`: the object stays in memory anyway.
    /// `awaited`: a client that was just answered comes back at once, and changes that time. Returns whether the object
    /// may hibernate until then.
    pub fn set(&self, time: Millis, busy: bool, awaited: bool) -> bool {
        let now = js::now();
        let wait = time.0.saturating_sub(now.0);
        let far = !busy && wait > NEAR_MS;
        if far && self.ringing.get() && !awaited {
            js::clear_timeout(&self.running.take());
            self.alarm.ring_at(time);
            return true;
        }
        let wait = if far { QUIET_MS } else { wait.min(NEAR_MS) };
        let timer = js::set_timeout(self.callback.as_ref().unchecked_ref(), wait as f64);
        js::clear_timeout(&self.running.replace(timer));
        self.alarm.stand_by(if far { time } else { Millis(now.0 + STAND_BY_MS) });
        false
    }
}

impl Alarm {
    fn tell(&self, time: Option<Millis>) {
        if self.set.get() == Known::Nothing {
            self.set.set(time.map_or(Known::Unset, Known::SetFor));
            self.wanted.take().into_iter().for_each(|time| self.ring_at(time));
        }
    }

    /// An alarm that is set already will do, whatever its time.
    fn stand_by(&self, time: Millis) {
        if self.set.get() == Known::Unset {
            self.ring_at(time);
        }
    }

    fn ring_at(&self, time: Millis) {
        match self.set.get() {
            Known::Nothing => self.wanted.set(Some(time)),
            Known::SetFor(already) if already == time => {}
            Known::Unset | Known::SetFor(_) => {
                let date = Date::new(&(time.0 as f64).into());
                // Setting an alarm is a write: the output gate waits for it, so its promise can be ignored.
                if self.storage.as_raw().set_alarm(date, Object::new()).is_ok() {
                    self.set.set(Known::SetFor(time));
                }
            }
        }
    }
}
