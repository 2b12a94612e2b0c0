//! Who may publish and subscribe where, without a line of Rust: `ACCESS_RULES`, and what a token allows.
//!
//! ```text
//! anyone         subscribe  /news/**          # a comment
//! authenticated  *          /rooms/{room}/*
//! role=editor    publish    /news/*
//! ```
//!
//! * Where there are rules, everything that no rule allows is refused. The application's policy and the hooks Worker
//!   are asked too: all must agree.
//! * Rules know a client by its claims: the attribute `claims` of its session, an object. A verified token fills it, or
//!   the application's own policy.
//! * The claims `publish` and `subscribe`, lists of patterns, restrict what the rules allow.
//! * Whoever may subscribe to a channel may know its members. As soon as one rule names `presence`, for whatever
//!   channel, a client also needs a rule with `presence` or `*` that covers the channel. The claim `presence`, a list
//!   of patterns, restricts that further.
//! * A subscription is allowed where one rule's pattern covers all channels that it could match.

use std::fmt;

use serde_json::{Map, Value};

use crate::bayeux::wire::{ChannelPattern, Operation, Realm, is_segment};

/// The attribute that has the claims.
pub(in crate::bayeux) const CLAIMS: &str = "claims";

/// The verified claims of a client.
pub type Claims = Map<String, Value>;

/// `ACCESS_RULES`, parsed.
///
/// ```
/// use bayeux_edge::bayeux::{AccessRules, ChannelPattern, Operation};
/// use serde_json::json;
///
/// let rules = AccessRules::parse("anyone subscribe /news/**; authenticated * /user/{sub}/**").unwrap();
/// let alice = json!({ "sub": "alice" });
/// let allowed = |claims, operation, name| rules.allow(claims, operation, &ChannelPattern::parse(name).unwrap());
/// assert!(allowed(None, Operation::Subscribe, "/news/today"));
/// assert!(!allowed(None, Operation::Subscribe, "/**"));
/// assert!(allowed(alice.as_object(), Operation::Publish, "/user/alice/notes"));
/// assert!(!allowed(alice.as_object(), Operation::Publish, "/user/bob/notes"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessRules(Vec<Rule>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// As written, with one space between its words.
    text: String,
    who: Subject,
    /// All, where there is none.
    operation: Option<Operation>,
    pattern: Template,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Subject {
    Anyone,
    /// Whoever has claims.
    Authenticated,
    /// Whoever has this claim with this value, or with a list that has it.
    Claim(String, String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Template {
    Pattern(ChannelPattern),
    /// With segments like `{sub}`, which are replaced by the claim's value.
    Open(String),
}

/// A rule that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleError {
    /// As written.
    pub rule: String,
    /// What is wrong with it, in words.
    pub expected: &'static str,
}

impl AccessRules {
    /// Rules are separated by line ends or semicolons; `#` begins a comment.
    ///
    /// # Errors
    /// The first rule that cannot be read. A text without any rule is an error too.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let rules = lines.flat_map(|line| line.split(';')).map(str::trim).filter(|rule| !rule.is_empty());
        let rules: Vec<_> = rules.map(Rule::parse).collect::<Result<_, _>>()?;
        if rules.is_empty() {
            return Err(RuleError { rule: text.trim().to_owned(), expected: "one rule at least" });
        }
        Ok(Self(rules))
    }

    /// Whether a client with these claims may do this on every channel of this name.
    pub fn allow(&self, claims: Option<&Claims>, operation: Operation, name: &ChannelPattern) -> bool {
        let is_open = operation == Operation::Presence && self.0.iter().all(|rule| rule.operation != Some(operation));
        is_open || self.0.iter().any(|rule| rule.allows(claims, operation, name))
    }

    /// For the log, after a refusal: the first rule that would allow this to a client with the right claims.
    pub(in crate::bayeux) fn allowing_others(&self, operation: Operation, name: &ChannelPattern) -> Option<&str> {
        let rule = self.0.iter().find(|rule| rule.is_about(operation) && rule.pattern.covers_for_some(name));
        rule.map(|rule| rule.text.as_str())
    }
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is no rule: it takes {}", self.rule, self.expected)
    }
}

impl std::error::Error for RuleError {}

impl Rule {
    fn parse(rule: &str) -> Result<Self, RuleError> {
        let wrong = |expected| RuleError { rule: rule.to_owned(), expected };
        let [who, operation, pattern] = rule.split_whitespace().collect::<Vec<_>>()[..] else {
            return Err(wrong("WHO OPERATION PATTERN, such as: anyone subscribe /news/**"));
        };
        Ok(Self {
            text: format!("{who} {operation} {pattern}"),
            who: Subject::parse(who).ok_or_else(|| wrong("anyone, authenticated or CLAIM=VALUE for who"))?,
            operation: match operation {
                "publish" => Some(Operation::Publish),
                "subscribe" => Some(Operation::Subscribe),
                "presence" => Some(Operation::Presence),
                "*" => None,
                _ => return Err(wrong("publish, subscribe, presence or * for the operation")),
            },
            pattern: Template::parse(pattern)
                .ok_or_else(|| wrong("a channel or a pattern like /news/** or /user/{sub}/*"))?,
        })
    }

    fn allows(&self, claims: Option<&Claims>, operation: Operation, name: &ChannelPattern) -> bool {
        self.is_about(operation) && self.who.includes(claims) && self.pattern.covers(claims, name)
    }

    fn is_about(&self, operation: Operation) -> bool {
        self.operation.is_none_or(|allowed| allowed == operation)
    }
}

impl Subject {
    fn parse(who: &str) -> Option<Self> {
        match (who, who.split_once('=')) {
            ("anyone", _) => Some(Self::Anyone),
            ("authenticated", _) => Some(Self::Authenticated),
            (_, Some((claim, value))) if !claim.is_empty() && !value.is_empty() => {
                Some(Self::Claim(claim.to_owned(), value.to_owned()))
            }
            _ => None,
        }
    }

    fn includes(&self, claims: Option<&Claims>) -> bool {
        match self {
            Self::Anyone => true,
            Self::Authenticated => claims.is_some(),
            Self::Claim(name, value) => match claims.and_then(|claims| claims.get(name)) {
                Some(Value::Array(list)) => list.iter().any(|one| is(one, value)),
                Some(one) => is(one, value),
                None => false,
            },
        }
    }
}

impl Template {
    fn parse(text: &str) -> Option<Self> {
        if !text.contains(['{', '}']) {
            return ChannelPattern::parse(text).map(Self::Pattern);
        }
        // Valid where some value in place of the claims makes it valid.
        filled(text, |_| Some("x".to_owned()))?;
        Some(Self::Open(text.to_owned()))
    }

    fn covers(&self, claims: Option<&Claims>, name: &ChannelPattern) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.covers(name),
            Self::Open(text) => {
                let of_claim = |claim: &str| match claims?.get(claim)? {
                    Value::String(text) => Some(text.clone()),
                    Value::Number(number) => Some(number.to_string()),
                    _ => None,
                };
                filled(text, of_claim).is_some_and(|pattern| pattern.covers(name))
            }
        }
    }

    /// Whether the rule covers this name for a client with suitable claims. The name's own segments are tried as
    /// claims: `/room/{id}` covers `/room/5` for a client whose claim `id` is `5`.
    fn covers_for_some(&self, name: &ChannelPattern) -> bool {
        match self {
            Self::Pattern(pattern) => pattern.covers(name),
            Self::Open(text) => {
                let segments = || text.split('/').zip(name.as_str().split('/'));
                let value_of = |claim: &str| {
                    let found = segments().find(|(segment, _)| claim_of(segment) == Some(claim));
                    found.map(|(_, value)| value.to_owned())
                };
                filled(text, value_of).is_some_and(|pattern| pattern.covers(name))
            }
        }
    }
}

/// The claim that a segment of a template stands for.
fn claim_of(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// The pattern with each claim's value in its place. A value must be exactly one segment, without slashes or wildcards.
fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<ChannelPattern> {
    let mut name = String::new();
    for segment in template.strip_prefix('/')?.split('/') {
        name.push('/');
        match claim_of(segment) {
            Some(claim) if claim.is_empty() || claim.contains(['{', '}']) => return None,
            Some(claim) => name.push_str(&value(claim).filter(|value| is_segment(value))?),
            // A brace belongs to a claim here, not to a channel's name.
            None if segment.contains(['{', '}']) => return None,
            None => name.push_str(segment),
        }
    }
    // Channels of the protocol must be named by the rule itself, not by a claim.
    let is_claims = template.starts_with("/{");
    ChannelPattern::parse(&name).filter(|name| !is_claims || name.realm() == Realm::Broadcast)
}

/// Whether a claim's value equals this text of a rule.
fn is(value: &Value, text: &str) -> bool {
    match value {
        Value::String(value) => value == text,
        Value::Number(value) => value.to_string() == text,
        Value::Bool(value) => value.to_string() == text,
        _ => false,
    }
}

/// The patterns that a claim lists; none that could match where it is no list.
pub(in crate::bayeux) fn listed(claim: &Value) -> impl Iterator<Item = ChannelPattern> {
    let texts = claim.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.filter_map(ChannelPattern::parse)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn allowed(rules: &str, claims: &Value, operation: Operation, name: &str) -> bool {
        let rules = AccessRules::parse(rules).unwrap();
        rules.allow(claims.as_object(), operation, &ChannelPattern::parse(name).unwrap())
    }

    #[test]
    fn a_rule_applies_to_the_clients_that_it_names() {
        let may = |who: &str, claims: &Value| allowed(&format!("{who} * /x"), claims, Operation::Publish, "/x");
        let nobody = Value::Null;
        for claims in [json!({}), json!({"role": "admin"}), nobody.clone()] {
            assert!(may("anyone", &claims), "{claims}");
            assert_eq!(may("authenticated", &claims), claims.is_object(), "{claims}");
        }
        for claims in [json!({"role": "admin"}), json!({"role": ["user", "admin"]})] {
            assert!(may("role=admin", &claims), "{claims}");
        }
        for claims in [
            json!({}),
            json!({"role": "administrator"}),
            json!({"role": "Admin"}),
            json!({"role": ["x"]}),
            json!({"role": {"admin": true}}),
            json!({"role": [["admin"]]}),
            json!({"role": null}),
            json!({"roles": "admin"}),
            nobody,
        ] {
            assert!(!may("role=admin", &claims), "{claims}");
        }
        assert!(may("level=3", &json!({"level": 3})) && may("staff=true", &json!({"staff": true})));
        assert!(may("query=a=b", &json!({"query": "a=b"})), "the name ends at the first sign");
    }

    #[test]
    fn a_rule_applies_to_its_operation() {
        let may = |allowing: &str, operation| allowed(&format!("anyone {allowing} /x"), &Value::Null, operation, "/x");
        for (allowing, publish, subscribe) in [("publish", true, false), ("subscribe", false, true), ("*", true, true)]
        {
            assert_eq!(may(allowing, Operation::Publish), publish);
            assert_eq!(may(allowing, Operation::Subscribe), subscribe);
        }
    }

    #[test]
    fn whoever_may_subscribe_may_see_presence_unless_a_rule_names_presence() {
        let told = |rules: &str, claims: Value| allowed(rules, &claims, Operation::Presence, "/x");
        assert!(told("anyone subscribe /x", Value::Null));
        let rules = "anyone subscribe /x; role=admin presence /x; role=all * /x";
        assert!(!told(rules, Value::Null) && !told(rules, json!({"role": "user"})));
        assert!(told(rules, json!({"role": "admin"})) && told(rules, json!({"role": "all"})));
    }

    #[test]
    fn a_claim_in_a_rule_matches_exactly_one_segment() {
        let may = |claims: Value, name: &str| allowed("anyone * /user/{sub}/**", &claims, Operation::Subscribe, name);
        assert!(may(json!({"sub": "alice"}), "/user/alice/**"));
        assert!(may(json!({"sub": 42}), "/user/42/inbox"));
        assert!(!may(json!({"sub": "alice"}), "/user/bob/inbox"));
        assert!(!may(json!({"sub": "alice"}), "/user/**"));
        for sub in [
            json!("*"),
            json!("**"),
            json!("a/b"),
            json!(""),
            json!("é"),
            json!(["alice"]),
            json!(true),
            json!(1.5e300),
            Value::Null,
        ] {
            for name in ["/user/**", "/user/*", "/user/x/y", "/user/a/b/c", "/**", "/user/alice/x"] {
                assert!(!may(json!({"sub": sub}), name), "{sub} {name}");
            }
        }
        assert!(!may(json!({}), "/user/x/y"));
    }

    #[test]
    fn a_claim_matches_neither_service_nor_meta_at_the_start() {
        for operation in [Operation::Publish, Operation::Subscribe] {
            let may =
                |sub: &str, name: &str| allowed("authenticated * /{sub}/**", &json!({"sub": sub}), operation, name);
            assert!(may("alice", "/alice/x"));
            assert!(!may("service", "/service/x") && !may("meta", "/meta/x") && !may("service", "/service/**"));
        }
        assert!(allowed("authenticated * /service/{sub}", &json!({"sub": "x"}), Operation::Publish, "/service/x"));
    }

    #[test]
    fn a_denial_names_the_first_rule_that_allows_the_operation_to_others() {
        let rules = "anyone subscribe /a/**; role=x publish  /a/*; u=1 * /user/{sub}/{room}; s=1 * /{sub}/twice/{sub}";
        let rules = AccessRules::parse(rules).unwrap();
        let of = |operation, name| rules.allowing_others(operation, &ChannelPattern::parse(name).unwrap());
        assert_eq!(of(Operation::Publish, "/a/b"), Some("role=x publish /a/*"));
        assert_eq!(of(Operation::Publish, "/a/b/c"), None);
        assert_eq!(of(Operation::Subscribe, "/user/bob/7"), Some("u=1 * /user/{sub}/{room}"));
        assert_eq!(of(Operation::Subscribe, "/user/*"), None, "a claim's value is no wildcard");
        assert_eq!(of(Operation::Publish, "/x/twice/x"), Some("s=1 * /{sub}/twice/{sub}"));
        assert_eq!(of(Operation::Publish, "/x/twice/y"), None, "one claim has one value");
        assert_eq!(of(Operation::Publish, "/service/twice/service"), None, "a claim leads to no service");
    }

    #[test]
    fn rules_are_separated_by_lines_or_semicolons() {
        let rules = "# who reads\n anyone  subscribe\t/news/** # all of it\n\n;role=a * /a; role=b * /b;\r\n";
        assert_eq!(AccessRules::parse(rules).unwrap().0.len(), 3);
    }

    #[test]
    fn an_invalid_rule_is_refused_with_the_reason() {
        for (rule, expected) in [
            ("", "one rule"),
            ("# nobody", "one rule"),
            ("anyone publish", "WHO OPERATION PATTERN"),
            ("anyone publish /a /b", "WHO OPERATION PATTERN"),
            ("anybody publish /a", "anyone, authenticated"),
            ("=x publish /a", "anyone, authenticated"),
            ("role= publish /a", "anyone, authenticated"),
            ("anyone read /a", "publish, subscribe"),
            ("anyone Publish /a", "publish, subscribe"),
            ("anyone publish a", "a channel or a pattern"),
            ("anyone publish /**/a", "a channel or a pattern"),
            ("anyone publish /a//b", "a channel or a pattern"),
            ("anyone publish /{}/a", "a channel or a pattern"),
            ("anyone publish /x{sub}/a", "a channel or a pattern"),
            ("anyone publish /{sub", "a channel or a pattern"),
            ("anyone publish {sub}", "a channel or a pattern"),
            ("anyone publish /sub}/a", "a channel or a pattern"),
            ("anyone publish /{sub}{sub}", "a channel or a pattern"),
        ] {
            let error = AccessRules::parse(rule).unwrap_err();
            assert!(error.expected.starts_with(expected), "{rule}: {error}");
            let after_good_ones = format!("anyone * /ok\nanyone * /ok2;{rule}");
            assert_eq!(AccessRules::parse(&after_good_ones).is_err(), expected != "one rule", "{rule}");
        }
    }
}
