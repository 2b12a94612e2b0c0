use super::{Described, Section, set, unset};

pub const HISTORY: Section = Section {
    title: "History",
    rows: &[
        Described {
            name: "HISTORY",
            unit: "rules",
            default: unset("none"),
            text: "channels that keep their events for later subscribers: `/chat/** 200 7d; /ticks/* 1000 1h 4MB` \
                   ([History](HISTORY.md))",
        },
        Described {
            name: "RETAIN",
            unit: "patterns",
            default: unset("none"),
            text: "channels whose latest event each new subscriber receives first",
        },
        Described {
            name: "MAX_HISTORY_BYTES",
            unit: "bytes",
            default: set("268435456"),
            text: "size of all events that one tree keeps",
        },
        Described {
            name: "PRESENCE",
            unit: "patterns",
            default: unset("none"),
            text: "channels that report who is there: `/chat/* /docs/**` ([PRESENCE.md](PRESENCE.md))",
        },
        Described {
            name: "MAX_PRESENCE",
            unit: "users",
            default: set("1000"),
            text: "users of one channel that are named; with more users the server reports only their number",
        },
    ],
};
