// A slow client never slows others, and never fills the memory.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Network } from '../faults/network.mjs';
import { join } from './support/bayeux.mjs';
import { inGroups, memory, send } from './support/heap.mjs';
import { logged, until, withFixture } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

test('a socket whose client does not read is closed, and all others receive every event meanwhile', () =>
  withFixture({ MAX_QUEUE_BYTES: '1000000', WEBSOCKET_TIMEOUT: '600000', MAX_INTERVAL: '600000' }, async (server) => {
    const url = `${server.url}/cometd`;
    const network = await Network.open();
    network.leadTo(server.port);
    const [slow, quick] = [await Socket.open(`${network.url}/cometd`), await Socket.open(url)];
    const clientIds = [];
    for (const socket of [slow, quick]) {
      const clientId = await socket.join();
      await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/large' });
      socket.send([{ channel: '/meta/connect', clientId, id: 'held', connectionType: 'websocket' }]);
      clientIds.push(clientId);
    }
    network.wires.forEach((wire) => network.stall(wire, 60_000));
    const alice = await join(url);
    const large = randomBytes(225_000).toString('base64'); // frames are compressed
    const closed = () => logged(server, 'socket_too_slow').length;
    for (let n = 0; n < 100 && closed() === 0; n += 1) {
      await alice.ok(alice.publish('/large', { n, large }));
      const [{ data }] = await quick.next();
      assert.equal(data.n, n);
    }
    await until(closed, 'nobody noticed that it does not read');
    assert.deepEqual(logged(server, 'socket_too_slow').map(({ transport }) => transport), ['websocket'], 'the line says whose socket it is');
    network.close();
    const again = await Socket.open(url);
    const [reply] = (await again.ask({ channel: '/meta/connect', clientId: clientIds[0], connectionType: 'websocket', advice: { timeout: 0 } })).slice(-1);
    assert.equal(reply.successful, true, 'its session waits for it');
    [again, quick].forEach((socket) => socket.raw.close());
  }));

test('a request whose body does not come costs no wasm memory, however long its URL', () =>
  withFixture({ LINKS: 'never' }, async (server) => {
    const begin = () =>
      send(server, `POST /cometd?${'x'.repeat(8000)} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n[`);
    // The first ones may have tables of the runtime grow.
    const open = [await begin()];
    const before = await memory(server);
    open.push(...(await inGroups(Array.from({ length: 300 }), begin)));
    const after = await memory(server);
    // Those that had not arrived by then are counted now.
    const later = await memory(server);
    for (const { allocated } of [after, later]) assert.ok(allocated - before.allocated < 300 * 1000, `${allocated - before.allocated} bytes`);
    open.forEach((socket) => socket.on('error', () => {}).destroy());
  }));
