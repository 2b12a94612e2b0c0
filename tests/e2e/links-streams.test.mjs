// Event streams that the Worker holds: their events come over links.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from './support/bayeux.mjs';
import { EventStream } from './support/event-stream.mjs';
import { fixture, logged, until, withFixture } from './support/server.mjs';

const VARS = { LINKS: 'always', LOG_LEVEL: 'debug', TIMEOUT: '60000', MAX_INTERVAL: '60000', CLIENT_MAX_CONNECTIONS: '1000' };

const server = await fixture(VARS);
const url = `${server.url}/cometd`;

const opened = () => logged(server, 'link_opened').length;
const started = () => logged(server, 'object_started').length;

/** A session that is subscribed to a channel, and its stream. */
async function listener(channel, at = url, options = {}) {
  const client = await join(at, { handshake: { supportedConnectionTypes: ['eventsource'] }, ...options });
  await client.ok(client.subscribe(channel));
  return { client, stream: await EventStream.open(`${at}/${client.clientId}`, options) };
}

/** A hundred at a time. */
async function listeners(count, channel, at) {
  const all = [];
  while (all.length < count) {
    all.push(...(await Promise.all(Array.from({ length: Math.min(100, count - all.length) }, () => listener(channel, at)))));
  }
  return all;
}

async function publish(channel, ...data) {
  const somebody = await join(url);
  for (const one of data) await somebody.ok(somebody.publish(channel, one));
}

const cut = (all) => all.forEach(({ stream }) => stream.cut());

test('idle streams get heartbeats, and wake no object', async () => {
  const all = await listeners(20, '/chat/idle');
  // The link is somebody's whose request is over: one of the streams takes it.
  const handedOver = opened();
  await until(() => opened() > handedOver, 'the link is not handed over', 60_000);
  await server.evict('/', 'hibernate');
  const before = [opened(), started()];
  const beats = all.map(({ stream }) => stream.beats);
  await until(() => all.every(({ stream }, at) => stream.beats >= beats[at] + 2), 'no signs of life', 60_000);
  assert.deepEqual([opened(), started()], before);
  await publish('/chat/idle', 'still there?');
  for (const { stream } of all) assert.deepEqual(await stream.data(1), ['still there?']);
  cut(all);
});

test('streams share one link, and each carries its events', async () => {
  const before = opened();
  const all = await listeners(20, '/chat/shared');
  await publish('/chat/shared', 'one', 'two');
  for (const { stream } of all) assert.deepEqual(await stream.data(2), ['one', 'two']);
  assert.ok(opened() - before <= 1);
  cut(all);
});

test('1,000 streams stay open while their object sleeps, and the next message reaches all', () =>
  // A server of its own: an eviction waits until sessions that are about to expire have done so.
  withFixture(VARS, async (server) => {
    const at = `${server.url}/cometd`;
    const all = await listeners(1000, '/chat/sleep', at);
    await server.evict('/', 'hibernate');
    const somebody = await join(at);
    for (const data of ['wake up', 'and go on']) await somebody.ok(somebody.publish('/chat/sleep', data));
    for (const { stream } of all) assert.deepEqual(await stream.data(2), ['wake up', 'and go on']);
    for (const { stream } of all) assert.equal(stream.over, undefined);
    cut(all);
  }));

test('streams survive a link that breaks', async () => {
  const all = await listeners(20, '/chat/broken');
  const before = opened();
  await server.evict('/', 'close');
  await until(() => opened() > before, 'no new link');
  await publish('/chat/broken', 'still there');
  for (const { stream } of all) assert.deepEqual(await stream.data(1), ['still there']);
  cut(all);
});

test('links are handed over while events come and clients go: nothing is lost, doubled or out of order', async () => {
  const all = await listeners(30, '/chat/long');
  const before = opened();
  const said = [];
  const talker = await join(url);
  for (const end = Date.now() + 40_000; Date.now() < end; await sleep(20)) {
    said.push(said.length);
    await talker.ok(talker.publish('/chat/long', said.at(-1)));
    // The link's owner among them.
    if (said.length % 100 === 0 && all.length > 5) all.pop().stream.cut();
  }
  assert.ok(opened() - before >= 2, `${opened() - before} more links`);
  for (const { stream } of all) assert.deepEqual(await stream.data(said.length), said);
  cut(all);
});

test('a stream that is refused is answered as the object answers it', async () => {
  const answers = [];
  for (const LINKS of ['always', 'never']) {
    await withFixture({ ...VARS, LINKS, CLIENT_MAX_CONNECTIONS: '1', RATE_CONNECTIONS: '3/3600' }, async (server) => {
      const at = `${server.url}/cometd`;
      const headers = { 'CF-Connecting-IP': '192.0.2.1' };
      const { stream } = await listener('/chat/one', at, { headers });
      const others = [];
      const { clientId } = await join(at, { headers });
      for (const id of ['nobody', clientId, clientId]) {
        const { status, headers: all, ...other } = await EventStream.open(`${at}/${id}`, { headers }).then(async (refused) => ({ ...refused, said: await refused.refusal() }));
        others.push([status, all['content-type'], all['cache-control'], all['retry-after'] !== undefined, other.said[0].error]);
      }
      stream.cut();
      answers.push(others);
    });
  }
  assert.deepEqual(answers[0].map(([status]) => status), [404, 503, 429]);
  assert.deepEqual(answers[0], answers[1]);
});

test('a stream whose client has left no longer counts', () =>
  withFixture({ ...VARS, CLIENT_MAX_CONNECTIONS: '1' }, async (server) => {
    const at = `${server.url}/cometd`;
    const headers = { 'CF-Connecting-IP': '192.0.2.1' };
    const { stream } = await listener('/chat/place', at, { headers });
    const next = await join(at, { headers });
    stream.cut();
    const open = async () => {
      const { status } = await EventStream.open(`${at}/${next.clientId}`, { headers });
      return status === 200;
    };
    await until(open, 'its place is not free');
  }));
