// The most used client: cometd.js from npm, in Node.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { hears, inNode, sees, settles } from './support/cometd.mjs';
import { talks } from './support/cometd-talks.mjs';
import { network } from './support/network.mjs';
import { fixture, until } from './support/server.mjs';

const server = await fixture();
const line = await network(server.port);
const runtime = inNode();
for (const transport of ['long-polling', 'websocket']) talks({ name: 'Node', runtime, server, line, transport });

/** A client that has shaken hands, and is gone after the test. */
async function joined(t, transports, { url = server.url } = {}) {
  const client = await runtime.open({ url: `${url}/cometd`, transports });
  t.after(() => client.disconnect());
  const { successful } = await client.handshake();
  assert.ok(successful);
  return client;
}

const data = (heard) => heard.map(([, each]) => each);
const upTo = (count) => Array.from({ length: count }, (_, at) => at);

test('cometd.js prefers a WebSocket', async (t) => {
  assert.equal((await joined(t, ['callback-polling', 'long-polling', 'websocket'])).transport(), 'websocket');
});

test('clients on a socket and on polls receive each other’s events', async (t) => {
  const [alice, bob] = [await joined(t, ['websocket']), await joined(t, ['long-polling'])];
  for (const client of [alice, bob]) await client.subscribe('/mixed');
  await alice.publish('/mixed', 'socket');
  await hears(bob, 1);
  await bob.publish('/mixed', 'poll');
  for (const client of [alice, bob]) assert.deepEqual(data(await hears(client, 2)), ['socket', 'poll']);
});

test('on a socket events come without a reply to the connect', async (t) => {
  const [alice, bob] = [await joined(t, ['websocket']), await joined(t, ['websocket'])];
  await bob.subscribe('/ahead');
  const connects = () => bob.meta().filter(({ channel }) => channel === '/meta/connect').length;
  await until(() => connects() >= 2, 'no held connect came to its end'); // the next one has just begun
  for (const at of upTo(100)) await alice.publish('/ahead', at);
  assert.deepEqual(data(await hears(bob, 100)), upTo(100));
  assert.ok(connects() <= 3, `${connects()} connects were answered`);
});

for (const transport of ['long-polling', 'websocket']) {
  test(`over ${transport} a thousand messages of two publishers each arrive once, in the order of each`, async (t) => {
    const [alice, bob, ...listeners] = await Promise.all(upTo(5).map(() => joined(t, [transport])));
    await Promise.all(listeners.map((client) => client.subscribe('/many')));
    const flood = async (client, name) => {
      for (let at = 0; at < 500; at += 10) await Promise.all(upTo(10).map((more) => client.publish('/many', [name, at + more])));
    };
    await Promise.all([flood(alice, 'a'), flood(bob, 'b')]);
    for (const listener of listeners) {
      const heard = data(await hears(listener, 1000));
      assert.equal(heard.length, 1000);
      for (const name of ['a', 'b']) assert.deepEqual(heard.filter(([from]) => from === name).map(([, at]) => at), upTo(500));
    }
  });

  test(`over ${transport} clients recover by themselves when the server comes back after a crash without its storage`, async (t) => {
    const first = await startServer({ fixture: true });
    const [alice, bob] = [await joined(t, [transport], first), await joined(t, [transport], first)];
    await bob.subscribe('/chat/demo');
    await alice.publish('/chat/demo', 'before');
    await hears(bob, 1);
    for (const client of [alice, bob]) await settles(client);

    process.kill(first.pid, 'SIGKILL');
    await first.ended;
    for (const client of [alice, bob]) await sees(client, '/meta/connect', ({ successful }) => !successful, 'it does not notice');
    const second = await startServer({ fixture: true, port: first.port });
    t.after(() => second.stop());

    // What is published before both are back may get lost, so it is said until it is heard.
    await until(
      async () => {
        if (alice.status() === 'connected') await alice.publish('/chat/demo', 'after');
        return data(bob.heard()).includes('after');
      },
      'they do not find each other again',
      15_000,
    );
  });
}
