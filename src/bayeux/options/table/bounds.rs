use super::{Described, Section, set};

pub const BOUNDS: Section = Section {
    title: "What a message, a session and a home may hold",
    rows: &[
        Described {
            name: "MAX_MESSAGE_SIZE",
            unit: "bytes",
            default: set("1048576"),
            text: "size of a request's body; past it HTTP 413. 100 times a long chat message, 1 % of a Worker's \
                   memory",
        },
        Described {
            name: "MAX_MESSAGES_PER_BATCH",
            unit: "messages",
            default: set("256"),
            text: "messages in one request. Clients send tens. Messages past the limit are refused one by one with \
                   `413::batch_too_large`; a batch of 16 times the limit is refused as a whole",
        },
        Described {
            name: "MAX_JSON_DEPTH",
            unit: "brackets",
            default: set("100"),
            text: "nesting depth; below the 128 at which common parsers stop",
        },
        Described {
            name: "MAX_QUEUE",
            unit: "events",
            default: set("2000"),
            text: "events that wait for one session or are not acknowledged: 100 a second for twice `MAX_INTERVAL`",
        },
        Described {
            name: "MAX_QUEUE_BYTES",
            unit: "bytes",
            default: set("8388608"),
            text: "size of the same events, and of the data that one socket's client has not read yet; past it the \
                   socket is closed with 1013. 2,000 events of 4 KiB; a Worker has 128 MB",
        },
        Described {
            name: "QUEUE_OVERFLOW",
            unit: "drop, disconnect",
            default: set("drop"),
            text: "what happens to a session past either limit. `drop`: the server drops its oldest events and \
                   sends `/service/dropped` with `{\"events\":n}` instead; n counts all since its handshake. \
                   `disconnect`: the server ends the session and tells the client. Both are logged",
        },
        Described {
            name: "MAX_SUBSCRIPTIONS",
            unit: "patterns",
            default: set("2000"),
            text: "subscriptions of one session; with names of 512 bytes at most, 1 MiB",
        },
        Described {
            name: "MAX_SUBSCRIPTION_BYTES",
            unit: "bytes",
            default: set("131072"),
            text: "size of all channel names that one session subscribes to; they are stored in one row. 2,000 \
                   names of 64 bytes",
        },
        Described {
            name: "MAX_SESSIONS",
            unit: "sessions",
            default: set("32768"),
            text: "sessions of one home: as many sockets as one Durable Object accepts",
        },
        Described {
            name: "MAX_MEMORY",
            unit: "bytes",
            default: set("50331648"),
            text: "size of the events, sessions and names that one home holds ([Limits](LIMITS.md)). Past it the \
                   session that holds most loses its oldest events, or is refused with `503::memory_exceeded`. 48 \
                   MiB of an object's 128 MB",
        },
    ],
};
