// bayeux clients: who has a session.
import { WrongUsage } from '../failure.js';
import { API_OPTIONS, HOMES } from '../usage.js';
import { ago } from '../output.js';

export const api = true;
export const usage = 'clients [URL] [CLIENT]';
export const summary = 'lists the clients, or shows one with its channels';
export const about = `Lists the clients of the server's home: of one tree with --tree, of all homes with --all. CLIENT is a name from that
list. A key of scope admin also shows addresses.`;

export const options = { ...API_OPTIONS, ...HOMES };

export function operands([client, ...more]) {
  if (more.length > 0) throw new WrongUsage('CLIENT is one argument');
  return [client];
}

export async function run({ api, output, query, operands: [client] }) {
  if (client !== undefined) {
    const shown = await api.call('GET', `/clients/${encodeURIComponent(client)}`, query);
    return output.record(output.json ? shown : { ...shown, refusals: shown.refusals?.map(refusal).join('\n') });
  }
  await output.rows(api.list('clients', query), {
    client: ({ client }) => client,
    tree: ({ tree }) => tree,
    since: ({ since }) => ago(since),
    active: ({ lastActivity }) => ago(lastActivity),
    transport: ({ transport }) => transport,
    address: ({ address }) => address,
    connected: ({ connected }) => (connected ? 'yes' : 'no'),
    channels: ({ subscriptions }) => subscriptions,
    queued: ({ queued }) => queued,
  });
}

/** A refused message on one line. */
const refusal = ({ at, channel, subscription, error, rule }) =>
  [`${ago(at)} ago`, channel, subscription, error, rule && `(others by: ${rule})`].filter(Boolean).join(' ');
