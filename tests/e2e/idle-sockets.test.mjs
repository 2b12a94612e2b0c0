// Idle sockets let their object sleep: on workerd, with the shipped options except WEBSOCKET_TIMEOUT, after which each
// client is told by default that its network still works.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startServer } from '../../scripts/lib/server.mjs';
import { join } from './support/bayeux.mjs';
import { logged } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const SOCKETS = 1000;
const AT_ONCE = 50;
const WATCHED = 120_000; // ms

const server = await startServer({ vars: { LOG_LEVEL: 'debug', WEBSOCKET_TIMEOUT: '3600000' } });
after(() => server.stop());
const url = `${server.url}/cometd`;

/** A client that listens to the news and holds a connect. */
async function idler() {
  const socket = await Socket.open(url);
  const clientId = await socket.join();
  await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/news' });
  socket.send([{ channel: '/meta/connect', clientId, id: 'held', connectionType: 'websocket' }]);
  return socket;
}

test('a thousand idle sockets wake no object for minutes, and then all receive a publish', async () => {
  const sockets = [];
  while (sockets.length < SOCKETS) sockets.push(...(await Promise.all(Array.from({ length: AT_ONCE }, idler))));
  const starts = () => logged(server, 'object_started').filter(({ home }) => home === '/').length;
  await server.evict('/', 'hibernate');
  const before = starts();
  await sleep(WATCHED); // the condition is that nothing happens
  assert.equal(starts(), before, 'something woke the object');
  const alice = await join(url);
  await alice.ok(alice.publish('/news', 1));
  for (const socket of sockets) assert.deepEqual(await socket.next(), [{ channel: '/news', data: 1 }]);
  assert.equal(starts(), before + 1);
  sockets.forEach((socket) => socket.raw.close());
});
