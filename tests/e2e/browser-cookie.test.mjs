// BROWSER_COOKIE: the server knows the tabs of one browser.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HANDSHAKE, join, post } from './support/bayeux.mjs';
import { hears, inChromium, settles } from './support/cometd.mjs';
import { EventStream } from './support/event-stream.mjs';
import { request } from './support/http.mjs';
import { fixture, until, withFixture } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const TYPES = ['long-polling'];

const server = await fixture({ BROWSER_COOKIE: 'true', MULTI_SESSION_INTERVAL: '300', MAX_INTERVAL: '30000' });
const url = `${server.url}/cometd`;

const CROWDED = { reconnect: 'retry', interval: 300, timeout: 3000, 'multiple-clients': true };

/** A browser's cookie, from the answer to a first handshake. */
async function browser() {
  const [cookie] = (await post(url, [HANDSHAKE])).headers['set-cookie'];
  return { cookie: cookie.split(';', 1)[0] };
}

test('a browser gets the cookie once, with any kind of answer', async () => {
  const { headers } = await post(url, [HANDSHAKE]);
  assert.equal(headers['set-cookie'].length, 1);
  assert.match(headers['set-cookie'][0], /^BAYEUX_BROWSER=[0-9a-f]{32}; Path=\/; HttpOnly; SameSite=Lax$/);
  const again = await post(url, [HANDSHAKE], { headers: { cookie: `other=1; ${headers['set-cookie'][0].split(';', 1)[0]}` } });
  assert.equal(again.headers['set-cookie'], undefined);
  const script = await request(`${url}?message=${encodeURIComponent(JSON.stringify([HANDSHAKE]))}`, { method: 'GET' });
  assert.match(script.headers['set-cookie'][0], /^BAYEUX_BROWSER=/);
  const another = (await post(url, [HANDSHAKE])).headers['set-cookie'][0];
  assert.notEqual(another, headers['set-cookie'][0]);
});

test('the cookie has the name and attributes of the option, and there is none if the option is off', async () => {
  const option = '__Host-tabs; Path=/; Secure; SameSite=None; Partitioned';
  await withFixture({ BROWSER_COOKIE: option }, async ({ url }) => {
    const { headers } = await post(`${url}/cometd`, [HANDSHAKE]);
    assert.match(headers['set-cookie'][0], /^__Host-tabs=[0-9a-f]{32}; Path=\/; Secure; SameSite=None; Partitioned$/);
  });
  for (const vars of [{}, { BROWSER_COOKIE: 'false' }])
    await withFixture(vars, async ({ url }) => {
      const tabs = await Promise.all([1, 2].map(() => join(`${url}/cometd`, { headers: { cookie: 'BAYEUX_BROWSER=1' } })));
      const answers = tabs.map((tab) => tab.connect({ advice: { timeout: 300 } }));
      for (const { headers, json } of await Promise.all(answers)) assert.deepEqual([headers['set-cookie'], json[0].successful, json[0].advice?.['multiple-clients']], [undefined, true, undefined]);
    });
});

test('one tab is held, and another is advised to poll at an interval, until the first one leaves', async () => {
  const headers = await browser();
  const [first, second] = [await join(url, { headers }), await join(url, { headers })];
  const held = first.connect();
  // Answered after that one came, on a connection that is made after it.
  await first.call('/service/echo');
  const [reply] = await second.ok(second.connect());
  assert.deepEqual(reply.advice, CROWDED);
  await first.ok(first.send({ channel: '/meta/disconnect' }));
  await held;
  const started = performance.now();
  await second.ok(second.connect({ advice: { timeout: 500 } }));
  assert.ok(performance.now() - started > 450, 'it is held now');
});

test('a clientId is unknown without its browser’s cookie: by POST, on a stream and on a socket', async () => {
  const headers = await browser();
  const { clientId } = await join(url, { headers });
  const subscribe = { channel: '/meta/subscribe', clientId, subscription: '/x' };
  const thieves = [undefined, { cookie: 'BAYEUX_BROWSER=0123456789abcdef' }];
  for (const thief of thieves) {
    assert.equal((await post(url, [subscribe], { headers: thief })).json[0].error, '402::session_unknown');
    assert.equal((await EventStream.open(`${url}/${clientId}`, { headers: thief })).status, 404);
    const socket = await Socket.open(url, { headers: thief });
    assert.equal((await socket.ask(subscribe))[0].error, '402::session_unknown');
    await socket.close(1000);
  }
  assert.equal((await post(url, [subscribe], { headers })).json[0].successful, true);
  const socket = await Socket.open(url, { headers });
  await server.evict('/', 'hibernate');
  assert.equal((await socket.ask(subscribe))[0].successful, true, 'the socket remembers');
  await socket.close(1000);
  const stream = await EventStream.open(`${url}/${clientId}`, { headers });
  assert.equal(stream.status, 200);
  stream.cut();
});

test('the cookie is valid at other homes, however the browser gets there', () =>
  withFixture({ BROWSER_COOKIE: 'true', MAX_INTERVAL: '30000', HOMES: 'sharded:8' }, async ({ url }) => {
    const cometd = `${url}/cometd`;
    const at = (n, headers) => ({ headers: { ...headers, 'cf-connecting-ip': `10.0.0.${n}` } });
    const owner = await browser();
    const { clientId } = await join(cometd, at(0, owner));
    const subscribe = { channel: '/meta/subscribe', clientId, subscription: '/x' };
    /** What a browser is answered by POST, on a socket and on a stream. */
    const asks = async (from) => {
      const [posted] = (await post(cometd, [subscribe], from)).json;
      const socket = await Socket.open(cometd, from);
      const [sent] = await socket.ask(subscribe);
      await socket.close(1000);
      const stream = await EventStream.open(`${cometd}/${clientId}`, from);
      stream.cut();
      return [posted.error ?? posted.successful, sent.error ?? sent.successful, stream.status];
    };
    for (const n of [1, 2, 3, 4]) {
      assert.deepEqual(await asks(at(n, await browser())), ['402::session_unknown', '402::session_unknown', 404]);
      assert.deepEqual(await asks(at(n, owner)), [true, true, 200]);
    }
  }));

describe('cometd.js in two tabs of one Chromium', async () => {
  const chromium = await inChromium();

  test('both receive everything, the second one by polling at an interval', (t) =>
    withFixture({ BROWSER_COOKIE: 'true', ALLOWED_ORIGINS: chromium.origin, MULTI_SESSION_INTERVAL: '300' }, async ({ url }) => {
      const options = { url: `${url}/cometd`, transports: TYPES };
      const first = await chromium.open(options);
      const second = await chromium.beside(first, options);
      // Their pages may be gone.
      t.after(() => Promise.all([first, second].map((client) => client.disconnect().catch(() => {}))));
      for (const client of [first, second]) {
        await client.handshake();
        await settles(client);
        await client.subscribe('/tabs');
      }
      const told = async () => (await second.meta()).filter(({ advice }) => advice?.['multiple-clients']);
      await until(async () => (await told()).length > 1, 'the second one is not told');
      await first.publish('/tabs', 'hello');
      for (const client of [first, second]) assert.deepEqual(await hears(client, 1), [['/tabs', 'hello']]);
      await first.disconnect();
      await until(async () => (await second.meta()).at(-1).advice?.interval === 0, 'the second one is not told that it may be held');
      await second.publish('/tabs', 'alone');
      assert.deepEqual((await hears(second, 2))[1], ['/tabs', 'alone']);
    }));
});
