use super::{Described, Section, set, unset};

pub const TREES: Section = Section {
    title: "Trees and homes",
    rows: &[
        Described {
            name: "TREES",
            unit: "patterns",
            default: unset("any; as shipped `/chat /magnets /news`"),
            text: "which trees there are, separated by spaces: `/orders`, `/rooms/*` with a `TREE_DEPTH` of 2, \
                   `/**` for any. For other trees the Worker answers 404 before it calls any object, and publishes \
                   and subscribes are refused with `404::tree_unknown`: clients can start only the objects of these \
                   trees",
        },
        Described {
            name: "TREE_DEPTH",
            unit: "segments",
            default: set("1"),
            text: "how many segments of a channel name its tree. Each tree has its own object, the owner; with 0 \
                   the root owns all. 1: `/chat/demo` and `/chat/other` have one owner, `/news` another",
        },
        Described {
            name: "MAX_TREES",
            unit: "trees",
            default: set("10000"),
            text: "trees that a home is linked to at a time; past it `503::trees_exceeded`",
        },
        Described {
            name: "SPANNING_PATTERNS",
            unit: "true, false",
            default: set("false"),
            text: "whether clients may subscribe to patterns that span trees, `/**` and `/*`: each multiplies the \
                   messages of all clients. When it is false only an access rule allows them; otherwise \
                   `403:spans_trees:subscribe_denied`",
        },
        Described {
            name: "MAX_SPANNING_PATTERNS",
            unit: "patterns",
            default: set("32"),
            text: "patterns that span trees, of all homes together: enough for consoles and logs",
        },
        Described {
            name: "HOMES",
            unit: "root, sharded:N, regional:N",
            default: set("root"),
            text: "over which objects the clients of `/cometd` are spread: `root`, one for all; `sharded:N`, N \
                   objects, by IP address (for IPv6 by /64); `regional:N`, N objects in each region of the world, \
                   near the client. You may change it at any time: existing sessions stay where they are as long as \
                   `FORMER_HOMES` names the old value",
        },
        Described {
            name: "FORMER_HOMES",
            unit: "values of `HOMES`",
            default: unset("none"),
            text: "earlier values with sessions that may still live, separated by spaces. The Worker forwards a \
                   clientId only to homes that `HOMES` or `FORMER_HOMES` produces",
        },
        Described {
            name: "MAX_RELAYS",
            unit: "events",
            default: set("10000"),
            text: "events that wait at an owner for one home, or at a home for one owner: 1,000 a second for ten \
                   seconds",
        },
        Described {
            name: "MAX_RELAYS_BYTES",
            unit: "bytes",
            default: set("16777216"),
            text: "size of their JSON: an eighth of a Worker's memory",
        },
        Described {
            name: "RELAY_FANOUT",
            unit: "homes",
            default: set("32"),
            text: "how many homes an owner calls directly. With more, one home of each region passes events on to \
                   the others. 32 calls of 0.3 ms keep an owner busy for 10 ms",
        },
        Described {
            name: "JURISDICTION",
            unit: "eu, us, fedramp, none",
            default: set("none"),
            text: "where all objects run and keep what they store. A change starts with empty objects: see \
                   [Operations](OPERATIONS.md#where-data-lives)",
        },
        Described {
            name: "REGION_HEADER",
            unit: "a header's name",
            default: unset("none"),
            text: "for development: the request header that gives the client's continent (`EU`, `NA`, `AS` …) with \
                   `regional:N`",
        },
    ],
};
