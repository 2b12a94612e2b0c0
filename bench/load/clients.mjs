// The kinds of clients, by --adapter and --transport. Each is a class of
//   new (load, number, role)  the role is sub or pub
//   open()                    connected, and ready to publish
//   subscribe()               then receives what is published, and gives the account what comes
//   publish(done)             one at a time; `done` when the server has answered
//   leave()
import { BareLongPolling } from './clients/bare-long-polling.mjs';
import { BayeuxEventSource } from './clients/bayeux-eventsource.mjs';
import { BayeuxCallbackPolling, BayeuxLongPolling } from './clients/bayeux-polling.mjs';
import { BayeuxWebSocket } from './clients/bayeux-websocket.mjs';
import { BareWebSocket, PartyWebSocket } from './clients/plain-websocket.mjs';

const CLIENTS = {
  bayeux: { lp: BayeuxLongPolling, cb: BayeuxCallbackPolling, es: BayeuxEventSource, ws: BayeuxWebSocket },
  rawlp: { lp: BareLongPolling },
  rawhib: { ws: BareWebSocket },
  party: { ws: PartyWebSocket },
};

export function clientClass({ adapter, transport }) {
  const Client = CLIENTS[adapter]?.[transport];
  if (!Client) throw new Error(`no client for --adapter ${adapter} --transport ${transport}`);
  return Client;
}
