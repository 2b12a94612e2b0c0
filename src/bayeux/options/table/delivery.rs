use super::{Described, Section, set, unset};

pub const DELIVERY: Section = Section {
    title: "Delivery",
    rows: &[
        Described {
            name: "DURABILITY",
            unit: "strict, relaxed",
            default: set("relaxed"),
            text: "when the server stores an event that waits for a client. `strict`: before it answers the \
                   publisher, unless the event leaves at once. `relaxed`: when the event still waits after a \
                   second. For a client with the ack extension always `strict`",
        },
        Described {
            name: "RETRY_WINDOW",
            unit: "ms",
            default: set("60000"),
            text: "how long the server recognises a [repeated publish](TREES.md#publishes-that-come-again): one \
                   with the same `ext.idempotencyKey`, or one whose first reply did not reach the client. The \
                   server answers it `successful` and does not deliver it again; 0 switches this off. Faye's \
                   clients retry after 41 s without a reply",
        },
        Described {
            name: "BROADCAST_TO_PUBLISHER",
            unit: "true, false",
            default: set("true"),
            text: "whether a client receives its own publishes on channels that it is subscribed to; CometD's",
        },
        Described {
            name: "LAZY_CHANNELS",
            unit: "patterns",
            default: unset("none"),
            text: "channels whose events may wait, to be sent together, separated by spaces: `/news/** /stats/*`",
        },
        Described {
            name: "MAX_LAZY_TIMEOUT",
            unit: "ms",
            default: set("5000"),
            text: "how long a lazy event may wait for other events; CometD's",
        },
        Described {
            name: "TIMESTAMP",
            unit: "true, false",
            default: set("false"),
            text: "whether every reply and event carries a `timestamp`: `\"2023-11-14T22:13:20.000Z\"`, when it was \
                   made. CometD's extension, in the format of the Bayeux specification",
        },
        Described {
            name: "FLUSH_PACE",
            unit: "ms",
            default: set("500"),
            text: "the longest time that a busy object collects events, while it handles the requests that have \
                   arrived; 0 sends each event to all at once",
        },
        Described {
            name: "LINKS",
            unit: "auto, always, never",
            default: set("auto"),
            text: "which polls and event streams the Worker holds itself and forwards to their home in frames of \
                   one WebSocket ([Links](LINKS.md)): with `auto` those of busy homes, with `always` all, with `never` none",
        },
    ],
};
