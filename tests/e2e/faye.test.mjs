// Faye's client from npm, in Node: over WebSocket and long-polling, the transports that it has there (in Chromium:
// faye-browser.test.mjs).
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import faye from 'faye';
import { startServer } from '../../scripts/lib/server.mjs';
import { FayeClient } from './support/faye-client.mjs';
import { fixture, until } from './support/server.mjs';

globalThis.Faye = faye;
const server = await fixture();

const clients = [];
afterEach(() => Promise.all(clients.splice(0).map((client) => client.disconnect())));

/** Once it has heard as many, all that it has heard. */
const hears = (client, count) =>
  until(() => client.heard().length >= count && client.heard(), () => `it heard ${client.heard().length} of ${count}`);
const upTo = (count) => Array.from({ length: count }, (_, at) => at);

for (const transport of ['websocket', 'long-polling']) {
  const open = ({ url } = server) => {
    // It shakes hands by a poll, whatever it talks over.
    const client = new FayeClient({ url: `${url}/cometd`, transports: [transport, 'long-polling'] });
    clients.push(client);
    return client;
  };

  describe(`Faye in Node over ${transport}`, () => {
    test('two talk both ways, and each publish is confirmed', async () => {
      const [alice, bob] = [open(), open()];
      for (const client of [alice, bob]) await client.subscribe('/talk');
      await alice.publish('/talk', { text: 'hi' });
      await hears(bob, 1);
      await bob.publish('/talk', { text: 'hello' });
      for (const client of [alice, bob]) {
        assert.deepEqual(await hears(client, 2), [{ text: 'hi' }, { text: 'hello' }]);
        assert.equal(client.transport(), transport);
      }
    });

    test('wildcards match one segment, or one and more', async () => {
      const [alice, bob, carol] = [open(), open(), open()];
      await bob.subscribe('/w/*');
      await carol.subscribe('/w/**');
      for (const channel of ['/w/a', '/w/a/b', '/w/c']) await alice.publish(channel, channel);
      assert.deepEqual(await hears(carol, 3), ['/w/a', '/w/a/b', '/w/c']);
      assert.deepEqual(await hears(bob, 2), ['/w/a', '/w/c']);
    });

    test('a hundred messages come in order', async () => {
      const [alice, bob] = [open(), open()];
      await bob.subscribe('/many');
      for (const at of upTo(100)) await alice.publish('/many', at);
      assert.deepEqual(await hears(bob, 100), upTo(100));
    });

    test('after an unsubscribe it receives no more events', async () => {
      const [alice, bob] = [open(), open()];
      for (const channel of ['/gone', '/kept']) await bob.subscribe(channel);
      await bob.unsubscribe('/gone');
      await alice.publish('/gone', 1);
      await alice.publish('/kept', 2);
      assert.deepEqual(await hears(bob, 1), [2]);
    });

    test('fields that its extensions add to a message are delivered', async () => {
      const [alice, bob] = [open(), open()];
      alice.extend('/extended', { token: 'abc' });
      bob.extend('/extended', undefined);
      await bob.subscribe('/extended');
      await alice.publish('/extended', 'x');
      assert.deepEqual(await hears(bob, 1), [['x', { token: 'abc' }]]);
    });

    test('a denial by the policy is reported with its reason', async () => {
      const alice = open();
      const denied = ({ code, params, message }) => code === 403 && params[0] === 'denied_by_security_policy' && message.endsWith('_denied');
      await assert.rejects(alice.subscribe('/auth/x'), denied);
      await assert.rejects(alice.publish('/auth/x', 1), denied);
    });

    test('after a crash of the server it shakes hands, subscribes and publishes again by itself', async (t) => {
      const first = await startServer({ fixture: true });
      const [alice, bob] = [open(first), open(first)];
      await bob.subscribe('/lasting');
      await alice.publish('/lasting', 'before');
      await hears(bob, 1);
      const clientId = bob.clientId();
      process.kill(first.pid, 'SIGKILL');
      await first.ended;
      const second = await startServer({ fixture: true, port: first.port });
      t.after(() => second.stop());
      await until(() => bob.clientId() && bob.clientId() !== clientId, 'it does not shake hands', 20_000);
      // Until the subscription is there nobody hears.
      await until(async () => {
        await Promise.race([alice.publish('/lasting', 'after'), second.ended]);
        return bob.heard().includes('after');
      }, 'it hears nothing more');
      await Promise.all(clients.splice(0).map((client) => client.disconnect()));
    });
  });
}

test('it may ask for 300 channels of 300 new trees at once', { timeout: 120_000 }, async (t) => {
  // On a busy machine 300 new objects take longer than the fixture waits for a client.
  const { url, stop } = await startServer({ fixture: true, vars: { MAX_INTERVAL: '120000' } });
  t.after(stop);
  const client = new FayeClient({ url: `${url}/cometd`, transports: ['websocket', 'long-polling'] });
  clients.push(client);
  await Promise.all(upTo(300).map((at) => client.subscribe(`/new-${at}/x`)));
  for (const at of [0, 150, 299]) await client.publish(`/new-${at}/x`, at);
  assert.deepEqual((await hears(client, 3)).sort((a, b) => a - b), [0, 150, 299]);
  await clients.splice(clients.indexOf(client), 1)[0].disconnect();
});
