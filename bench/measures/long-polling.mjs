// What long-polling is measured by.
import { delivered, undelivered } from './figures.mjs';

export const transport = 'lp';

export const measures = {
  sat: {
    servers: ['bayeux-edge', 'bare', 'faye', 'floor'],
    load: { mode: 'sat', subs: 1000, window: 8 },
    heading: 'saturation: 8 publishes in flight, 1,000 polls',
    figures: [
      {
        title: 'deliveries/s',
        read: ({ delivPerSec }) => delivPerSec,
        goals: [{ against: 'bare', atLeast: 1.6 }, { against: 'faye' }, { against: 'floor' }],
      },
    ],
  },
  'rate-10': {
    servers: ['bayeux-edge', 'bare', 'faye', 'floor'],
    load: { mode: 'rate', rate: 10, subs: 1000 },
    heading: '10 messages/s to 1,000 polls',
    figures: [
      // Who keeps up may still be a few messages later at the end of the time that is measured than at its beginning.
      { title: 'delivered of what is offered, meanwhile', read: delivered, goals: [{ atLeast: 0.97 }] },
      { title: 'never delivered', read: undelivered, goals: [{ atMost: 0 }] },
      { title: 'p99', unit: 'ms', read: ({ p99 }) => p99, goals: [{ against: 'bare', atMost: 1 / 3 }] },
    ],
  },
  'rate-100': {
    servers: ['bayeux-edge', 'bare', 'faye', 'floor'],
    load: { mode: 'rate', rate: 100, subs: 100, pubs: 64 }, // enough that none is waited for
    heading: '100 messages/s to 100 polls',
    figures: [
      { title: 'p50', unit: 'ms', read: ({ p50 }) => p50, goals: [{ against: 'bare', atMost: 1 }] },
      { title: 'p99', unit: 'ms', read: ({ p99 }) => p99, goals: [{ against: 'bare', atMost: 1 }] },
      { title: 'never delivered', read: undelivered, goals: [{ atMost: 0 }] },
    ],
  },
  setup: {
    servers: ['bayeux-edge', 'faye', 'floor'],
    load: { mode: 'setup', subs: 3000, bye: 0 },
    heading: 'handshake + subscribe + connect of 3,000 clients',
    figures: [{ title: 'clients/s', read: ({ perSec }) => perSec, goals: [{ against: 'faye', atLeast: 0.8 }, { against: 'floor' }] }],
  },
  idle: {
    servers: ['bayeux-edge', 'bare', 'faye', 'floor'],
    load: { mode: 'idle', subs: 5000, bye: 0 },
    heading: '5,000 polls held, nothing published',
    figures: [
      { title: 'errors', read: ({ errors }) => errors, goals: [{ atMost: 0 }] },
      { title: 'memory of each', unit: 'KB', read: ({ kbPerClient }) => kbPerClient, goals: [{ against: 'bare', atMost: 1.2 }, { against: 'floor' }] },
    ],
  },
};
