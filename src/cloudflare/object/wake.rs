//! When the object is to be woken: by a timer that keeps it in memory, or by its alarm, which does not.
//!
//! A timer suits what is near, and an object that holds requests, which stays in memory anyway. An object that only has
//! sockets may hibernate, and only an alarm wakes it again. To set one is a row written (Durable Objects, "Alarms"), so
//! it is not moved with every poll: as long as a timer runs, the alarm only stands by, for the case that the object is
//! killed and nobody ever calls it again.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use wasm_bindgen::prelude::*;
use worker::Storage;
use worker::js_sys::{Date, Object};
use worker::wasm_bindgen_futures::{JsFuture, spawn_local};

use crate::bayeux::Millis;
use crate::cloudflare::js;

/// What is nearer than this is waited for in memory: the platform lets an object hibernate after 10 s without work. A
/// timer runs no longer either, as the requests that kept the object in memory may have ended meanwhile; what is still
/// to come is then planned anew.
const NEAR_MS: u64 = 10_000;

/// What is far is left to the alarm when nobody has come for so long: polls that were answered come back, and the alarm
/// is not to be moved with every message.
const QUIET_MS: u64 = 1000;

/// How long the sessions of an object that was killed stay in its tables if nobody calls it.
const STAND_BY_MS: u64 = 10 * 60 * 1000;

/// Calls back at a time that can be moved.
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
    /// When it is to ring, where it was asked for before the platform had told when it will.
    wanted: Cell<Option<Millis>>,
}

/// What is known of the alarm.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// The platform was asked and has not answered yet.
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

    /// The object has lived before, and may have set an alarm then.
    pub fn ask_for_alarm(&self) {
        let Ok(promise) = self.alarm.storage.as_raw().get_alarm(Object::new()) else { return };
        self.alarm.set.set(Known::Nothing);
        let alarm = Rc::clone(&self.alarm);
        spawn_local(async move {
            let time = JsFuture::from(promise).await.ok().and_then(|time| time.as_f64());
            alarm.tell(time.map(|time| Millis(time as u64)));
        });
    }

    /// There is no alarm any more: it rang, or went with all that the object kept.
    pub fn alarm_is_gone(&self) {
        self.alarm.set.set(Known::Unset);
    }

    /// What is done now is done because a timer or the alarm rang in an object where nobody waits.
    pub fn rings(&self, work: impl FnOnce()) {
        self.ringing.set(true);
        work();
        self.ringing.set(false);
    }

    /// Calls back at `time`, or before, and at no other that was set before. `busy`: the object stays in memory anyway.
    /// `awaited`: whoever was answered just now comes back at once, and changes that time. Whether it may sleep until
    /// then.
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

    /// An alarm that is set already serves as well.
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
                // Written like a row: what the promise tells, the output gate waits for.
                if self.storage.as_raw().set_alarm(date, Object::new()).is_ok() {
                    self.set.set(Known::SetFor(time));
                }
            }
        }
    }
}
