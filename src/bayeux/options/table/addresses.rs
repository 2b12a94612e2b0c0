use super::{Described, Section, set, unset};

pub const ADDRESSES: Section = Section {
    title: "What one address may use",
    rows: &[
        Described {
            name: "CLIENT_MAX_CONNECTIONS",
            unit: "connects",
            default: set("1000"),
            text: "held connects and open sockets of one IP address (`CF-Connecting-IP`; for IPv6 of one /64) at \
                   the same time; past it HTTP 503. POE's 10 suits one machine; an office is one address too",
        },
        Described {
            name: "MAX_SESSIONS_PER_ADDRESS",
            unit: "sessions",
            default: set("2000"),
            text: "sessions of one IP address (for IPv6 of one /64): an office of 500 people with four tabs each. \
                   Past it `503::sessions_exceeded`",
        },
        Described {
            name: "MAX_SUBSCRIPTIONS_PER_ADDRESS",
            unit: "patterns",
            default: set("150000"),
            text: "subscriptions of one address: 500 people, each with a page of 300 channels",
        },
        Described {
            name: "RATE_CONNECTIONS",
            unit: "count/seconds",
            default: unset("any number"),
            text: "sockets and streams that an address may open: `20/60` means twenty at once, and then one every \
                   three seconds. Past it HTTP 429. For all rates see [Access](ACCESS.md#rate-limits)",
        },
        Described {
            name: "RATE_FRAMES",
            unit: "count/seconds",
            default: set("1000/10"),
            text: "frames that an address may send on its sockets, heartbeats not counted. Past it the server \
                   closes the socket with 1013, `429::rate_exceeded`, and keeps the session. A tenth of what an \
                   object handles; an idle office of 500 people sends 17 a second",
        },
        Described {
            name: "RATE_HANDSHAKES",
            unit: "count/seconds",
            default: unset("any number"),
            text: "sessions that an address may open; past it `429::rate_exceeded` with the advice to wait",
        },
        Described {
            name: "RATE_PUBLISHES",
            unit: "count/seconds",
            default: unset("any number"),
            text: "messages that an address may send to channels, services included; the same error past it. The \
                   right rate depends on the application",
        },
        Described {
            name: "RATE_SUBSCRIBES",
            unit: "count/seconds",
            default: unset("any number"),
            text: "channels that an address may subscribe to; the same error past it",
        },
        Described {
            name: "RATE_REQUESTS",
            unit: "count/seconds",
            default: unset("any number"),
            text: "requests with messages, and frames of sockets, that an address may send; the same error past it",
        },
        Described {
            name: "RATE_TREES",
            unit: "count/seconds",
            default: set("600/3600"),
            text: "new trees that an address may name in subscribes, publishes and calls of `/service/presence`: trees \
                   that its home has no link to yet. Each starts an object. Enough for a page with 300 channels in \
                   300 trees, twice",
        },
    ],
};
