// POE's scenarios with cometd.js, over each transport: private channels, services, the reply bot, anonymous publishers,
// wildcards, a server that ends a session.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { startServer } from '../../scripts/lib/server.mjs';
import { post } from './support/bayeux.mjs';
import { until } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

adapt(); // gives cometd.js the XMLHttpRequest that Node does not have

const fixture = await startServer({ fixture: true });
const shipped = await startServer({ vars: { AUTOBOT: 'true', ANON_PUBLISH: 'true', TREES: '/**', SPANNING_PATTERNS: 'true' } });
after(() => Promise.all([fixture.stop(), shipped.stop()]));

/** Publishes without a session, which cometd.js never does. Resolves with the reply. */
const ANONYMOUSLY = {
  'long-polling': async (url, message) => (await post(url, [message])).json[0],
  async websocket(url, message) {
    const socket = await Socket.open(url);
    const [reply] = await socket.ask(message);
    socket.raw.close();
    return reply;
  },
};

for (const transport of ['websocket', 'long-polling'])
  describe(`over ${transport}`, () => {
    /** A client that shook hands, and is gone after the test. */
    async function join(t, server, fields) {
      const cometd = new CometD();
      for (const other of cometd.getTransportTypes().filter((type) => type !== transport)) cometd.unregisterTransport(other);
      cometd.configure({ url: `${server.url}/cometd`, logLevel: 'error' });
      t.after(() => new Promise((resolve) => (cometd.isDisconnected() ? resolve() : cometd.disconnect(resolve))));
      const reply = await new Promise((resolve) => cometd.handshake(fields, resolve));
      return { cometd, reply, heard: [] };
    }
    const subscribe = ({ cometd, heard }, pattern) =>
      new Promise((resolve) => cometd.subscribe(pattern, ({ channel, data }) => channel.startsWith('/meta/') || heard.push([channel, data]), resolve));
    const publish = ({ cometd }, channel, data) => new Promise((resolve) => cometd.publish(channel, data, resolve));
    /** Hears what a service answers. */
    const listen = ({ cometd, heard }, service) => cometd.addListener(service, ({ channel, data }) => heard.push([channel, data]));
    const hears = ({ heard }, count) => until(() => heard.length >= count && heard, `it heard only ${JSON.stringify(heard)}`);

    test('the bot answers messages in /chat/demo, for all subscribers', async (t) => {
      const [alice, bob] = await Promise.all([join(t, shipped), join(t, shipped)]);
      await subscribe(bob, '/chat/*');
      await publish(alice, '/chat/demo', { name: 'Alice', text: 'hello' });
      const answer = { name: 'Autobot', text: 'I got your message, Alice' };
      assert.deepEqual(await hears(bob, 2), [['/chat/demo', { name: 'Alice', text: 'hello' }], ['/chat/demo', answer]]);
    });

    test('without AUTOBOT the bot does not answer', async (t) => {
      const alice = await join(t, fixture);
      await subscribe(alice, '/chat/demo');
      await publish(alice, '/chat/demo', { name: 'Alice', text: 'hello' });
      await publish(alice, '/chat/demo', 'the last word');
      assert.deepEqual((await hears(alice, 2)).map(([, data]) => data), [{ name: 'Alice', text: 'hello' }, 'the last word']);
    });

    test('echo and math answer the sender alone', async (t) => {
      const [alice, bob] = await Promise.all([join(t, shipped), join(t, shipped)]);
      for (const client of [alice, bob]) for (const service of ['/service/echo', '/service/math']) listen(client, service);
      await subscribe(bob, '/**');
      assert.equal((await publish(alice, '/service/echo', { a: [1, 'é'] })).successful, true);
      await publish(alice, '/service/math', { left: 6, operator: '*', right: 7 });
      const answers = [['/service/echo', { a: [1, 'é'] }], ['/service/math', { left: 6, operator: '*', right: 7, result: 42 }]];
      assert.deepEqual(await hears(alice, 2), answers);
      await publish(alice, '/end', 0);
      assert.deepEqual(await hears(bob, 1), [['/end', 0]]);
    });

    test('a service that cannot answer replies with an error', async (t) => {
      const alice = await join(t, shipped);
      listen(alice, '/service/math');
      assert.equal((await publish(alice, '/service/math', { left: 1, operator: '/', right: 0 })).error, '422::no such number');
      assert.equal((await publish(alice, '/service/math', 'one and one')).error, '400::data_invalid');
      assert.equal((await publish(alice, '/service/maths', 1)).error, '404::service_unknown');
      await publish(alice, '/service/math', { left: 1, operator: '+', right: 1 });
      assert.equal((await hears(alice, 1))[0][1].result, 2);
    });

    test('a publish without a session is accepted with ANON_PUBLISH, and refused without', async (t) => {
      for (const [server, allowed] of [[shipped, true], [fixture, false]]) {
        const bob = await join(t, server);
        await subscribe(bob, '/anon/**');
        const reply = await ANONYMOUSLY[transport](`${server.url}/cometd`, { channel: '/anon/news', data: 'from nobody' });
        assert.equal(reply.successful, allowed, JSON.stringify(reply));
        await publish(bob, '/anon/end', 0);
        assert.deepEqual(await hears(bob, allowed ? 2 : 1), [...(allowed ? [['/anon/news', 'from nobody']] : []), ['/anon/end', 0]]);
      }
    });

    test('only its owner may subscribe to a private channel', async (t) => {
      const [alice, mallory] = await Promise.all([join(t, fixture, { ext: { name: 'alice' } }), join(t, fixture, { ext: { name: 'mallory' } })]);
      const guest = await join(t, fixture);
      for (const client of [mallory, guest])
        for (const pattern of ['/private/alice', '/private/*', '/private/**'])
          assert.equal((await subscribe(client, pattern)).error, '403:private:subscribe_denied', pattern);
      assert.equal((await subscribe(alice, '/private/alice')).successful, true);
      for (const client of [mallory, guest]) await subscribe(client, '/public');
      await publish(guest, '/private/alice', 'for you');
      await publish(guest, '/public', 'for all');
      assert.deepEqual(await hears(alice, 1), [['/private/alice', 'for you']]);
      for (const client of [mallory, guest]) assert.deepEqual(await hears(client, 1), [['/public', 'for all']]);
    });

    test('a closed channel and a vetoed service message are refused with a reason', async (t) => {
      const alice = await join(t, fixture);
      assert.equal((await subscribe(alice, '/den/x')).error, '403:nope:subscribe_denied');
      assert.equal((await publish(alice, '/den/x', 1)).error, '403:nope:publish_denied');
      assert.equal((await publish(alice, '/service/veto', 1)).error, '404::message_deleted');
    });

    test('a denied handshake opens no session', async (t) => {
      const { reply, cometd } = await join(t, fixture, { ext: { deny: true } });
      assert.deepEqual([reply.successful, reply.error], [false, '403::handshake_denied']);
      await until(() => cometd.isDisconnected(), 'it tries on');
    });

    test('wildcards match one segment or all below, for events of clients and of the server', async (t) => {
      const [alice, one, all] = await Promise.all([join(t, fixture), join(t, fixture), join(t, fixture)]);
      await subscribe(one, '/wide/*');
      await subscribe(all, '/wide/**');
      for (const channel of ['/wide', '/wide/a', '/wide/a/b', '/narrow/a']) await publish(alice, channel, 'client');
      await publish(alice, '/service/pub', { channel: '/wide/c/d', data: 'server' });
      await publish(alice, '/service/pub', { channel: '/wide/end', data: 'server' });
      const heard = [['/wide/a', 'client'], ['/wide/a/b', 'client'], ['/wide/c/d', 'server'], ['/wide/end', 'server']];
      assert.deepEqual(await hears(one, 2), [heard[0], heard[3]]);
      assert.deepEqual(await hears(all, 4), heard);
    });

    test('a client that the server ends stays away', async (t) => {
      const alice = await join(t, fixture);
      await publish(alice, '/service/kick', 1);
      await until(() => alice.cometd.isDisconnected(), 'it is still connected');
    });
  });
