// Heartbeats: they tell the server which clients are alive, and a client without an answer closes its socket.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WebSocket as NodeSocket, WebSocketServer } from 'ws';
import { heartbeat as ofCli } from '../../cli/heartbeat.js';
import { heartbeat as ofPages } from '../../public/js/heartbeat.js';
import { fixture, until } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const server = await fixture({ LOG_LEVEL: 'debug', WEBSOCKET_TIMEOUT: '600000' });
const url = `${server.url}/cometd`;

test('by default the advised timeout on a socket is 30 seconds', async () => {
  const shipped = await fixture({ WEBSOCKET_TIMEOUT: '30000' });
  const socket = await Socket.open(`${shipped.url}/cometd`);
  const [reply] = await socket.ask({ channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['websocket'] });
  assert.equal(reply.advice.timeout, 30_000);
  await socket.close(1000);
});

for (const [whose, heartbeat] of [
  ['the pages’', (every) => ofPages(NodeSocket, every)],
  ['the command line’s', ofCli],
])
  test(`${whose} socket sends heartbeats that the platform answers`, async () => {
    // An answer has as long to come: a busy machine takes its time.
    const WebSocket = heartbeat(1000);
    const socket = new WebSocket(url.replace('http', 'ws'));
    const heard = [];
    socket.on('message', (data) => heard.push(String(data)));
    await until(() => heard.length >= 3, 'no heartbeat is answered');
    assert.deepEqual(new Set(heard), new Set(['[]']));
    socket.close();
  });

test('the socket of the pages closes if nobody answers', async () => {
  const silent = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => silent.once('listening', resolve));
  const WebSocket = ofPages(NodeSocket, 50);
  const socket = new WebSocket(`ws://127.0.0.1:${silent.address().port}`);
  await new Promise((resolve) => socket.once('close', resolve));
  silent.close();
});

test('the socket of the pages silently discards messages sent while it closes', () => {
  const sent = [];
  class Closing extends EventTarget {
    CLOSING = 2;
    readyState = 1;
    send(data) {
      sent.push(data);
    }
  }
  const socket = new (ofPages(Closing))();
  socket.send('before');
  socket.readyState = socket.CLOSING;
  socket.send('meanwhile');
  assert.deepEqual(sent, ['before']);
});

test('the command line sends no heartbeat to a server that does not offer it', async () => {
  const other = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise((resolve) => other.once('listening', resolve));
  const heard = [];
  const pinged = new Promise((resolve) =>
    other.on('connection', (socket) => {
      socket.on('message', (data) => heard.push(String(data)));
      let pings = 0;
      socket.on('ping', () => (pings += 1) === 3 && resolve());
    }),
  );
  const WebSocket = ofCli(50);
  const socket = new WebSocket(`ws://127.0.0.1:${other.address().port}`);
  await pinged;
  assert.deepEqual(heard, []);
  socket.close();
  other.close();
});
