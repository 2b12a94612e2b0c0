// What it costs that a channel's owner is another object than a client's home, and what many owners do that one does.
import { undelivered } from './figures.mjs';

export const transport = 'lp';

const HOP = {
  servers: ['bayeux-edge', 'at-root', 'elsewhere'],
  load: { mode: 'rate', rate: 20, subs: 20, pubs: 4 },
  figures: [
    { title: 'p50', unit: 'ms', read: ({ p50 }) => p50, goals: [{ against: 'at-root' }] },
    { title: 'p99', unit: 'ms', read: ({ p99 }) => p99, goals: [{ against: 'at-root' }] },
    { title: "server's CPU a message", unit: 'ms', read: ({ srvCpu, rate }) => (srvCpu / rate) * 1000, goals: [{ against: 'at-root' }] },
    { title: 'never delivered', read: undelivered, goals: [{ atMost: 0 }] },
  ],
};

// The same rooms, clients and messages each time: only how many objects they are spread over differs.
const SPREAD = {
  servers: ['trees-1', 'trees-4', 'trees-16'],
  load: { mode: 'sat', subs: 160, rooms: 16, window: 32, channel: '/tTREE/ROOM' },
  figures: [
    { title: 'messages/s', read: ({ pubPerSec }) => pubPerSec, goals: [] },
    { title: 'messages/s of each tree', read: ({ pubPerSec, trees }) => pubPerSec / trees, goals: [] },
    { title: "server's CPU", unit: 'cores', read: ({ srvCpu }) => srvCpu, goals: [] },
    { title: 'p99', unit: 'ms', read: ({ p99 }) => p99, goals: [] },
  ],
};

export const measures = {
  'hop-polls': { ...HOP, heading: '20 messages/s to 20 polls' },
  'hop-sockets': { ...HOP, load: { ...HOP.load, transport: 'ws' }, heading: '20 messages/s to 20 sockets' },
  'spread-polls': { ...SPREAD, heading: '16 rooms of 10 polls, 32 publishes in flight' },
  'spread-sockets': { ...SPREAD, load: { ...SPREAD.load, transport: 'ws' }, heading: '16 rooms of 10 sockets, 32 publishes in flight' },
};
