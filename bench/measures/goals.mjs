// What speed is judged by: each goal is a ratio of two servers in the same minutes, or that of a floor that does
// nothing else.
import { undelivered } from './figures.mjs';

const perSecond = (title, read, goals, ours) => ({ title, read, goals, ours });

/** Server's CPU for each delivery: what a busy machine changes least. */
const cpu = (goals, ours) => ({ title: "server's CPU a delivery", unit: 'µs', read: ({ srvCpu, delivPerSec }) => (srvCpu / delivPerSec) * 1e6, goals, ours });

const deliveries = (goals, ours) => perSecond('deliveries/s', ({ delivPerSec }) => delivPerSec, goals, ours);
const answers = (goals, ours) => perSecond('answers/s', ({ respPerSec }) => respPerSec, goals, ours);
const p50 = (goals, ours) => ({ title: 'p50', unit: 'ms', read: (result) => result.p50, goals, ours });
const p99 = (goals, ours) => ({ title: 'p99', unit: 'ms', read: (result) => result.p99, goals, ours });
const lost = (ours) => ({ title: 'never delivered', read: undelivered, goals: [{ atMost: 0 }], ours });

const socketsSaturated = (subs) => ({
  servers: ['bayeux-edge', 'bare', 'faye', 'cometd'],
  load: { transport: 'ws', mode: 'sat', subs, window: 8 },
  heading: `saturation, ${subs.toLocaleString('en')} sockets`,
  figures: [
    deliveries([{ against: 'bare', atLeast: 4 }, { against: 'faye', atLeast: 2 }, { against: 'cometd', atLeast: 1 }]),
    cpu([{ against: 'bare' }]),
    p99([{ against: 'bare' }]),
  ],
});

const socketsAtRate = (rate, subs) => ({
  servers: ['bayeux-edge', 'bare'],
  load: { transport: 'ws', mode: 'rate', rate, subs, pubs: 8 },
  heading: `${rate} messages/s to ${subs.toLocaleString('en')} sockets`,
  figures: [p50([{ against: 'bare', atMost: 1.15 }]), p99([{ against: 'bare', atMost: 1.15 }]), lost()],
});

const pollsSaturated = (subs) => ({
  servers: ['links', 'bayeux-edge', 'isolate', 'faye', 'cometd'],
  load: { transport: 'lp', mode: 'sat', subs, window: 8 },
  heading: `saturation, ${subs.toLocaleString('en')} polls`,
  figures: [
    deliveries([{ against: 'bayeux-edge', atLeast: 1.5 }, { against: 'faye', atLeast: 0.6 }], 'links'),
    answers([{ against: 'isolate', atLeast: 0.8 }], 'links'),
    cpu([{ against: 'bayeux-edge' }], 'links'),
  ],
});

const pollsAtRate = (subs) => ({
  servers: ['links', 'bayeux-edge', 'isolate'],
  load: { transport: 'lp', mode: 'rate', rate: 10, subs, pubs: 64 },
  heading: `10 messages/s to ${subs.toLocaleString('en')} polls`,
  figures: [p99([{ against: 'bayeux-edge', atMost: 0.6 }, { against: 'isolate' }], 'links'), lost('links')],
});

const setup = (transport, name, ours) => ({
  servers: [ours, 'floor', 'faye'],
  load: { transport, mode: 'setup', subs: 3000, bye: 0 },
  heading: `set-up of 3,000 clients, ${name}`,
  figures: [perSecond('clients/s', ({ perSec }) => perSec, [{ against: 'floor' }, { against: 'faye', atLeast: 0.8 }], ours)],
});

const idle = (transport, subs, name, ours, servers, goals) => ({
  servers,
  load: { transport, mode: 'idle', subs, bye: 0 },
  heading: `${subs.toLocaleString('en')} idle ${name}`,
  figures: [
    { title: 'memory of each', unit: 'KB', read: ({ kbPerClient }) => kbPerClient, goals, ours },
    { title: "server's CPU between events", unit: 'cores', read: ({ idleSrvCpu }) => idleSrvCpu, goals: [{ atMost: 0.01 }], ours },
  ],
});

export const measures = {
  'ws-sat-100': socketsSaturated(100),
  'ws-sat-500': socketsSaturated(500),
  'ws-sat-1000': socketsSaturated(1000),
  'ws-rate-100': socketsAtRate(100, 100),
  'ws-rate-10': socketsAtRate(10, 1000),
  'lp-sat-500': pollsSaturated(500),
  'lp-sat-1000': pollsSaturated(1000),
  'lp-rate-10-500': pollsAtRate(500),
  'lp-rate-10-1000': pollsAtRate(1000),
  'lp-rate-100': {
    servers: ['links', 'bare', 'isolate'],
    load: { transport: 'lp', mode: 'rate', rate: 100, subs: 100, pubs: 64 },
    heading: '100 messages/s to 100 polls',
    figures: [...[p50, p99].map((figure) => figure([{ against: 'bare', atMost: 0.7 }, { against: 'isolate' }], 'links')), lost('links')],
  },
  'lp-setup': setup('lp', 'long-polling', 'links'),
  'ws-setup': setup('ws', 'WebSocket', 'bayeux-edge'),
  'ws-idle': idle('ws', 10_000, 'sockets', 'bayeux-edge', ['bayeux-edge', 'bare'], [{ against: 'bare' }]),
  'lp-idle': idle('lp', 1000, 'polls', 'links', ['links', 'isolate'], [{ against: 'isolate', atMost: 1.1 }]),
};

/** `npm run bench -- quick`: the figures that matter, one run each. */
export const quick = ['ws-sat-500', 'ws-rate-100', 'lp-sat-500', 'lp-rate-10-500', 'lp-setup', 'ws-setup'];
