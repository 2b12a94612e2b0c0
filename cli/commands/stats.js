// bayeux stats: the figures of a home.
import { ago } from '../output.js';
import { API_OPTIONS, HOMES } from '../usage.js';
export { operands } from './channels.js';

export const api = true;
export const usage = 'stats [URL]';
export const summary = 'shows the figures of a home, or of all homes';
export const about = `Shows the figures of the server's home, of one tree's with --tree, or some of all homes with --all:
sessions, queues, sent and refused messages. Counters start with the object, at "since". --all wakes homes that sleep.
docs/METRICS.md explains each figure.`;

export const options = { ...API_OPTIONS, ...HOMES };

export async function run({ api, output, query }) {
  if (query.tree !== '*') return output.record(await api.call('GET', '/stats', query));
  await output.rows(api.list('stats', query), {
    home: ({ home }) => home,
    since: ({ since }) => ago(since),
    sessions: ({ sessions }) => sum(sessions),
    held: ({ heldConnects }) => sum(heldConnects),
    queued: ({ queuedEvents }) => queuedEvents,
    memory: ({ memoryBytes }) => memoryBytes,
    accepted: ({ eventsAccepted }) => eventsAccepted,
    delivered: ({ eventsDelivered }) => sum(eventsDelivered),
    refused: ({ messagesRefused }) => sum(messagesRefused),
  });
}

const sum = (byLabel) => Object.values(byLabel).reduce((all, count) => all + count, 0);
