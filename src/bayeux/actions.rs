//! What an application wants done, done.

use super::app::{Action, Publication};
use super::batch::Batch;
use super::{BayeuxServer, Ending, Event, Millis, Notice};

impl BayeuxServer {
    /// Does what was decided on a message, in this order.
    pub(super) fn perform(&mut self, now: Millis, batch: &mut Batch, on: &Publication, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Reply(data) => {
                    let event = Event::of_server(&on.channel, &data);
                    match on.client.session {
                        Some(session) => self.push(session, event),
                        None => batch.parting.push(event),
                    }
                }
                Action::Publish { channel, data } => self.deliver(now, &channel, &Event::of_server(&channel, &data)),
                Action::Push { session, channel, data } => {
                    self.push(session, Event::of_server(&channel, &data));
                }
                Action::Disconnect(None) => {
                    if let Some(sender) = on.client.session {
                        batch.parting.extend(self.end(sender, Ending::Dismissed));
                    }
                }
                // Whoever sent this batch must not read another session's last events.
                Action::Disconnect(Some(session)) => drop(self.end(session, Ending::Dismissed)),
                Action::SetAttribute { name, value } => {
                    let session = on.client.session.and_then(|key| self.sessions.get_mut(key));
                    session.into_iter().for_each(|session| session.attributes.set(&name, value.clone()));
                }
                Action::Impossible(reason) => self.tell(Notice::ActionFailed { reason }),
            }
        }
    }
}
