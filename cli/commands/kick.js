// bayeux kick: ends a client's session.
import { WrongUsage } from '../failure.js';
import { API_OPTIONS, TREE } from '../usage.js';

export const api = true;
export const usage = 'kick [URL] CLIENT…';
export const summary = 'ends the sessions of clients';
export const about = `Ends the session of each CLIENT, which is a name that "bayeux clients" lists; the server tells its client not to
reconnect. It needs a key of scope admin.`;

export const options = { ...API_OPTIONS, ...TREE };

export function operands(clients) {
  if (clients.length === 0) throw new WrongUsage('the client to end is missing: "bayeux clients" lists their names');
  return clients;
}

export async function run({ api, output, query, operands: clients }) {
  for (const client of clients) {
    await api.call('DELETE', `/clients/${encodeURIComponent(client)}`, query);
    output.note(`ended the session of ${client}`);
  }
}
