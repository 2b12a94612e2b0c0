use super::{Described, Section, set, unset};

pub const OTHERS: Section = Section {
    title: "Other programs, examples and the log",
    rows: &[
        Described {
            name: "API_ATTRIBUTES",
            unit: "names",
            default: unset("none"),
            text: "session attributes that the server API shows with a client, separated by spaces. None by \
                   default, because applications store secrets in attributes too",
        },
        Described {
            name: "TAIL_EVENTS",
            unit: "number",
            default: set("0"),
            text: "events that a [tail](API.md#tail) keeps from one call to the next, 1,000 at most; 0 switches \
                   tails off",
        },
        Described {
            name: "HOOKS_FOR",
            unit: "hooks",
            default: set("handshake subscribe publish service"),
            text: "which calls the Worker bound as `HOOKS` gets, separated by spaces; `event` is one more: see \
                   [Hooks](HOOKS.md)",
        },
        Described {
            name: "HOOKS_TIMEOUT",
            unit: "ms",
            default: set("2000"),
            text: "how long it may take to answer; then the server refuses the messages it asked about",
        },
        Described {
            name: "EXAMPLES",
            unit: "true, false",
            default: set("true"),
            text: "whether the services of the site's pages exist, `/service/echo` and `/service/math`; the npm \
                   package does not have them",
        },
        Described {
            name: "LOG_LEVEL",
            unit: "error, warn, info, debug",
            default: set("info"),
            text: "[logs](LOGS.md) are one line of JSON each",
        },
    ],
};
