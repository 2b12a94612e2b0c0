//! Callback-polling (JSONP): the answer is a script that calls the client's function.

use super::request::RequestError;

/// The name of the function that a client wants its answer given to.
///
/// ```
/// use bayeux_edge::bayeux::Callback;
///
/// let callback = Callback::of_query("jsonp=cometd._cb1&message=%5B%5D").unwrap();
/// assert_eq!(callback.script("[]"), "/**/cometd._cb1([]);");
/// assert!(Callback::of_query("jsonp=alert(1)//").is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback(String);

/// The name where the client gives none (Bayeux 1.0 section 6.2).
const DEFAULT: &str = "jsonpcallback";

/// The longest name; CometD's limit.
const MAX_LENGTH: usize = 64;

impl Callback {
    /// Reads a URL's query.
    ///
    /// # Errors
    /// [`RequestError::CallbackInvalid`] where the name could be more than a name: it becomes part of a script.
    pub fn of_query(query: &str) -> Result<Self, RequestError> {
        let mut fields = form_urlencoded::parse(query.as_bytes());
        let name = fields.find(|(name, _)| name == "jsonp").map_or(DEFAULT.into(), |(_, callback)| callback);
        if name.len() > MAX_LENGTH || !name.split('.').all(is_name) {
            return Err(RequestError::CallbackInvalid);
        }
        Ok(Self(name.into_owned()))
    }

    /// The script. It opens with a comment, so that its first bytes are not the client's to choose (the Rosetta Flash
    /// attack). Two line separators that JSON allows and scripts before ES2019 do not are escaped.
    pub fn script(&self, json: &str) -> String {
        let json = json.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029");
        format!("/**/{}({json});", self.0)
    }
}

/// Whether the name can be called or can have members: `42` and the empty name cannot.
fn is_name(part: &str) -> bool {
    let begins = part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_name_is_a_function_name_of_at_most_64_characters() {
        for name in ["f", "_f1", "dojo.io.script.jsonp_dojoIoScript1._jsonpCallback", "a-b"] {
            assert_eq!(Callback::of_query(&format!("jsonp={name}")).unwrap(), Callback(name.to_owned()));
        }
        assert_eq!(Callback::of_query("message=x").unwrap(), Callback(DEFAULT.to_owned()));
        let long = "x".repeat(64);
        assert!(Callback::of_query(&format!("jsonp={long}")).is_ok());
        assert!(Callback::of_query(&format!("jsonp={long}x")).is_err());
        for name in [
            "",
            "a%20b",
            "a%0D%0Ab",
            "alert(1)//",
            "%3Cscript%3E",
            "%C3%A9",
            "a[0]",
            "42",
            "a.42",
            "a.b.",
            ".a",
            "a..b",
            ".",
            "-a",
            "a.-b",
        ] {
            assert_eq!(Callback::of_query(&format!("jsonp={name}")), Err(RequestError::CallbackInvalid), "{name}");
        }
    }

    #[test]
    fn line_separators_are_escaped() {
        assert_eq!(Callback("f".to_owned()).script("[\"\u{2028}\u{2029}\"]"), r#"/**/f(["\u2028\u2029"]);"#);
    }
}
