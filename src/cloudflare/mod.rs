//! The platform: Workers and Durable Objects. It decides nothing about Bayeux.

mod bindings;
mod browser_cookie;
mod callback_polling;
mod calls;
mod channel_tree;
mod config;
mod cors;
mod departures;
mod event_source;
mod everywhere;
mod homes;
mod hooks;
mod http;
mod js;
mod log;
mod long_polling;
mod plain_http;
mod rate_limits;
mod site;
mod store;
mod texts;
mod timer;
mod tunnels;
mod turn;
mod websocket;
mod worker;
