//! `[vars]` of `wrangler.toml`, read once and checked.

use std::cell::OnceCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::js_sys::Reflect;

use super::cors::AllowedOrigins;
use super::log::LogLevel;
use crate::bayeux::{OptionError, Options};

/// Everything that can be set.
#[derive(Clone, Debug)]
pub struct Config {
    pub options: Options,
    /// `ALLOWED_ORIGINS`: pages of other origins that may use the server, besides its own.
    pub allowed_origins: AllowedOrigins,
    /// `LOG_LEVEL`.
    pub log_level: LogLevel,
}

thread_local! {
    /// Read at the first request. Variables do not change while a Worker lives, and it is plain data: the Worker and
    /// all its objects share it.
    static CONFIG: OnceCell<Result<Rc<Config>, OptionError>> = const { OnceCell::new() };
}

impl Config {
    /// The configuration of this Worker and its objects.
    ///
    /// # Errors
    /// The first variable with a value that cannot be taken.
    pub fn of(env: &JsValue) -> Result<Rc<Self>, OptionError> {
        CONFIG.with(|config| config.get_or_init(|| Self::read(env).map(Rc::new)).clone())
    }

    fn read(env: &JsValue) -> Result<Self, OptionError> {
        let var = |name: &str| var(env, name);
        Ok(Self {
            options: Options::from_vars(var)?,
            allowed_origins: AllowedOrigins::parse(var("ALLOWED_ORIGINS"))?,
            log_level: LogLevel::parse(var("LOG_LEVEL"))?,
        })
    }
}

/// A variable as text: TOML and the dashboard also give numbers and booleans.
fn var(env: &JsValue, name: &str) -> Option<String> {
    let value = Reflect::get(env, &name.into()).ok()?;
    value
        .as_string()
        .or_else(|| value.as_f64().map(|number| number.to_string()))
        .or_else(|| value.as_bool().map(|flag| flag.to_string()))
}
