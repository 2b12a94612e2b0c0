use super::{Described, Section, unset};

pub const SECRETS: Section = Section {
    title: "Secrets",
    rows: &[
        Described {
            name: "API_KEYS",
            unit: "keys",
            default: unset("none"),
            text: "the [server API](API.md). One or more keys of at least 16 characters, separated by spaces. Each \
                   may begin with [a scope and a name](API.md#switching-it-on), as in `read:grafana:KEY`. Without a \
                   key there is no API",
        },
        Described {
            name: "TOKEN_KEYS",
            unit: "a JWK Set, or a secret",
            default: unset("none"),
            text: "the keys that verify [tokens](ACCESS.md#tokens): a set with keys for HS256, RS256, ES256 and \
                   EdDSA, or a bare secret of at least 32 bytes for HS256. Without it and without `TOKEN_JWKS_URL` \
                   the server checks no tokens",
        },
    ],
};
