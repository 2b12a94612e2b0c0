// Clients that vanish while their connect is held leave nothing in the wasm heap, which all objects share.
//
// Half of them reset their connection, which workerd reports to the object. The other half close it in order, which
// workerd does not report: those connects end at the session's next connect, or with the session. In the end most
// sessions disconnect, and the others expire.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HANDSHAKE, post } from './support/bayeux.mjs';
import { disconnect, inGroups, memory, send, settled, vanish } from './support/heap.mjs';
import { fixture } from './support/server.mjs';

/** `rounds` times `clients` new sessions, each of which aborts `polls` polls, one after the other. */
const WARM_UP = { rounds: 1, clients: 1000, polls: 2 };
/** Fewer at a time: tables that grow with what is held at a time, and keep their room, have it since the warm-up. */
const ABORTS = { rounds: 5, clients: 200, polls: 10 };
const total = ({ rounds, clients, polls }) => rounds * clients * polls;

/** About 3 bytes for each aborted poll: a queue or table that once more doubles its room is no leak. */
const NOISE = 32 * 1024; // bytes

// Longer than a crowd takes for one turn on a busy machine.
const VARS = { TIMEOUT: '5000', MAX_INTERVAL: '10000', LOG_LEVEL: 'debug' };
/** Of so many sessions one expires. */
const SHARE = 10;
let server;
let url;

for (const LINKS of ['never', 'always']) test(`${total(ABORTS)} aborted polls leave the wasm heap as it was, LINKS=${LINKS}`, async (t) => {
  server = await fixture({ ...VARS, LINKS });
  url = `${server.url}/cometd`;
  const untouched = await memory(server);
  const held = await abort(WARM_UP);
  // Once more as below: what the heap keeps free between the pieces in use is there from then on.
  await abort({ ...ABORTS, rounds: 1 });
  assert.ok(held > untouched.allocated + WARM_UP.clients * 100, 'a held poll is seen in the figures at all');
  const before = await settled(server);
  await abort(ABORTS);
  const after = await settled(server);
  t.diagnostic(`in use at first ${untouched.allocated}, with ${WARM_UP.clients} polls held ${held}, after the first aborts ${before.allocated}, after ${total(ABORTS)} more ${after.allocated} bytes; the heap has ${before.pages} and ${after.pages} pages`);
  assert.ok(after.allocated - before.allocated < NOISE, `${after.allocated - before.allocated} bytes more are in use`);
  assert.ok(after.pages <= before.pages + 1, `the heap grew from ${before.pages} to ${after.pages} pages`);
});

/** Aborts polls; how much of the heap was in use at the most while they were held. */
async function abort({ rounds, clients, polls }) {
  let most = 0;
  for (let round = 0; round < rounds; round += 1) {
    const clientIds = await inGroups(Array(clients).fill(), newSession);
    for (let turn = 0; turn < polls; turn += 1) {
      const sockets = await inGroups(clientIds, poll);
      // In every second turn the polls break off as they come, in the others when the object surely has them.
      if (turn % 2 === 0) most = Math.max(most, (await memory(server)).allocated);
      await Promise.all(sockets.map((socket, at) => vanish(socket, (at + turn) % 2 === 0)));
    }
    await disconnect(server, clientIds.filter((_, at) => at % SHARE > 0));
  }
  return most;
}

async function newSession() {
  const { clientId } = (await post(url, [HANDSHAKE])).json[0];
  await post(url, [{ channel: '/meta/connect', connectionType: 'long-polling', clientId }]);
  return clientId;
}

/** Sends a connect on a connection of its own. */
function poll(clientId) {
  const body = JSON.stringify([{ channel: '/meta/connect', connectionType: 'long-polling', clientId }]);
  const request = `POST /cometd HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  return send(server, request);
}
