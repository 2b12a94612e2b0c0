// What WebSocket fan-out is measured by.
import { undelivered } from './figures.mjs';

const EVERYBODY = ['bayeux-edge', 'bare', 'faye', 'partyserver'];
const WITH_ROOT = ['bayeux-edge', 'at-root', 'bare', 'faye', 'partyserver'];

// At rates that every server keeps up with, only latency tells them apart.
const MODEST = [
  { title: 'p50', unit: 'ms', read: ({ p50 }) => p50, goals: [{ against: 'bare', atMost: 1.2 }] },
  { title: 'p99', unit: 'ms', read: ({ p99 }) => p99, goals: [{ against: 'bare', atMost: 1.2 }] },
  { title: 'never delivered', read: undelivered, goals: [{ atMost: 0 }] },
];

export const transport = 'ws';

export const measures = {
  sat: {
    servers: WITH_ROOT,
    load: { mode: 'sat', subs: 1000, window: 8 },
    heading: 'saturation: 8 publishes in flight, 1,000 sockets',
    figures: [
      {
        title: 'deliveries/s',
        read: ({ delivPerSec }) => delivPerSec,
        goals: [{ against: 'bare', atLeast: 1.5 }, { against: 'faye', atLeast: 1 }],
      },
    ],
  },
  'rate-10': {
    servers: EVERYBODY,
    load: { mode: 'rate', rate: 10, subs: 1000, pubs: 8 },
    heading: '10 messages/s to 1,000 sockets',
    figures: MODEST,
  },
  'rate-100': {
    servers: WITH_ROOT,
    load: { mode: 'rate', rate: 100, subs: 100, pubs: 8 },
    heading: '100 messages/s to 100 sockets',
    figures: MODEST,
  },
  setup: {
    servers: ['bayeux-edge', 'faye'],
    load: { mode: 'setup', subs: 3000, bye: 0 },
    heading: 'socket + handshake + subscribe + connect of 3,000 clients',
    figures: [{ title: 'clients/s', read: ({ perSec }) => perSec, goals: [{ against: 'faye' }] }],
  },
  idle: {
    servers: EVERYBODY,
    load: { mode: 'idle', subs: 10_000, bye: 0 },
    heading: '10,000 sockets, nothing published',
    figures: [
      { title: 'errors', read: ({ errors }) => errors, goals: [{ atMost: 0 }] },
      { title: 'memory of each', unit: 'KB', read: ({ kbPerClient }) => kbPerClient, goals: [{ against: 'bare', atMost: 1.2 }] },
    ],
  },
};
