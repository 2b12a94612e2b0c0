//! json-comment-filtered: answers that are a comment to a browser that takes them for a script, as Dojo's and POE's
//! clients know them. Another site's page then reads nothing by including them with `<script>`.
//!
//! ```text
//! → {"channel":"/meta/handshake", … "ext":{"json-comment-filtered":true}}
//! ← {"channel":"/meta/handshake", … "ext":{"json-comment-filtered":true}}
//! ← /*[{"channel":"/meta/connect", …}]*/          as text/json-comment-filtered
//! ```
//!
//! From the handshake's reply on, which is not yet one, every answer over HTTP is such a comment (as with
//! POE::Component::Server::Bayeux). To a callback, a socket or a stream the answer goes as ever.

use serde::{Deserialize, Serialize};

use crate::bayeux::wire::message::Message;

/// How an answer is written over HTTP.
///
/// ```
/// use bayeux_edge::bayeux::Format;
///
/// assert_eq!(Format::CommentFiltered.write("[]"), "/*[]*/");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Format {
    #[default]
    Json,
    CommentFiltered,
}

impl Format {
    /// What a handshake asks for: with `true`, or with a number that is true to Perl, as POE's client sends it.
    pub fn of_handshake(handshake: &Message) -> Self {
        let ext: Message = handshake.get("ext").unwrap_or_default();
        let asks = |name| ext.get(name) == Some(true) || ext.get(name).is_some_and(|number: f64| number != 0.0);
        if asks("json-comment-filtered") { Self::CommentFiltered } else { Self::Json }
    }

    /// `json` in this format. What would end the comment too early is escaped: only a string can hold it, and there the
    /// escape means the same.
    pub fn write(self, json: &str) -> String {
        match self {
            Self::Json => json.to_owned(),
            Self::CommentFiltered => format!("/*{}*/", json.replace("*/", r"*\/")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_enables_comments_with_true_or_with_what_perl_takes_for_true() {
        let asks = |ext: &str| {
            let handshake: Message = serde_json::from_str(&format!(r#"{{"ext":{ext}}}"#)).unwrap();
            Format::of_handshake(&handshake) == Format::CommentFiltered
        };
        for value in ["true", "1", "2.5"] {
            assert!(asks(&format!(r#"{{"json-comment-filtered":{value}}}"#)), "{value}");
        }
        for value in ["false", "0", "null", r#""true""#, "{}", "[1]"] {
            assert!(!asks(&format!(r#"{{"json-comment-filtered":{value}}}"#)), "{value}");
        }
        assert!(!asks("null") && !asks("[true]") && !asks("{}"));
    }

    #[test]
    fn a_string_cannot_end_the_comment() {
        let json = r#"[{"data":"*/alert(1)/*","more":"\\*/"}]"#;
        let written = Format::CommentFiltered.write(json);
        assert_eq!(written.find("*/"), Some(written.len() - 2));
        let inner = written.strip_prefix("/*").and_then(|text| text.strip_suffix("*/")).unwrap();
        let read = |text| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(read(inner), read(json));
    }
}
