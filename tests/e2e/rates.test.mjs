// Rate limits: a client that sends too much is refused with advice, waits and keeps its session, and no other client is
// slowed.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import faye from 'faye';
import { unstable_getMiniflareWorkerOptions } from 'wrangler';
import { inRoot } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { Client, HANDSHAKE, join, post } from './support/bayeux.mjs';
import { EventStream } from './support/event-stream.mjs';
import { request } from './support/http.mjs';
import { logged, until, withFixture } from './support/server.mjs';
import { Socket, opening } from './support/websocket.mjs';

adapt(); // gives cometd.js the XMLHttpRequest and the WebSocket that Node does not have
const { WebSocket: PlainSocket } = window;

const from = (address) => ({ headers: { 'cf-connecting-ip': address } });
const EXCEEDED = '429::rate_exceeded';

for (const transport of ['websocket', 'long-polling'])
  describe(`cometd.js over ${transport}`, () => {
    /** A client at an IP address, and what it was told of its handshakes; it begins to shake hands. */
    function start(t, { url }, address) {
      window.WebSocket = class extends PlainSocket {
        constructor(to, protocol) {
          super(to, protocol, from(address));
        }
      };
      const cometd = new CometD();
      for (const other of cometd.getTransportTypes().filter((type) => type !== transport)) cometd.unregisterTransport(other);
      cometd.configure({ url: `${url}/cometd`, requestHeaders: from(address).headers, logLevel: 'error' });
      t.after(() => new Promise((resolve) => (cometd.isDisconnected() ? resolve() : cometd.disconnect(resolve))));
      const client = { cometd, heard: [], handshakes: [] };
      cometd.addListener('/meta/handshake', (reply) => client.handshakes.push({ ...reply, at: performance.now() }));
      cometd.handshake();
      return client;
    }
    const shakenHands = ({ cometd, handshakes }) => until(() => cometd.getStatus() === 'connected', () => JSON.stringify(handshakes));
    async function joined(t, server, address) {
      const client = start(t, server, address);
      await shakenHands(client);
      return client;
    }
    const subscribe = ({ cometd, heard }, channel) =>
      new Promise((resolve) => cometd.subscribe(channel, ({ data }) => heard.push(data), resolve));
    const publish = ({ cometd }, channel, data) => new Promise((resolve) => cometd.publish(channel, data, resolve));

    test('a flood of publishes is refused with advice, and its client waits and keeps its session', (t) =>
      withFixture({ RATE_PUBLISHES: '5/2', MAX_INTERVAL: '3000' }, async (server) => {
        const [alice, bob] = [await joined(t, server, '192.0.2.1'), await joined(t, server, '192.0.2.2')];
        await subscribe(bob, '/flood');
        await subscribe(alice, '/answers');
        const clientId = alice.cometd.getClientId();
        const replies = await Promise.all(Array.from({ length: 12 }, (_, n) => publish(alice, '/flood', n)));
        const taken = replies.flatMap(({ successful }, n) => (successful ? [n] : []));
        assert.deepEqual(taken.slice(0, 5), [0, 1, 2, 3, 4]);
        const refused = replies.filter(({ successful }) => !successful);
        assert.ok(refused.length >= 5, `of 12 ${refused.length} were refused`);
        for (const { error, advice } of refused) {
          assert.deepEqual([error, advice.reconnect], [EXCEEDED, 'retry']);
          assert.ok(advice.interval > 0 && advice.interval <= 400, `advice to wait ${advice.interval} ms`);
        }
        assert.ok((await publish(bob, '/answers', 'unhindered')).successful, 'another address is slowed');
        await until(() => alice.heard.includes('unhindered'), 'alice hears nothing any more');

        // As advised.
        const waited = [];
        for (let n = 12; n < 15; ) {
          const reply = await publish(alice, '/flood', n);
          if (reply.successful) waited.push(n++);
          else await sleep(reply.advice.interval);
        }
        await until(() => bob.heard.includes(14), () => `bob heard ${bob.heard}`);
        assert.deepEqual(bob.heard, [...taken, ...waited], 'those that were taken, in their order');
        assert.deepEqual([alice.cometd.getClientId(), alice.handshakes.length], [clientId, 1], 'another session');
        assert.ok((await publish(bob, '/answers', 'still there')).successful);
        await until(() => alice.heard.includes('still there'), 'alice hears nothing any more');
        const [line, ...more] = await until(() => logged(server, 'rate_exceeded').length > 0 && logged(server, 'rate_exceeded'), 'nothing was logged');
        assert.deepEqual([line.level, line.what, line.address], ['warn', 'publishes', '192.0.2.1']);
        assert.ok(more.length < 3, 'a line for each refusal');
      }));

    test('a client that shakes hands too often is refused, waits and comes back by itself', (t) =>
      withFixture({ RATE_HANDSHAKES: '2/4' }, async (server) => {
        for (let n = 0; n < 2; n += 1) await joined(t, server, '2001:db8::1');
        const third = start(t, server, '2001:db8::3:1');
        const elsewhere = await joined(t, server, '2001:db8:0:1::1');
        assert.equal(elsewhere.handshakes.length, 1, 'another network is slowed');
        await shakenHands(third);
        const [first, ...later] = third.handshakes;
        assert.deepEqual([first.successful, first.error, first.advice.reconnect], [false, EXCEEDED, undefined]);
        const waited = later.at(-1).at - first.at;
        assert.ok(waited >= first.advice.interval - 50, `advised ${first.advice.interval} ms, came back after ${waited}`);
        assert.equal(later.length, 1, 'it tried more often than that');
      }));
  });

for (const transport of ['websocket', 'long-polling'])
  test(`Faye over ${transport} gets errors past the rate, and keeps its session`, { timeout: 30_000 }, () =>
    withFixture({ RATE_PUBLISHES: '4/2', RATE_HANDSHAKES: '1/2', MAX_INTERVAL: '5000' }, async ({ url }) => {
      const clients = [];
      const open = (address) => {
        const client = new faye.Client(`${url}/cometd`, { retry: 0.2 }); // seconds
        if (transport !== 'websocket') client.disable('websocket');
        client.setHeader('cf-connecting-ip', address);
        clients.push(client);
        return client;
      };
      const [alice, bob] = ['192.0.2.1', '192.0.2.2'].map(open);
      const heard = [];
      await Promise.all([alice.subscribe('/faye', () => {}), bob.subscribe('/faye', (data) => heard.push(data))]);
      const { clientId } = alice._dispatcher;
      const publish = (n) => alice.publish('/faye', n).then(() => 'taken', ({ code, message }) => `${code}::${message}`);
      const outcomes = await Promise.all(Array.from({ length: 10 }, (_, n) => publish(n)));
      assert.deepEqual(outcomes.slice(0, 4), Array(4).fill('taken'));
      assert.ok(outcomes.filter((outcome) => outcome === EXCEEDED).length >= 4, outcomes.join());
      await until(async () => (await publish('last')) === 'taken', 'nothing is taken any more');
      await until(() => heard.includes('last'), () => `bob heard ${heard}`);
      assert.equal(alice._dispatcher.clientId, clientId);
      await open('192.0.2.1').subscribe('/faye', () => {}); // after a handshake or more that came too early
      // It would try for ever once the server is gone.
      await Promise.all(clients.map((client) => Promise.resolve(client.disconnect())));
    }));

test('sockets and streams of one network are opened at the rate that RATE_CONNECTIONS allows, and refused with a 429', () =>
  withFixture({ RATE_CONNECTIONS: '2/60' }, async (server) => {
    const url = `${server.url}/cometd`;
    const alice = await join(url, from('192.0.2.1'));
    const stream = await EventStream.open(`${url}/${alice.clientId}`, from('192.0.2.1'));
    assert.equal(stream.status, 200);
    assert.equal((await opening(url, from('192.0.2.1').headers))[0], 101);
    const [status, text] = await opening(url, from('192.0.2.1').headers);
    const [{ successful, error, advice }] = JSON.parse(text);
    assert.deepEqual([status, successful, error, advice.reconnect], [429, false, EXCEEDED, 'retry']);
    assert.ok(advice.interval > 20_000 && advice.interval <= 30_000, `${advice.interval} ms`);
    const refused = await EventStream.open(`${url}/${alice.clientId}`, from('192.0.2.1'));
    assert.equal(refused.status, 429);
    assert.ok(Number(refused.headers['retry-after']) > 20 && Number(refused.headers['retry-after']) <= 30, refused.headers['retry-after']);
    for (const [address, expected] of [['192.0.2.2', 101], ['2001:db8::1', 101], ['2001:db8::2', 101], ['2001:db8::3', 429]])
      assert.equal((await opening(url, from(address).headers))[0], expected, address);
    const told = await until(() => logged(server, 'rate_exceeded').length > 1 && logged(server, 'rate_exceeded'), 'nothing was logged');
    assert.deepEqual(told.map(({ what, address }) => [what, address]), [['connections', '192.0.2.1'], ['connections', '2001:db8::3']]);
    stream.asked.destroy();
  }));

test('frames of sockets have a rate too: past RATE_FRAMES a socket is closed, and its session lives', () =>
  withFixture({ RATE_FRAMES: '4/60' }, async (server) => {
    const url = `${server.url}/cometd`;
    const socket = await Socket.open(url, from('192.0.2.1'));
    const clientId = await socket.join(); // two frames
    for (let n = 0; n < 3; n += 1) socket.send([{ channel: '/a', clientId, data: n }]);
    assert.deepEqual([await socket.closed, socket.reason], [1013, EXCEEDED]);
    const [line] = logged(server, 'rate_exceeded');
    assert.deepEqual([line.what, line.address], ['frames', '192.0.2.1']);
    const other = await Socket.open(url, from('192.0.2.2'));
    assert.equal((await other.ask({ channel: '/meta/subscribe', clientId, subscription: '/x' }))[0].successful, true);
    await other.close(1000);
  }));

test('too many connects at a time get a time to retry', () =>
  withFixture({ CLIENT_MAX_CONNECTIONS: '1', TIMEOUT: '1000' }, async ({ url }) => {
    const [alice, bob] = await Promise.all([join(`${url}/cometd`, from('192.0.2.1')), join(`${url}/cometd`, from('192.0.2.1'))]);
    const connects = [alice.connect(), bob.connect()];
    const refused = await Promise.race(connects);
    assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '5']);
    await Promise.all(connects);
  }));

test('a socket that outlived its object is counted by its address', () =>
  withFixture({ RATE_PUBLISHES: '1/60', MAX_INTERVAL: '60000' }, async ({ url, evict }) => {
    const socket = await Socket.open(`${url}/cometd`, from('192.0.2.1'));
    const clientId = await socket.join();
    await evict('/', 'hibernate');
    const publish = async () => (await socket.ask({ channel: '/a', clientId, data: 1 }))[0].error;
    assert.deepEqual([await publish(), await publish()], [undefined, EXCEEDED]);
    await socket.close(1000);
  }));

test('the addresses of a /64 have one home among those of HOMES', () =>
  withFixture({ HOMES: 'sharded:16' }, async ({ url }) => {
    const home = async (address) => (await join(`${url}/cometd`, from(address))).clientId.slice(0, 3);
    const own = await Promise.all(Array.from({ length: 8 }, (_, n) => home(`2001:db8:5:5::${n + 1}`)));
    const others = await Promise.all(Array.from({ length: 8 }, (_, n) => home(`2001:db8:5:${n + 10}::1`)));
    assert.equal(new Set(own).size, 1, own.join());
    assert.ok(new Set(others).size > 2, others.join());
  }));

test('a publish relayed by another home counts for its client’s address', () =>
  withFixture({ RATE_PUBLISHES: '1/60', HOMES: 'sharded:8', MAX_INTERVAL: '60000' }, async ({ url }) => {
    const cometd = `${url}/cometd`;
    const homeOf = (clientId) => clientId.slice(0, 3);
    const alice = await join(cometd, from('192.0.2.1'));
    const addresses = Array.from({ length: 40 }, (_, n) => `198.51.100.${n}`);
    const publish = (address) => new Client(cometd, alice.clientId, from(address).headers).publish('/a', 1);
    const outcome = async (address) => (await publish(address)).json.find(({ successful }) => successful !== undefined).error;
    // Of forty addresses most lead to another home than alice's.
    const homes = await Promise.all(addresses.map(async (address) => homeOf((await join(cometd, from(address))).clientId)));
    const away = addresses.filter((_, n) => homes[n] !== homeOf(alice.clientId)).slice(0, 2);
    assert.equal(away.length, 2);
    assert.deepEqual([await outcome(away[0]), await outcome(away[0]), await outcome(away[1])], [undefined, EXCEEDED, undefined]);
    const socket = await Socket.open(cometd, from(away[0]));
    assert.equal((await socket.ask({ channel: '/a', clientId: alice.clientId, data: 1 }))[0].error, EXCEEDED, 'through a tunnel');
    await socket.close(1000);
  }));

describe('Cloudflare’s rate limiter, which is bound as shipped', () => {
  test('refuses requests before they reach an object, for each network separately', async (t) => {
    const { RATE_LIMITER } = limitersAsShipped();
    const ratelimits = { RATE_LIMITER: { ...RATE_LIMITER, simple: { ...RATE_LIMITER.simple, limit: 4 } } };
    const key = '0123456789abcdef';
    const server = await startServer({ fixture: true, ratelimits, vars: { API_KEYS: key, ALLOWED_ORIGINS: 'https://page.example' } });
    t.after(() => server.stop());
    const url = `${server.url}/cometd`;
    const alice = await join(url, from('192.0.2.1')); // two requests
    await alice.ok(alice.publish('/a', 1));
    assert.equal((await opening(url, from('192.0.2.1').headers))[0], 101);
    const refused = await post(url, [HANDSHAKE], { headers: { ...from('192.0.2.1').headers, origin: 'https://page.example' } });
    const [{ successful, error, advice }] = refused.json;
    assert.deepEqual([refused.status, successful, error, advice], [429, false, EXCEEDED, { reconnect: 'retry', interval: 10_000 }]);
    const { 'retry-after': after, 'access-control-allow-origin': origin, 'cache-control': cache } = refused.headers;
    assert.deepEqual([after, origin, cache], ['10', 'https://page.example', 'no-store']);
    assert.equal((await opening(url, from('192.0.2.1').headers))[0], 429);
    assert.equal((await EventStream.open(`${url}/${alice.clientId}`, from('192.0.2.1'))).status, 429);
    for (const address of ['192.0.2.2', '2001:db8::1']) assert.equal((await post(url, [HANDSHAKE], from(address))).status, 200, address);
    const headers = { ...from('192.0.2.1').headers, authorization: `Bearer ${key}` };
    for (let n = 0; n < 6; n += 1) assert.equal((await request(`${url}/api/clients`, { method: 'GET', headers })).status, 200, 'the server API');
  });

  test('refuses no request when it fails, and the log says so', async (t) => {
    const server = await startServer({ fixture: true, ratelimits: {}, vars: { RATE_LIMITER: 'not a limiter' } });
    t.after(() => server.stop());
    const alice = await join(`${server.url}/cometd`, from('192.0.2.1'));
    await alice.ok(alice.publish('/a', 1));
    const [line] = await until(() => logged(server, 'rate_limiter_failed').length > 0 && logged(server, 'rate_limiter_failed'), 'nothing was logged');
    assert.equal(line.level, 'error');
  });
});

/** The limiters that wrangler.toml binds. */
const limitersAsShipped = () => unstable_getMiniflareWorkerOptions(inRoot('wrangler.toml')).workerOptions.ratelimits;
