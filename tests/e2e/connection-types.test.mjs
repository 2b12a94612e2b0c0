// Connection types that are off: a client that requests one gets an error (how clients go on with the others:
// cometd-fallback.test.mjs).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HANDSHAKE, join, post } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { EventStream } from './support/event-stream.mjs';
import { withFixture } from './support/server.mjs';
import { opening } from './support/websocket.mjs';

const REFUSAL = '[{"successful":false,"error":"403::connection_type_unsupported"}]';

const jsonp = (url) => request(`${url}?jsonp=cb&message=${encodeURIComponent(JSON.stringify([HANDSHAKE]))}`, { method: 'GET' });

test('a socket, a stream and a callback-poll are refused if their type is off, and the handshake names the types that are on', () =>
  withFixture({ CONNECTION_TYPES: 'long-polling' }, async ({ url }) => {
    for (const home of ['/cometd', '/cometd/chat']) {
      assert.deepEqual(await opening(url + home), [403, REFUSAL]);
      const { status, text } = await jsonp(url + home);
      assert.deepEqual([status, text], [403, REFUSAL]);
      const client = await join(url + home);
      const stream = await EventStream.open(`${url}${home}/${client.clientId}`);
      assert.deepEqual([stream.status, await stream.refusal()], [403, JSON.parse(REFUSAL)]);
    }
    const types = ['websocket', 'eventsource', 'long-polling', 'callback-polling'];
    const { json } = await post(`${url}/cometd`, [{ ...HANDSHAKE, supportedConnectionTypes: types }]);
    assert.deepEqual(json[0].supportedConnectionTypes, ['long-polling']);
  }));

test('a poll is refused if polls are off, whatever its connectionType; a handshake by POST is not, for clients of sockets', () =>
  withFixture({ CONNECTION_TYPES: 'websocket eventsource' }, async ({ url }) => {
    const { json } = await post(`${url}/cometd`, [{ ...HANDSHAKE, supportedConnectionTypes: ['long-polling', 'websocket'] }]);
    assert.deepEqual([json[0].successful, json[0].supportedConnectionTypes], [true, ['websocket']]);
    for (const connectionType of ['long-polling', 'callback-polling', 'websocket']) {
      const refused = await post(`${url}/cometd`, [{ channel: '/meta/connect', clientId: json[0].clientId, connectionType }]);
      assert.deepEqual([refused.status, refused.json[0].error], [200, '403::connection_type_unsupported'], connectionType);
    }
  }));

test('callback-polling works if sockets are off', () =>
  withFixture({ CONNECTION_TYPES: 'callback-polling long-polling' }, async ({ url }) => {
    assert.equal((await opening(`${url}/cometd`))[0], 403);
    assert.equal((await jsonp(`${url}/cometd`)).status, 200);
  }));

