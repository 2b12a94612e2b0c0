use super::{Described, Section, set, unset};

pub const ACCESS: Section = Section {
    title: "Who may do what",
    rows: &[
        Described {
            name: "ACCESS_RULES",
            unit: "rules",
            default: unset("none"),
            text: "who may publish and subscribe where, such as `anyone subscribe /news/**`, one rule a line or \
                   separated by semicolons: see [Access](ACCESS.md). Without it everything is allowed; with it, \
                   what no rule allows is refused",
        },
        Described {
            name: "ANON_PUBLISH",
            unit: "true, false",
            default: set("false"),
            text: "whether a message without a clientId may be published; POE's",
        },
        Described {
            name: "ALLOWED_ORIGINS",
            unit: "origins",
            default: unset("none"),
            text: "other origins whose pages may read responses, separated by spaces, or `*` for any; the site's \
                   own pages always may. Apps have origins too: `capacitor://localhost`, `ionic://localhost`, \
                   `tauri://localhost`, `chrome-extension://…`; `null` is every sandboxed frame. See \
                   [Access](ACCESS.md#pages-of-other-origins)",
        },
        Described {
            name: "TOKENS",
            unit: "required, optional",
            default: set("required"),
            text: "whether a handshake without a token is refused, once `TOKEN_KEYS` or `TOKEN_JWKS_URL` is set. \
                   See [Access](ACCESS.md)",
        },
        Described {
            name: "TOKEN_JWKS_URL",
            unit: "https URL",
            default: unset("none"),
            text: "the URL of the JWK Set that verifies tokens, beside `TOKEN_KEYS`: an identity provider has one. \
                   The server fetches it when a token needs it, and keeps it as long as its `Cache-Control: \
                   max-age` says: at least 5 s, at most a day, 10 minutes without the header. `http://localhost` is \
                   for development",
        },
        Described {
            name: "TOKEN_ISSUER",
            unit: "text",
            default: unset("any"),
            text: "what the `iss` of tokens must be",
        },
        Described {
            name: "TOKEN_AUDIENCE",
            unit: "text",
            default: unset("none"),
            text: "what the `aud` of tokens must be, or contain; without this option a token that has an `aud` is \
                   refused",
        },
        Described {
            name: "TOKEN_COOKIE",
            unit: "a cookie's name",
            default: unset("none"),
            text: "a cookie that may carry the token, for handshakes that have no other token. The server reads it \
                   only if the request's `Origin` is the site's own, or one that `ALLOWED_ORIGINS` names",
        },
    ],
};
