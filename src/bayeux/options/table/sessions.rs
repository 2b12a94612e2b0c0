use super::{Described, Section, set};

pub const SESSIONS: Section = Section {
    title: "Sessions and transports",
    rows: &[
        Described {
            name: "TIMEOUT",
            unit: "ms",
            default: set("30000"),
            text: "how long a connect is held; CometD's, and below the 60 s at which common proxies cut",
        },
        Described {
            name: "WEBSOCKET_TIMEOUT",
            unit: "ms",
            default: set("30000"),
            text: "how long a connect over WebSocket is held. The reply to the connect tells the client that its \
                   network still works; a client notices a silently dead network within a minute. Each reply wakes \
                   an idle object. [Scale](SCALE.md#what-it-costs-to-notice-a-dead-network) says what that costs, \
                   and who can use a longer time",
        },
        Described {
            name: "INTERVAL",
            unit: "ms",
            default: set("0"),
            text: "how long a client waits before it connects again; CometD's",
        },
        Described {
            name: "MAX_INTERVAL",
            unit: "ms",
            default: set("10000"),
            text: "how long a session outlives its last connect, beyond the interval; CometD's",
        },
        Described {
            name: "CONNECTION_TYPES",
            unit: "names",
            default: set("websocket eventsource long-polling").shown("all but `callback-polling`"),
            text: "connection types that the server offers, separated by spaces: `websocket`, `eventsource`, \
                   `long-polling`, `callback-polling`. Others are refused with `403::connection_type_unsupported`. \
                   `callback-polling` is a script, which pages of other sites can run: see \
                   [Access](ACCESS.md#pages-of-other-origins)",
        },
        Described {
            name: "BROWSER_COOKIE",
            unit: "true, false, or a cookie",
            default: set("false"),
            text: "tells the tabs of a browser apart from other browsers, by CometD's cookie: `true` is \
                   `BAYEUX_BROWSER; Path=/; HttpOnly; SameSite=Lax`; you may write any name and attributes that \
                   browsers accept, also `Secure`, `Domain`, `Partitioned` and `SameSite=None` for pages of other \
                   sites. Over https the cookie is always `Secure`. The server then refuses a clientId without its \
                   browser's cookie, so clients must keep cookies. Each held poll costs 3 KB more",
        },
        Described {
            name: "MAX_SESSIONS_PER_BROWSER",
            unit: "connects",
            default: set("1"),
            text: "connects of one browser held at the same time over HTTP/1.1, with `BROWSER_COOKIE`; 0 for any \
                   number. CometD's: a browser has six connections to a site, and each polling tab takes one. \
                   WebSocket and HTTP/2 and later (on by default in a Cloudflare zone) are not counted",
        },
        Described {
            name: "MULTI_SESSION_INTERVAL",
            unit: "ms",
            default: set("2000"),
            text: "how often the other tabs poll instead; the server tells them with the advice `multiple-clients`. \
                   0 tells them to give up (`403::multiple_clients`). CometD's",
        },
        Described {
            name: "MESSAGES_PER_FRAME",
            unit: "events",
            default: set("0"),
            text: "events in one WebSocket frame; 0 for all events that leave at the same time. CometD's, where the \
                   default is 1: for clients that accept one message a frame",
        },
        Described {
            name: "META_CONNECT_DELIVER_ONLY",
            unit: "true, false",
            default: set("false"),
            text: "whether the server sends events only with replies to connects, on every transport. Then events \
                   arrive in order, whatever other requests the client makes. CometD's",
        },
    ],
};
