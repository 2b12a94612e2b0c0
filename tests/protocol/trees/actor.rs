//! The participants of a simulation outside the server.

use bayeux_edge::bayeux::Home;
use serde_json::Value;

use super::client::Did;
use super::history::History;
use super::plan::{Plan, Random};

/// One client: what it does next, and how it reads answers.
pub trait Actor {
    fn home(&self) -> &Home;

    /// Its WebSocket, if it has one.
    fn socket(&mut self) -> &mut Option<u64>;

    /// What it does next; it publishes and subscribes while it is `busy`.
    fn act(&mut self, random: &mut Random, busy: bool) -> Vec<Did>;

    /// It goes for good.
    fn leave(&mut self) -> Did;

    /// It disappears for ever. Another client may replace it.
    fn vanish(&mut self, name: usize, plan: &Plan, random: &mut Random) -> Option<Box<dyn Actor>>;

    /// Records what is sent, and gives it a number.
    fn sent(&mut self, did: Did, now: u64, history: &mut History) -> u64;

    /// `None` if it was given up when the connection broke.
    fn request(&self, number: u64) -> Option<(Home, String)>;

    /// Reads an answer; `None` if the connection broke.
    fn read(&mut self, number: u64, text: Option<&str>, now: u64, history: &mut History);

    /// Reads what comes on a socket: events, and replies to what it has asked.
    fn read_frame(&mut self, text: &str, now: u64, history: &mut History);

    /// All requests that wait for an answer are lost.
    fn connection_breaks(&mut self, now: u64, history: &mut History);

    /// Panics if it waits in vain.
    fn assert_served(&self, now: u64, patience: u64);
}

/// The number of the request that a frame on a socket answers; `None` if it has events only. `waiting` has the bodies.
pub fn asked<'a>(messages: &[Value], mut waiting: impl Iterator<Item = (u64, &'a str)>) -> Option<Option<u64>> {
    let id = messages.iter().find_map(|message| message["id"].as_str())?;
    // A repeated publish has the same id.
    let id = format!(r#""id":"{id}""#);
    Some(waiting.find(|(_, body)| body.contains(&id)).map(|(number, _)| number))
}
