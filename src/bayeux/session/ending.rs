//! Why a session ended.

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client disconnected.
    Disconnected,
    /// No connect came in time.
    Expired,
    /// The application ended it.
    Dismissed,
    /// Its queue was full, and `QUEUE_OVERFLOW` is `disconnect`.
    Overflowed,
    /// Its client shook hands anew on its socket.
    Replaced,
    /// Its token has expired.
    TokenExpired,
}

impl Ending {
    /// One word, for logs and the hooks Worker.
    pub fn name(self) -> &'static str {
        match self {
            Self::Disconnected => "disconnected",
            Self::Expired => "expired",
            Self::Dismissed => "dismissed",
            Self::Overflowed => "overflowed",
            Self::Replaced => "replaced",
            Self::TokenExpired => "token_expired",
        }
    }
}
