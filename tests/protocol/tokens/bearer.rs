//! Where a token may be outside the messages, and what is kept of text that is no token.

use bayeux_edge::bayeux::BayeuxContext;
use bayeux_edge::bayeux::tokens::{Bearer, MAX_LENGTH, plain_subprotocol};

fn text(token: Option<Bearer>) -> Option<String> {
    token.map(|token| token.as_str().to_owned())
}

#[test]
fn an_authorization_header_has_a_token_if_its_scheme_is_bearer() {
    for (header, token) in [
        ("Bearer a.b.c", Some("a.b.c")),
        ("bearer a.b.c", Some("a.b.c")),
        (" BEARER   a.b.c ", Some("a.b.c")),
        // There is a token, and it is invalid.
        ("Bearer", Some("")),
        ("Bearer a b", Some("a b")),
        ("Basic YWxpY2U6eA==", None),
        ("Bearera.b.c", None),
        ("a.b.c", None),
        ("", None),
    ] {
        assert_eq!(text(Bearer::of_authorization(header)).as_deref(), token, "{header:?}");
    }
    let token = Bearer::new("a.b.c");
    assert_eq!(Bearer::of_authorization(&token.to_authorization()), Some(token));
}

#[test]
fn a_token_among_the_subprotocols_is_read_and_never_selected() {
    for (offered, token, agreed) in [
        ("bayeux, bayeux.token.a.b.c", Some("a.b.c"), Some("bayeux")),
        ("bayeux.token.a.b.c ,\tother,bayeux", Some("a.b.c"), Some("other")),
        ("bayeux.token.a.b.c, bayeux.token.d.e.f", Some("a.b.c"), None),
        ("bayeux.token.", Some(""), None),
        ("bayeux", None, Some("bayeux")),
        ("Bayeux.Token.a.b.c", None, Some("Bayeux.Token.a.b.c")),
        (" , ,", None, None),
        ("", None, None),
    ] {
        assert_eq!(text(Bearer::of_subprotocols(offered)).as_deref(), token, "{offered:?}");
        assert_eq!(plain_subprotocol(offered), agreed, "{offered:?}");
    }
}

#[test]
fn text_that_cannot_be_a_token_is_not_kept() {
    assert_eq!(Bearer::new(&"x".repeat(1 << 20)).as_str().len(), MAX_LENGTH + 1);
    assert_eq!(Bearer::new(&"x".repeat(MAX_LENGTH)).as_str().len(), MAX_LENGTH);
    assert_eq!(Bearer::new(&"é".repeat(1 << 20)).as_str(), "");
}

#[test]
fn debug_output_does_not_show_the_token() {
    let context = BayeuxContext { token: Some(Bearer::new("eyJ.eyJ.x")), ..BayeuxContext::default() };
    assert!(!format!("{context:?}").contains("eyJ"));
}
