// The kinds of clients, by --adapter and --transport. Each is a class of
//   open()         connected, and ready to publish
//   subscribe()    then receives what is published, and gives the account what comes
//   publish(done)  one at a time; `done` when the server has answered
//   leave()
import { BareLongPolling } from './clients/bare-long-polling.mjs';
import { BayeuxLongPolling } from './clients/bayeux-long-polling.mjs';

const CLIENTS = {
  bayeux: { lp: BayeuxLongPolling },
  rawlp: { lp: BareLongPolling },
};

export function clientClass({ adapter, transport }) {
  const Client = CLIENTS[adapter]?.[transport];
  if (!Client) throw new Error(`no client for --adapter ${adapter} --transport ${transport}`);
  return Client;
}
