//! The shell: runs the core on Workers and Durable Objects. It decides nothing about Bayeux.
//!
//! | Room | Has |
//! |---|---|
//! | `worker` | the stateless Worker: routes, static files, which home a client comes to |
//! | `object` | the Durable Object: one home, its rows, its one timer |
//! | `transport` | polls, sockets and streams |
//! | `outbound` | what an object asks of others |
//! | `http` | requests read and responses written |
//! | `bindings`, `config`, `js`, `log` | what `wrangler.toml` binds and sets, JavaScript's functions, the log |
//! | `metrics_store` | the figures of all homes in Workers KV |

mod bindings;
mod config;
mod http;
mod js;
mod log;
mod metrics_store;
mod object;
mod outbound;
mod transport;
mod worker;
