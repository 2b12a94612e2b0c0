//! An event stream, as its client holds it.

use std::cell::RefCell;
use std::rc::Rc;

use bayeux_edge::bayeux::{BayeuxContext, EndpointKey, Input, StreamId};
use serde_json::Value;

use crate::client::Answer;
use crate::world::{StreamLog, World};

pub struct Stream {
    world: Rc<RefCell<World>>,
    id: StreamId,
}

impl Stream {
    pub fn open(world: Rc<RefCell<World>>, client_id: &str, address: Option<&str>, kept_open: bool) -> Self {
        let id = {
            let mut world = world.borrow_mut();
            let id = StreamId(world.streams.len() as u64 + 1);
            world.streams.insert(id, StreamLog::default());
            let context = BayeuxContext { address: address.map(Into::into), ..BayeuxContext::default() };
            world.step(Input::Listen { from: id, context, client_id: client_id.to_owned(), kept_open });
            id
        };
        Self { world, id }
    }

    /// The data of all messages since the last call, one list for each event of the stream.
    pub fn receives(&self) -> Vec<Vec<Value>> {
        let events = std::mem::take(&mut self.log(|log| std::mem::take(&mut log.events)));
        events
            .into_iter()
            .map(|messages| messages.into_iter().map(|mut event| event["data"].take()).collect())
            .collect()
    }

    pub fn beats(&self) -> usize {
        self.log(|log| std::mem::take(&mut log.beats))
    }

    pub fn is_open(&self) -> bool {
        self.log(|log| log.ended.is_none())
    }

    /// The answer with which the server ended it.
    pub fn end(&self) -> Answer {
        self.log(|log| log.ended.clone().expect("the stream has ended"))
    }

    /// Its client reads too slowly.
    pub fn stalls(&self) {
        self.world.borrow_mut().step(Input::Stalled(self.id));
    }

    /// Its client has read everything.
    pub fn drains(&self) {
        self.world.borrow_mut().step(Input::Drained(self.id));
    }

    /// The platform notices that its client is gone.
    pub fn closes(&self) {
        self.world.borrow_mut().step(Input::Closed(EndpointKey::EventSource(self.id.0)));
    }

    fn log<T>(&self, look: impl FnOnce(&mut StreamLog) -> T) -> T {
        look(self.world.borrow_mut().streams.get_mut(&self.id).unwrap())
    }
}
