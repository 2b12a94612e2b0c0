// POE's scenarios with cometd.js, over each transport: private channels, services, the reply-bot, wildcards, a server that ends
// a session.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { startServer } from '../../scripts/lib/server.mjs';
import { until } from './support/server.mjs';

adapt(); // gives cometd.js the XMLHttpRequest that Node does not have

const fixture = await startServer({ fixture: true });
const shipped = await startServer({ vars: { AUTOBOT: 'true' } });
after(() => Promise.all([fixture.stop(), shipped.stop()]));

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
    const hears = ({ heard }, count) => until(() => heard.length >= count && heard, `it heard only ${JSON.stringify(heard)}`);

    test('the bot answers who writes in /chat/demo, and says so to all', async (t) => {
      const [alice, bob] = await Promise.all([join(t, shipped), join(t, shipped)]);
      await subscribe(bob, '/chat/*');
      await publish(alice, '/chat/demo', { name: 'Alice', text: 'hello' });
      const answer = { name: 'Autobot', text: 'I got your message, Alice' };
      assert.deepEqual(await hears(bob, 2), [['/chat/demo', { name: 'Alice', text: 'hello' }], ['/chat/demo', answer]]);
    });

    test('a service answers the sender', async (t) => {
      const alice = await join(t, fixture);
      const answered = new Promise((resolve) => alice.cometd.addListener('/service/echo', resolve));
      assert.equal((await publish(alice, '/service/echo', { a: 1 })).successful, true);
      assert.deepEqual((await answered).data, { a: 1 });
    });

    test('a private channel takes and gives nothing, and says why', async (t) => {
      const alice = await join(t, fixture);
      assert.equal((await subscribe(alice, '/den/x')).error, '403:nope:subscribe_denied');
      assert.equal((await publish(alice, '/den/x', 1)).error, '403:nope:publish_denied');
      assert.equal((await publish(alice, '/service/veto', 1)).error, '404::message_deleted');
    });

    test('a handshake without leave opens nothing', async (t) => {
      const { reply, cometd } = await join(t, fixture, { ext: { deny: true } });
      assert.deepEqual([reply.successful, reply.error], [false, '403::handshake_denied']);
      await until(() => cometd.isDisconnected(), 'it tries on');
    });

    test('a wildcard hears what the server publishes', async (t) => {
      const [alice, bob] = await Promise.all([join(t, fixture), join(t, fixture)]);
      await subscribe(bob, '/wide/**');
      await publish(alice, '/service/pub', { channel: '/wide/a/b', data: 1 });
      assert.deepEqual(await hears(bob, 1), [['/wide/a/b', 1]]);
    });

    test('a client that the server ends stays away', async (t) => {
      const alice = await join(t, fixture);
      await publish(alice, '/service/kick', 1);
      await until(() => alice.cometd.isDisconnected(), 'it is still connected');
    });
  });
