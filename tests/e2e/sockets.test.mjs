// What a WebSocket does besides carrying messages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const { url } = await fixture();

test('a heartbeat of Faye’s clients comes back as it went, whatever the object does', async () => {
  const socket = await Socket.open(`${url}/cometd`);
  socket.send('[]');
  assert.deepEqual(await socket.next(), []);
  await socket.join();
  socket.send('[]');
  assert.deepEqual(await socket.next(), []);
  await socket.close(1000);
});
