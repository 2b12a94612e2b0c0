// Server-sent events over plain HTTP.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from './support/bayeux.mjs';
import { EventStream } from './support/event-stream.mjs';
import { fixture } from './support/server.mjs';

const ORIGIN = 'https://page.example';
const server = await fixture({ ALLOWED_ORIGINS: ORIGIN });

/** A session that is subscribed to a channel, and its stream. */
async function listener(channel, { home = '/cometd', ...options } = {}) {
  const client = await join(server.url + home, { handshake: { supportedConnectionTypes: ['eventsource'] } });
  await client.ok(client.subscribe(channel));
  const stream = await EventStream.open(`${server.url}${home}/${client.clientId}`, options);
  return { client, stream };
}

for (const home of ['/cometd', '/cometd/chat']) {
  test(`a stream of ${home} brings what is published, in order, and a connect beside it is answered at once`, async () => {
    const { client, stream } = await listener('/chat/stream', { home });
    assert.equal(stream.status, 200);
    assert.equal(stream.headers['content-type'], 'text/event-stream;charset=UTF-8');
    assert.match(stream.headers['cache-control'], /no-store/);
    const publisher = await join(server.url + home);
    for (const text of ['one\ntwo', 'ü', '\u2028']) await publisher.ok(publisher.publish('/chat/stream', { text }));
    assert.deepEqual(await stream.data(3), [{ text: 'one\ntwo' }, { text: 'ü' }, { text: '\u2028' }]);
    const [reply] = await client.ok(client.connect({ connectionType: 'eventsource' }));
    assert.deepEqual(reply.advice, { reconnect: 'retry', interval: 3000, timeout: 0 });
    stream.cut();
  });
}

test('a page of another origin may open one where that is allowed, and no other page', async () => {
  const { stream } = await listener('/chat/origin', { headers: { origin: ORIGIN } });
  assert.equal(stream.headers['access-control-allow-origin'], ORIGIN);
  assert.equal(stream.headers['access-control-allow-credentials'], 'true');
  stream.cut();
  const { stream: refused } = await listener('/chat/origin', { headers: { origin: 'https://elsewhere.example' } });
  assert.deepEqual([refused.status, await refused.refusal()], [403, [{ successful: false, error: '403::origin_not_allowed' }]]);
});

test('a clientId that is none is answered 404, and a path that is none too', async () => {
  for (const id of ['nobody', 'a/b/c', '%00']) {
    const stream = await EventStream.open(`${server.url}/cometd/${id}`);
    assert.equal(stream.status, 404, id);
    assert.equal((await stream.refusal())[0].successful, false);
  }
});

test('a client that says goodbye is told so on its stream, which ends', async () => {
  const { client, stream } = await listener('/chat/goodbye');
  await client.ok(client.send({ channel: '/meta/disconnect' }));
  assert.equal(await stream.ends(), 'end');
  const goodbye = { channel: '/meta/connect', successful: true, advice: { reconnect: 'none' } };
  assert.deepEqual(stream.events, [[goodbye]]);
});
