// What cometd.js does if its best transport does not get through.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { hears, inChromium, inNode, settles } from './support/cometd.mjs';
import { network } from './support/network.mjs';

const ALL = ['websocket', 'long-polling', 'callback-polling'];

const chromium = await inChromium();
const start = async (vars) => {
  const server = await startServer({ fixture: true, vars });
  after(() => server.stop());
  return server;
};
const [open, pollsOnly, closed, scripts] = await Promise.all([
  start({ ALLOWED_ORIGINS: chromium.origin }),
  start({ ALLOWED_ORIGINS: chromium.origin, CONNECTION_TYPES: 'long-polling callback-polling' }),
  start({}),
  start({ ALLOWED_ORIGINS: '*', CONNECTION_TYPES: 'callback-polling' }),
]);

/** What a proxy that does not know WebSockets makes of one. */
const oldProxy = await network(open.port, ({ up, bytes }) => up && /\r\nupgrade: *websocket/i.test(bytes) && { arrives: 0, end: 'finish' });

async function talk(t, runtime, address, transport) {
  const client = await runtime.open({ url: `${address}/cometd`, transports: ALL });
  t.after(() => client.disconnect().catch(() => {})); // its page may be gone
  await client.handshake();
  await settles(client);
  assert.equal(await client.transport(), transport);
  await client.subscribe('/left');
  assert.equal((await client.publish('/left', 1)).successful, true);
  assert.deepEqual(await hears(client, 1), [['/left', 1]]);
}

for (const [name, runtime] of [['Node', inNode()], ['Chromium', chromium]])
  describe(`cometd.js in ${name}`, () => {
    test('polls if the server offers no WebSocket', (t) => talk(t, runtime, pollsOnly.url, 'long-polling'));
    test('polls if no WebSocket gets through', (t) => talk(t, runtime, oldProxy.url, 'long-polling'));
  });

test('cometd.js in Chromium cannot connect from an origin that is not allowed, not even by callback-polling', async (t) => {
  const client = await chromium.open({ url: `${closed.url}/cometd`, transports: ALL });
  t.after(() => client.disconnect().catch(() => {}));
  assert.equal((await client.handshake()).successful, false);
});

test('cometd.js in Chromium uses callback-polling if ALLOWED_ORIGINS is * and nothing else is offered', (t) =>
  talk(t, chromium, scripts.url, 'callback-polling'));
