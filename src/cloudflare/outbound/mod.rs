//! What an object asks of others, each with a timeout.
//!
//! | File | Has |
//! |---|---|
//! | `calls` | calls between objects |
//! | `tunnels` | sockets to the homes of sessions that live elsewhere |
//! | `hooks` | calls to the hooks Worker |
//! | `fetches` | requests that an application asks |
//! | `jwks_fetch` | the keys that `TOKEN_JWKS_URL` publishes |
//! | `timeout` | gives up what takes too long |

pub mod calls;
pub mod fetches;
pub mod hooks;
pub mod jwks_fetch;
pub mod timeout;
pub mod tunnels;
