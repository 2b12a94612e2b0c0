// What cometd.js must do over every transport, in Node and in Chromium.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { hears, sees, settles } from './cometd.mjs';
import { until } from './server.mjs';

const data = (heard) => heard.map(([, each]) => each);
const upTo = (count) => Array.from({ length: count }, (_, at) => at);
const succeeds = (reply) => assert.equal(reply.successful, true, JSON.stringify(reply));

/**
 * `runtime` makes the clients: inNode() or inChromium() of cometd.mjs. `line` is a way to the server that can be cut.
 */
export function talks({ name, runtime, server, line, transport }) {
  const home = `${server.url}/cometd`;
  const clients = [];
  // Its page may be gone.
  afterEach(() => Promise.all(clients.splice(0).map((client) => client.disconnect().catch(() => {}))));

  const optionsOf = (options) => ({ url: home, transports: [transport], ...options });
  async function opened(options) {
    const client = await runtime.open(optionsOf(options));
    clients.push(client);
    return client;
  }
  async function joined(options) {
    const client = await opened(options);
    succeeds(await client.handshake());
    return client;
  }
  const pair = (options) => Promise.all([joined(options), joined(options)]);

  describe(`cometd.js in ${name} over ${transport}`, () => {
    test('it shakes hands, connects and stays connected', async () => {
      const alice = await joined();
      assert.equal(await alice.transport(), transport);
      // The first connect is answered at once, the second one is held and answered when it times out.
      const connects = async () => (await alice.meta()).filter(({ channel, successful }) => channel === '/meta/connect' && successful);
      await until(async () => (await connects()).length >= 2, 'no second connect was answered');
      await until(async () => (await alice.status()) === 'connected', 'it is not connected');
      assert.ok((await alice.meta()).every(({ successful }) => successful));
    });

    test('two clients talk both ways, and receive their own messages', async () => {
      const [alice, bob] = await pair();
      for (const client of [alice, bob]) succeeds(await client.subscribe('/chat/demo'));
      succeeds(await alice.publish('/chat/demo', { text: 'hi – “ünïcode” 👋 <b>&\u2028' }));
      await hears(bob, 1);
      succeeds(await bob.publish('/chat/demo', { text: 'hello' }));
      const said = [['/chat/demo', { text: 'hi – “ünïcode” 👋 <b>&\u2028' }], ['/chat/demo', { text: 'hello' }]];
      for (const client of [alice, bob]) assert.deepEqual(await hears(client, 2), said);
    });

    test('wildcards match one segment, or one and more', async () => {
      const [alice, bob] = await pair();
      const carol = await joined();
      await bob.subscribe('/w/*');
      await carol.subscribe('/w/**');
      for (const channel of ['/w', '/w/a', '/w/a/b', '/v/a', '/w/end']) await alice.publish(channel, 0);
      assert.deepEqual(await hears(carol, 3), [['/w/a', 0], ['/w/a/b', 0], ['/w/end', 0]]);
      assert.deepEqual(await hears(bob, 2), [['/w/a', 0], ['/w/end', 0]]);
    });

    test('after an unsubscribe it receives no more events', async () => {
      const [alice, bob] = await pair();
      await bob.subscribe('/gone');
      await bob.subscribe('/kept');
      succeeds(await bob.unsubscribe('/gone'));
      await alice.publish('/gone', 1);
      await alice.publish('/kept', 2);
      assert.deepEqual(await hears(bob, 1), [['/kept', 2]]);
    });

    test('a service answers its caller alone', async () => {
      const [alice, bob] = await pair();
      for (const client of [alice, bob]) await client.listen('/service/echo');
      await bob.subscribe('/**');
      succeeds(await alice.publish('/service/echo', { question: 42 }));
      assert.deepEqual(await hears(alice, 1), [['/service/echo', { question: 42 }]]);
      await alice.publish('/end', 'end');
      assert.deepEqual(await hears(bob, 1), [['/end', 'end']]);
    });

    test('each message of a batch has a reply, and the batch arrives in order', async () => {
      const [alice, bob] = await pair();
      await bob.subscribe('/batch');
      const replies = await alice.publishAll('/batch', upTo(50));
      assert.equal(replies.length, 50);
      replies.forEach(succeeds);
      assert.deepEqual(data(await hears(bob, 50)), upTo(50));
    });

    test('it publishes while its connect is held, without waiting for it', async () => {
      const [alice, bob] = await pair();
      await alice.subscribe('/now');
      await settles(alice);
      const started = performance.now();
      for (const turn of upTo(20)) {
        succeeds(await alice.publish('/now', turn));
        succeeds(await bob.publish('/now', -turn));
      }
      await hears(alice, 40);
      assert.ok(performance.now() - started < 20 * 3000, 'less than a held connect for each');
    });

    test('with ack each event comes once, in order, with a numbered connect', async () => {
      const [alice, bob] = [await joined(), await joined({ extensions: ['ack'] })];
      await bob.subscribe('/acks');
      for (const at of upTo(100)) await alice.publish('/acks', at);
      assert.deepEqual(data(await hears(bob, 100)), upTo(100));
      const numbers = (await bob.meta()).filter(({ channel }) => channel === '/meta/connect').map(({ ext }) => ext.ack);
      assert.ok(numbers.length > 1, `${numbers}`);
      assert.deepEqual(numbers, numbers.map((_, at) => at + 1));
    });

    test('timesync gives it the server’s time', async () => {
      const alice = await joined({ extensions: ['timesync'] });
      const [{ ext }] = await alice.meta();
      const { tc, ts, p, a } = ext.timesync;
      // One machine, one clock; the first message has no offset and no lag to add.
      assert.ok(Number.isInteger(p) && p >= 0 && Math.abs(ts - tc) < 2000 && a === tc - ts, JSON.stringify(ext));
      const { offset, lag } = await alice.clock();
      assert.ok(Math.abs(offset) < 1000 && lag < 1000, `${offset} ms, ${lag} ms`);
      await settles(alice); // a connect with an estimate is taken, too
    });

    test('messages with a timestamp are accepted', async () => {
      const alice = await joined({ extensions: ['timestamp'] });
      succeeds(await alice.subscribe('/stamped'));
      succeeds(await alice.publish('/stamped', 1));
      assert.deepEqual(await hears(alice, 1), [['/stamped', 1]]);
    });

    test('binary data arrives as bytes', async () => {
      const [alice, bob] = await pair({ extensions: ['binary'] });
      await bob.subscribe('/bytes');
      const bytes = upTo(256);
      succeeds(await alice.publishBytes('/bytes', bytes));
      assert.deepEqual(await hears(bob, 1), [['/bytes', { data: bytes, last: true, meta: { kind: 'bytes' } }]]);
    });

    test('after a reload the session goes on, with the events published meanwhile', async () => {
      const options = { extensions: ['ack', 'reload'] };
      const [alice, bob] = await pair(options);
      await bob.subscribe('/reload');
      await alice.publish('/reload', 'before');
      await hears(bob, 1);
      const clientId = await bob.clientId();
      const again = await runtime.reload(bob, optionsOf(options));
      clients.splice(clients.indexOf(bob), 1, again);
      await alice.publish('/reload', 'meanwhile');
      await again.listen('/reload'); // the server knows of its subscription
      const reply = await again.handshake();
      assert.deepEqual([reply.successful, reply.ext.reload, await again.clientId()], [true, true, clientId]);
      assert.equal(data(await hears(again, 1)).at(-1), 'meanwhile');
    });

    test('it disconnects while its connect is held, and can connect again', async () => {
      const alice = await joined();
      await settles(alice);
      succeeds(await alice.disconnect());
      assert.equal(await alice.status(), 'disconnected');
      succeeds(await alice.handshake());
      await alice.subscribe('/again');
      await alice.publish('/again', 'me');
      assert.deepEqual(await hears(alice, 1), [['/again', 'me']]);
    });

    test('after the server ended its session it does not reconnect', async () => {
      const alice = await joined();
      await settles(alice);
      await alice.publish('/service/kick', {});
      await until(async () => (await alice.status()) === 'disconnected', 'it is still connected');
      assert.equal((await alice.meta()).filter(({ channel }) => channel === '/meta/handshake').length, 1);
    });

    test('a denied handshake is reported, and not tried again', async () => {
      const mallory = await opened();
      const reply = await mallory.handshake({ ext: { deny: true } });
      assert.deepEqual([reply.successful, reply.error, reply.advice.reconnect], [false, '403::handshake_denied', 'none']);
      await until(async () => (await mallory.status()) === 'disconnected', 'it goes on trying');
    });

    test('a denial by the policy is reported with its reason', async () => {
      const alice = await joined();
      const errors = ['/auth/x', '/den/x'].map(async (channel) => [(await alice.subscribe(channel)).error, (await alice.publish(channel, 1)).error]);
      assert.deepEqual(await Promise.all(errors), [
        ['403:denied_by_security_policy:subscribe_denied', '403:denied_by_security_policy:publish_denied'],
        ['403:nope:subscribe_denied', '403:nope:publish_denied'],
      ]);
      await alice.subscribe('/sub/x');
      assert.equal((await alice.publish('/sub/x', 1)).successful, false);
      await alice.publish('/service/pub', { channel: '/sub/x', data: 'from the server' });
      assert.deepEqual(await hears(alice, 1), [['/sub/x', 'from the server']]);
    });

    test('clients at the path of a tree talk there', async () => {
      const [alice, bob] = await pair({ url: `${home}/chat` });
      await bob.subscribe('/chat/room');
      await alice.publish('/chat/room', 'hi');
      assert.deepEqual(await hears(bob, 1), [['/chat/room', 'hi']]);
    });

    test('after broken connections it has its session, its subscriptions and the events published meanwhile', async () => {
      // With ack, as Chromium resends a request whose connection was reset: when it has noticed cannot be seen.
      const [alice, bob] = [await joined(), await joined({ url: `${line.url}/cometd`, extensions: ['ack'] })];
      await bob.subscribe('/cut');
      await settles(bob);
      const clientId = await bob.clientId();
      assert.ok(line.cut() > 0);
      await alice.publish('/cut', 'meanwhile');
      assert.deepEqual(await hears(bob, 1), [['/cut', 'meanwhile']]);
      assert.equal(await bob.clientId(), clientId);
    });
  });
}
