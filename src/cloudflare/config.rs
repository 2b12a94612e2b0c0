//! `[vars]` of `wrangler.toml`, read and checked once.

use std::cell::OnceCell;
use std::rc::Rc;

use wasm_bindgen::JsValue;
use worker::js_sys::Reflect;

use crate::bayeux::api::ApiKeys;
use crate::bayeux::{OptionError, Options};
use crate::cloudflare::http::browser_cookie::BrowserCookie;
use crate::cloudflare::http::cors::AllowedOrigins;
use crate::cloudflare::http::token_sources::TokenCookie;
use crate::cloudflare::log::{LogLevel, log_panics};

/// All configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub options: Options,
    /// `ALLOWED_ORIGINS`: pages of other origins that may use the server, besides its own.
    pub allowed_origins: AllowedOrigins,
    /// `API_KEYS`: who may use the server API.
    pub api_keys: ApiKeys,
    /// `REGION_HEADER`: for development, the header whose value is taken for the client's continent.
    pub region_header: Option<String>,
    /// `JURISDICTION`: where all objects run and keep what they store, and nowhere else.
    pub jurisdiction: Option<&'static str>,
    /// `BROWSER_COOKIE`.
    pub browser_cookie: Option<BrowserCookie>,
    /// `TOKEN_COOKIE`.
    pub token_cookie: Option<TokenCookie>,
    /// `LINKS`.
    pub links: LinksOption,
    /// `LOG_LEVEL`.
    pub log_level: LogLevel,
}

/// `LINKS`: which polls and event streams the Worker holds, to pass them to their home in frames of a WebSocket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LinksOption {
    /// Those of a crowd.
    #[default]
    Auto,
    Always,
    /// None: the object holds all requests.
    Never,
}

thread_local! {
    /// Read at the first request. Variables do not change while a Worker lives, and this is plain data that the Worker
    /// and all its objects share.
    static CONFIG: OnceCell<Result<Rc<Config>, OptionError>> = const { OnceCell::new() };
}

impl Config {
    /// Reads the configuration of this Worker and its objects.
    ///
    /// # Errors
    /// The first variable with an invalid value.
    pub fn of(env: &JsValue) -> Result<Rc<Self>, OptionError> {
        CONFIG.with(|config| config.get_or_init(|| Self::read(env).map(Rc::new)).clone())
    }

    pub(super) fn read(env: &JsValue) -> Result<Self, OptionError> {
        log_panics();
        let var = |name: &str| var(env, name);
        Ok(Self {
            // Before the options: with this cookie they require keys.
            token_cookie: TokenCookie::parse(var("TOKEN_COOKIE"))?,
            options: Options::from_vars(var)?,
            allowed_origins: AllowedOrigins::parse(var("ALLOWED_ORIGINS"))?,
            api_keys: ApiKeys::parse(var("API_KEYS"))?,
            region_header: header_name("REGION_HEADER", var("REGION_HEADER"))?,
            jurisdiction: jurisdiction(var("JURISDICTION"))?,
            browser_cookie: BrowserCookie::parse(var("BROWSER_COOKIE"))?,
            links: LinksOption::parse(var("LINKS"))?,
            log_level: LogLevel::parse(var("LOG_LEVEL"))?,
        })
    }
}

impl LinksOption {
    fn parse(value: Option<String>) -> Result<Self, OptionError> {
        match value.as_deref() {
            None => Ok(Self::default()),
            Some("auto") => Ok(Self::Auto),
            Some("always") => Ok(Self::Always),
            Some("never") => Ok(Self::Never),
            Some(_) => Err(OptionError {
                name: "LINKS",
                value: value.unwrap_or_default(),
                allowed: "auto, always or never".to_owned(),
            }),
        }
    }
}

/// The jurisdictions that Cloudflare has (Durable Objects, "Data location"). workerd implements none and refuses all:
/// `none` is for development.
fn jurisdiction(value: Option<String>) -> Result<Option<&'static str>, OptionError> {
    match value.as_deref() {
        None | Some("none") => Ok(None),
        Some("eu") => Ok(Some("eu")),
        Some("us") => Ok(Some("us")),
        Some("fedramp") => Ok(Some("fedramp")),
        Some(other) => {
            let allowed = "eu, us, fedramp or none".to_owned();
            Err(OptionError { name: "JURISDICTION", value: other.to_owned(), allowed })
        }
    }
}

/// A name by RFC 9110, section 5.1.
fn header_name(name: &'static str, value: Option<String>) -> Result<Option<String>, OptionError> {
    let valid =
        |text: &String| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !text.is_empty();
    match value {
        Some(value) if !valid(&value) => {
            Err(OptionError { name, value, allowed: "the name of a header: letters, digits and hyphens".to_owned() })
        }
        value => Ok(value),
    }
}

/// A variable as text: TOML and the dashboard may have numbers and booleans.
pub fn var(env: &JsValue, name: &str) -> Option<String> {
    let value = Reflect::get(env, &name.into()).ok()?;
    value
        .as_string()
        .or_else(|| value.as_f64().map(|number| number.to_string()))
        .or_else(|| value.as_bool().map(|flag| flag.to_string()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use wasm_bindgen_test::wasm_bindgen_test;
    use worker::js_sys::{JSON, Object};

    use super::*;
    use crate::bayeux::table;

    fn env(json: &str) -> JsValue {
        JSON::parse(json).unwrap()
    }

    #[wasm_bindgen_test]
    fn variables_are_text_numbers_or_booleans() {
        let env =
            env(r#"{"TIMEOUT":"3000","MAX_QUEUE":5,"ANON_PUBLISH":true,"LOG_LEVEL":"warn","ALLOWED_ORIGINS":"*"}"#);
        let config = Config::read(&env).unwrap();
        assert_eq!(config.options.timeout, Duration::from_secs(3));
        assert_eq!(config.options.max_queue, 5);
        assert!(config.options.anon_publish);
        assert_eq!(config.log_level, LogLevel::Warn);
        assert_eq!(config.allowed_origins, AllowedOrigins::Any);
    }

    #[wasm_bindgen_test]
    fn without_variables_the_defaults_hold_and_bindings_do_not_disturb() {
        for env in [JsValue::from(Object::new()), env(r#"{"CHANNEL_TREE":{},"ASSETS":{"fetch":null}}"#)] {
            let config = Config::read(&env).unwrap();
            assert_eq!(config.options, Options::default());
            assert_eq!(config.allowed_origins, AllowedOrigins::Listed(vec![]));
            assert!(config.api_keys.is_empty());
            assert_eq!(config.log_level, LogLevel::Info);
        }
    }

    #[wasm_bindgen_test]
    fn the_defaults_of_the_table_are_those_of_the_shell() {
        let env = Object::new();
        for row in table::TABLE.iter().flat_map(|section| section.rows) {
            if let Some(default) = row.default.value {
                Reflect::set(&env, &row.name.into(), &default.into()).unwrap();
            }
        }
        Reflect::delete_property(&env, &"TOKENS".into()).unwrap(); // alone it asks for keys
        let written = |env: &JsValue| format!("{:?}", Config::read(env).unwrap());
        assert_eq!(written(&env), written(&Object::new()));
    }

    #[wasm_bindgen_test]
    fn a_jurisdiction_is_one_that_cloudflare_has() {
        let read = |value: &str| Config::read(&env(&format!(r#"{{"JURISDICTION":"{value}"}}"#)));
        assert_eq!(
            ["eu", "us", "fedramp", "none"].map(|value| read(value).unwrap().jurisdiction.unwrap_or("none")),
            ["eu", "us", "fedramp", "none"]
        );
        assert_eq!(read("mars").unwrap_err().name, "JURISDICTION", "data never goes elsewhere for a misspelling");
    }

    #[wasm_bindgen_test]
    fn a_value_that_cannot_be_taken_is_named() {
        for (json, name, value) in [
            (r#"{"TIMEOUT":1.5}"#, "TIMEOUT", "1.5"),
            (r#"{"MAX_QUEUE":true}"#, "MAX_QUEUE", "true"),
            (r#"{"ANON_PUBLISH":2}"#, "ANON_PUBLISH", "2"),
            (r#"{"API_KEYS":"short"}"#, "API_KEYS", "(a secret)"),
            (r#"{"LOG_LEVEL":"loud"}"#, "LOG_LEVEL", "loud"),
            (r#"{"ALLOWED_ORIGINS":"example.com"}"#, "ALLOWED_ORIGINS", "example.com"),
        ] {
            let error = Config::read(&env(json)).unwrap_err();
            assert_eq!((error.name, error.value.as_str()), (name, value));
        }
    }
}
