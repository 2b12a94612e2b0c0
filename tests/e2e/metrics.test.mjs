// The counts of a home, compared with a known load, on workerd; and the text for Prometheus, read by its own parser.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import parse from 'parse-prometheus-text-format';
import { startServer } from '../../scripts/lib/server.mjs';
import { join } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { Load } from './support/load.mjs';
import { until, withFixture } from './support/server.mjs';

const KEY = 'the-key-of-who-scrapes';
const server = await startServer({ fixture: true, vars: { API_KEYS: KEY, TREE_DEPTH: '0' } });
after(() => server.stop());
const cometd = `${server.url}/cometd`;

const ask = (path, headers = { authorization: `Bearer ${KEY}` }) => request(`${cometd}${path}`, { method: 'GET', headers });
const stats = async () => (await ask('/api/stats')).json;
const metrics = async () => (await ask('/api/metrics')).text;

/** The homes of the clients, and the tree of what they say: each is an object of its own. */
const HOMES = ['/', '/garden'];
const TREE = '/load';
/** Listeners of each home, and what each home publishes. */
const [POLLS, SOCKETS, STREAMS, PUBLISHES] = [3, 3, 2, 25];
const ALL = HOMES.length * PUBLISHES;

test('a known load over two homes and three transports is counted exactly', () =>
  withFixture({ API_KEYS: KEY }, async ({ url }) => {
    const load = new Load(url, { tree: TREE, polls: POLLS, sockets: SOCKETS, streams: STREAMS, expects: ALL });
    await Promise.all(HOMES.map((home) => load.joins(home)));
    const heard = load.hears();
    for (let n = 0; n < PUBLISHES; n += 1) await Promise.all(HOMES.map((home) => load.publishes(home, `${TREE}/one`)));
    await heard;
    for (const channel of [`${TREE}/*`, `${TREE}/**`]) await load.isRefused('/', channel);

    const stats = async (home) => (await request(`${url}/cometd/api/stats?tree=${home}`, { method: 'GET', headers: { authorization: `Bearer ${KEY}` } })).json;
    for (const home of HOMES) {
      const made = load.at[home];
      const now = await stats(home);
      assert.equal(now.home, home);
      assert.deepEqual(now.messagesReceived, { ...made.messages, ...(made.refused > 0 && { invalid: made.refused }) });
      assert.deepEqual(now.messagesRefused, made.refused > 0 ? { channel_invalid: made.refused } : {});
      assert.deepEqual(now.requests, made.requests);
      assert.deepEqual(made.heard, { 'long-polling': POLLS * ALL, websocket: SOCKETS * ALL, eventsource: STREAMS * ALL });
      assert.deepEqual(now.eventsDelivered, made.heard);
      assert.equal(now.eventLatencyMs.count, (POLLS + SOCKETS + STREAMS) * ALL);
      assert.equal(now.sessionsOpened, POLLS + SOCKETS + STREAMS + 1);
      assert.deepEqual(now.sessions, { 'long-polling': POLLS + 1, websocket: SOCKETS, eventsource: STREAMS });
      assert.equal(now.subscriptions, POLLS + SOCKETS + STREAMS);
      assert.deepEqual(now.heldConnects, { websocket: SOCKETS, eventsource: STREAMS });
      assert.deepEqual([now.sockets, now.queuedEvents, now.eventsAccepted, now.eventsDropped], [SOCKETS, 0, 0, 0]);
      assert.ok(now.storageBytes > 0 && now.storageRowsWritten > 0);
    }
    const owner = await stats(TREE);
    assert.deepEqual([owner.eventsAccepted, owner.messagesReceived, owner.eventsDelivered], [ALL, {}, {}]);
    await load.leaves();
    await until(async () => (await stats('/')).sockets === 0, 'a closed socket is still counted');
  }));

test('the text for Prometheus has the figures of the JSON, and its parser reads it', async () => {
  const [alice, bob] = [await join(cometd), await join(cometd)];
  await alice.ok(alice.subscribe('/text'));
  await bob.ok(bob.publish('/text', 1));
  assert.deepEqual(await alice.poll(), [1]);
  const { headers, text } = await ask('/api/metrics');
  assert.equal(headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.match(text, /\n# EOF\n$/);
  const families = new Map(parse(text).map((family) => [family.name, family]));
  const value = (name, labels = {}) =>
    families.get(name)?.metrics.find((metric) => Object.entries(labels).every(([label, value]) => metric.labels?.[label] === value))?.value;
  const json = await stats();
  assert.equal(value('bayeux_sessions_opened_total'), String(json.sessionsOpened));
  assert.equal(value('bayeux_events_delivered_total', { transport: 'long-polling' }), String(json.eventsDelivered['long-polling']));
  assert.equal(value('bayeux_messages_received_total', { kind: 'publish' }), String(json.messagesReceived.publish));
  const [latency] = families.get('bayeux_event_latency_seconds').metrics;
  assert.deepEqual([latency.count, latency.buckets['+Inf']], [String(json.eventLatencyMs.count), String(json.eventLatencyMs.count)]);
});

test('the parser reads the text of all homes, and each sample names its home', async () => {
  await join(`${cometd}/meadow`);
  const page = await ask('/api/metrics?tree=*');
  assert.equal(page.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8');
  assert.equal(page.headers.link, undefined, 'there is no more');
  const opened = parse(page.text).find(({ name }) => name === 'bayeux_sessions_opened_total');
  assert.deepEqual(opened.metrics, [{ labels: { home: '/' }, value: String((await stats()).sessionsOpened) }]);

  const [, next] = /^<\/cometd(.*)>; rel="next"$/.exec((await withHomes((ask) => ask('/api/metrics?tree=*&limit=2'))).headers.link);
  assert.equal(next, '/api/metrics?tree=*&limit=2&after=%401%2C');
});

/** What a server whose clients are spread over three homes answers. */
const withHomes = (work) =>
  withFixture({ API_KEYS: KEY, HOMES: 'sharded:3' }, ({ url }) =>
    work((path) => request(`${url}/cometd${path}`, { method: 'GET', headers: { authorization: `Bearer ${KEY}` } })));

test('no text of clients or applications becomes a label', async () => {
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

test('a monitor checks without a key that the Worker runs, and wakes no object', async () => {
  const { status, json, headers } = await ask('/healthz', {});
  assert.deepEqual([status, json, headers['cache-control']], [200, { status: 'ok' }, 'no-store']);
  assert.equal((await request(`${cometd}/healthz`, { body: '[]' })).status, 405);
  await withFixture({}, async ({ url }) => {
    assert.equal((await request(`${url}/cometd/healthz`, { method: 'GET' })).status, 200, 'it needs no API');
    assert.equal((await request(`${url}/cometd/api/stats`, { method: 'GET' })).status, 404);
  });
});
