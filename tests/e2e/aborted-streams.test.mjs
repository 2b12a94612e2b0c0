// Clients that break off their event streams leave nothing in the wasm heap, which all objects share.
//
// Some reset their connection, which workerd tells the object at once. The others close it in order, which the platform
// notices when it next writes to it: their streams are overtaken by the next one of the same session first.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { HANDSHAKE, post } from './support/bayeux.mjs';
import { disconnect, inGroups, memory, send, settled, vanish } from './support/heap.mjs';
import { fixture } from './support/server.mjs';

/** `rounds` times `clients` new sessions, each of which breaks off `streams` streams, one after the other. */
const WARM_UP = { rounds: 1, clients: 500, streams: 2 };
const BREAKS = { rounds: 5, clients: 100, streams: 10 };
const total = ({ rounds, clients, streams }) => rounds * clients * streams;

/** About 3 bytes for each stream: a queue or table that once more doubles its room is no leak. */
const NOISE = 16 * 1024; // bytes

// Longer than a crowd takes for one turn on a busy machine.
const VARS = { MAX_INTERVAL: '10000', LOG_LEVEL: 'debug' };
let server;
/** Of so many sessions one expires. */
const SHARE = 10;

for (const LINKS of ['never', 'always']) test(`${total(BREAKS)} streams that are broken off leave the wasm heap as it was, LINKS=${LINKS}`, async (t) => {
  server = await fixture({ ...VARS, LINKS });
  const untouched = await memory(server);
  const held = await breakOff(WARM_UP);
  // Once more as below: what the heap keeps free between the pieces in use is there from then on.
  await breakOff({ ...BREAKS, rounds: 1 });
  assert.ok(held > untouched.allocated + WARM_UP.clients * 100, 'an open stream is seen in the figures at all');
  const before = await settled(server);
  await breakOff(BREAKS);
  const after = await settled(server);
  const reported = server.logs.map(({ message }) => message).filter((message) => !message.startsWith('{'));
  assert.deepEqual(reported.slice(0, 3), [], 'workerd reports no response that hung, and no exception');
  t.diagnostic(`in use at first ${untouched.allocated}, with ${WARM_UP.clients} streams open ${held}, after the first breaks ${before.allocated}, after ${total(BREAKS)} more ${after.allocated} bytes; the heap has ${before.pages} and ${after.pages} pages`);
  assert.ok(after.allocated - before.allocated < NOISE, `${after.allocated - before.allocated} bytes more are in use`);
  assert.ok(after.pages <= before.pages + 1, `the heap grew from ${before.pages} to ${after.pages} pages`);
});

/** Opens streams and breaks them off; how much of the heap was in use at the most meanwhile. */
async function breakOff({ rounds, clients, streams }) {
  let most = 0;
  for (let round = 0; round < rounds; round += 1) {
    const ids = await inGroups(Array(clients).fill(), async () => (await post(`${server.url}/cometd`, [HANDSHAKE])).json[0].clientId);
    for (let turn = 1; turn <= streams; turn += 1) {
      const open = await inGroups(ids, listen);
      most = Math.max(most, (await memory(server)).allocated);
      await Promise.all(open.map((socket, at) => vanish(socket, turn === streams || (at + turn) % 2 === 0)));
    }
    await disconnect(server, ids.filter((_, at) => at % SHARE > 0));
  }
  return most;
}

/** The connection of a stream that has begun. */
async function listen(clientId) {
  const socket = await send(server, `GET /cometd/${clientId} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n`);
  const [head] = await once(socket, 'data');
  assert.match(String(head), /^HTTP\/1.1 200 /);
  return socket;
}
