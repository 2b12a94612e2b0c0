// For a transport that the bare object has no counterpart of: beside our own long-polling, and Faye.
import { undelivered } from './figures.mjs';

const servers = ['bayeux-edge', 'over-lp', 'faye'];
const besides = [{ against: 'over-lp' }, { against: 'faye' }];

const LATENCY = [
  { title: 'p50', unit: 'ms', read: ({ p50 }) => p50, goals: besides },
  { title: 'p99', unit: 'ms', read: ({ p99 }) => p99, goals: besides },
  { title: 'never delivered', read: undelivered, goals: [{ atMost: 0 }] },
];

/** `clients`: what they are called in the plural. */
export const besideLongPolling = (clients) => ({
  sat: {
    servers,
    load: { mode: 'sat', subs: 1000, window: 8 },
    heading: `saturation: 8 publishes in flight, 1,000 ${clients}`,
    figures: [{ title: 'deliveries/s', read: ({ delivPerSec }) => delivPerSec, goals: besides }],
  },
  'rate-10': {
    servers,
    load: { mode: 'rate', rate: 10, subs: 1000 },
    heading: `10 messages/s to 1,000 ${clients}`,
    figures: LATENCY,
  },
  'rate-100': {
    servers,
    load: { mode: 'rate', rate: 100, subs: 100, pubs: 64 },
    heading: `100 messages/s to 100 ${clients}`,
    figures: LATENCY,
  },
  setup: {
    servers,
    load: { mode: 'setup', subs: 3000, bye: 0 },
    heading: `3,000 ${clients} come up`,
    figures: [{ title: 'clients/s', read: ({ perSec }) => perSec, goals: besides }],
  },
});
