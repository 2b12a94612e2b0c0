// What a home counts, held against what a known load did, on workerd; and the text for Prometheus, read by a parser of
// its own.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import parse from 'parse-prometheus-text-format';
import { startServer } from '../../scripts/lib/server.mjs';
import { join } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { until, withFixture } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const KEY = 'the-key-of-who-scrapes';
const server = await startServer({ fixture: true, vars: { API_KEYS: KEY, TREE_DEPTH: '0' } });
after(() => server.stop());
const cometd = `${server.url}/cometd`;

const ask = (path, headers = { authorization: `Bearer ${KEY}` }) => request(`${cometd}${path}`, { method: 'GET', headers });
const stats = async () => (await ask('/api/stats')).json;
const metrics = async () => (await ask('/api/metrics')).text;

/** Of a tally or a number what was added between two answers. */
const more = (after, before = 0) =>
  typeof after === 'number'
    ? after - before
    : Object.fromEntries(Object.entries(after).map(([name, count]) => [name, count - (before[name] ?? 0)]).filter(([, count]) => count));

test('the counts of a known load are those of who made it', async () => {
  const before = await stats();
  const [polls, sockets, publishes] = [4, 3, 25];
  /** What the load itself counts. */
  const made = { messages: { handshake: 0, connect: 0, subscribe: 0, publish: 0 }, polled: 0, framed: 0, refused: 0, requests: 0, frames: 0 };
  const sent = (kind, by = 'requests') => {
    made.messages[kind] += 1;
    made[by] += 1;
  };

  const pollers = await Promise.all(Array.from({ length: polls }, async () => {
    const client = await join(cometd);
    sent('handshake');
    sent('connect');
    await client.ok(client.subscribe('/load/*'));
    sent('subscribe');
    return client;
  }));
  const framers = await Promise.all(Array.from({ length: sockets }, async () => {
    const socket = await Socket.open(cometd);
    const clientId = await socket.join();
    sent('handshake', 'frames');
    sent('connect', 'frames');
    await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/load/*' });
    sent('subscribe', 'frames');
    socket.send([{ channel: '/meta/connect', clientId, connectionType: 'websocket' }]);
    sent('connect', 'frames');
    return socket;
  }));
  const publisher = await join(cometd);
  sent('handshake');
  sent('connect');

  const receive = async (client) => {
    for (let heard = 0; heard < publishes;) {
      sent('connect');
      const data = await client.poll();
      heard += data.length;
      made.polled += data.length;
    }
  };
  const listen = async (socket) => {
    for (let heard = 0; heard < publishes;) {
      const events = (await socket.next()).filter(({ channel }) => channel.startsWith('/load/'));
      heard += events.length;
      made.framed += events.length;
    }
  };
  const heard = [...pollers.map(receive), ...framers.map(listen)];
  for (let n = 0; n < publishes; n += 1) {
    await publisher.ok(publisher.publish('/load/one', n));
    sent('publish');
  }
  await Promise.all(heard);
  for (const channel of ['/load/*', '/load/**']) {
    await publisher.publish(channel, 1);
    made.refused += 1;
    made.requests += 1;
  }

  const now = await stats();
  assert.deepEqual(more(now.messagesReceived, before.messagesReceived), { ...made.messages, invalid: made.refused });
  assert.deepEqual(more(now.messagesRefused, before.messagesRefused), { channel_invalid: made.refused });
  assert.deepEqual(more(now.requests, before.requests), { 'long-polling': made.requests, websocket: made.frames });
  assert.deepEqual([made.polled, made.framed], [polls * publishes, sockets * publishes]);
  assert.deepEqual(more(now.eventsDelivered, before.eventsDelivered), { 'long-polling': made.polled, websocket: made.framed });
  assert.equal(more(now.eventsAccepted, before.eventsAccepted), publishes);
  assert.equal(more(now.eventLatencyMs.count, before.eventLatencyMs.count), made.polled + made.framed);
  assert.equal(more(now.sessionsOpened, before.sessionsOpened), polls + sockets + 1);
  assert.deepEqual(now.sessions, { 'long-polling': polls + 1, websocket: sockets });
  assert.equal(now.subscriptions, polls + sockets);
  assert.deepEqual([now.sockets, now.heldConnects.websocket, now.queuedEvents, now.eventsDropped], [sockets, sockets, 0, 0]);
  assert.ok(now.storageBytes > 0 && now.storageRowsWritten > 0);
  for (const socket of framers) await socket.close(1000);
  await until(async () => (await stats()).sockets === 0, 'a closed socket is still counted');
});

test('the text for Prometheus has the figures of the JSON, in the form that its parser reads', async () => {
  const { headers, text } = await ask('/api/metrics');
  assert.equal(headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.match(text, /\n# EOF\n$/);
  const families = new Map(parse(text).map((family) => [family.name, family]));
  const value = (name, labels = {}) =>
    families.get(name)?.metrics.find((metric) => Object.entries(labels).every(([label, value]) => metric.labels?.[label] === value))?.value;
  const json = await stats();
  assert.equal(value('bayeux_sessions_opened_total'), String(json.sessionsOpened));
  assert.equal(value('bayeux_events_delivered_total', { transport: 'websocket' }), String(json.eventsDelivered.websocket));
  assert.equal(value('bayeux_messages_received_total', { kind: 'publish' }), String(json.messagesReceived.publish));
  const [latency] = families.get('bayeux_event_latency_seconds').metrics;
  assert.deepEqual([latency.count, latency.buckets['+Inf']], [String(json.eventLatencyMs.count), String(json.eventLatencyMs.count)]);
});

test('no client and no application makes a label', async () => {
  const alice = await join(cometd);
  const made = 'a-label-of-a-client';
  await alice.publish(`/${made}/*`, 1);
  await alice.publish(`/service/${made}`, 1);
  await alice.subscribe(`/${made}`);
  await alice.send({ channel: '/meta/connect', connectionType: made });
  assert.ok(!(await metrics()).includes(made));
});

test('each home has figures of its own', async () => {
  await join(`${cometd}/garden`);
  const garden = (await ask('/api/stats?tree=garden')).json;
  assert.deepEqual([garden.home, garden.sessionsOpened], ['/garden', 1]);
});

test('a monitor asks without a key whether the Worker runs, and wakes nobody', async () => {
  const { status, json, headers } = await ask('/healthz', {});
  assert.deepEqual([status, json, headers['cache-control']], [200, { status: 'ok' }, 'no-store']);
  assert.equal((await request(`${cometd}/healthz`, { body: '[]' })).status, 405);
  await withFixture({}, async ({ url }) => {
    assert.equal((await request(`${url}/cometd/healthz`, { method: 'GET' })).status, 200, 'it needs no API');
    assert.equal((await request(`${url}/cometd/api/stats`, { method: 'GET' })).status, 404);
  });
});
