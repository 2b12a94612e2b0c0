// Server-sent events over plain HTTP: held by the object, and by the Worker.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { join } from './support/bayeux.mjs';
import { EventStream } from './support/event-stream.mjs';
import { fixture, logged, until, withFixture } from './support/server.mjs';

const ORIGIN = 'https://page.example';
for (const LINKS of ['never', 'always']) {
  const server = await fixture({ ALLOWED_ORIGINS: ORIGIN, LINKS });

  /** A session that is subscribed to a channel, and its stream. */
  async function listener(channel, { home = '/cometd', ...options } = {}) {
    const client = await join(server.url + home, { handshake: { supportedConnectionTypes: ['eventsource'] } });
    await client.ok(client.subscribe(channel));
    const stream = await EventStream.open(`${server.url}${home}/${client.clientId}`, options);
    return { client, stream };
  }

  for (const home of ['/cometd', '/cometd/chat']) {
    test(`LINKS ${LINKS}: a stream of ${home} carries events in order, and a connect beside it is answered at once`, async () => {
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

  test(`LINKS ${LINKS}: a page of another origin may open a stream if ALLOWED_ORIGINS names it, and no other page`, async () => {
    const { stream } = await listener('/chat/origin', { headers: { origin: ORIGIN } });
    assert.equal(stream.headers['access-control-allow-origin'], ORIGIN);
    assert.equal(stream.headers['access-control-allow-credentials'], 'true');
    stream.cut();
    const { stream: refused } = await listener('/chat/origin', { headers: { origin: 'https://elsewhere.example' } });
    assert.deepEqual([refused.status, await refused.refusal()], [403, [{ successful: false, error: '403::origin_not_allowed' }]]);
  });

  test(`LINKS ${LINKS}: an invalid clientId and an invalid path are answered 404`, async () => {
    for (const id of ['nobody', 'a/b/c', '%00']) {
      const stream = await EventStream.open(`${server.url}/cometd/${id}`);
      assert.equal(stream.status, 404, id);
      assert.equal((await stream.refusal())[0].successful, false);
    }
  });

  test(`LINKS ${LINKS}: a client that disconnects gets the reply on its stream, which then ends`, async () => {
    const { client, stream } = await listener('/chat/goodbye');
    await client.ok(client.send({ channel: '/meta/disconnect' }));
    assert.equal(await stream.ends(), 'end');
    const goodbye = { channel: '/meta/connect', successful: true, advice: { reconnect: 'none' } };
    assert.deepEqual(stream.events, [[goodbye]]);
  });

  test(`LINKS ${LINKS}: a session that the server ends gets the disconnect on its stream, which then ends`, async () => {
    const { client, stream } = await listener('/chat/kicked');
    await client.send({ channel: '/service/kick', data: {} });
    assert.equal(await stream.ends(), 'end');
    const { channel, successful } = stream.events[0][0];
    assert.deepEqual([channel, successful], ['/meta/disconnect', true]);
    assert.equal(await client.lives(), false);
  });

  test(`LINKS ${LINKS}: a session with the ack extension is refused a stream, and its connects are held`, async () => {
    const client = await join(`${server.url}/cometd`, { handshake: { supportedConnectionTypes: ['eventsource'], ext: { ack: true } } });
    await client.ok(client.subscribe('/chat/ack'));
    const stream = await EventStream.open(`${server.url}/cometd/${client.clientId}`);
    assert.deepEqual([stream.status, (await stream.refusal())[0].error], [403, '403::meta_connect_deliver_only']);
    const held = client.connect({ connectionType: 'eventsource' });
    const publisher = await join(`${server.url}/cometd`);
    await publisher.ok(publisher.publish('/chat/ack', 1));
    const { json } = await held;
    assert.deepEqual(json.map(({ data, ext }) => data ?? ext), [1, { ack: 2 }]);
  });

  test(`LINKS ${LINKS}: a new stream replaces the session’s old one, and events go to it alone`, async () => {
    const { client, stream } = await listener('/chat/again');
    const again = await EventStream.open(`${server.url}/cometd/${client.clientId}`);
    assert.equal(await stream.ends(), 'cut');
    await client.ok(client.publish('/chat/again', 1));
    assert.deepEqual(await again.data(1), [1]);
    assert.deepEqual(stream.events, []);
    again.cut();
    const reported = server.logs.map(({ message }) => message).filter((message) => !message.startsWith('{'));
    assert.deepEqual(reported, [], 'workerd reports no response that hung, and no exception');
  });

  test(`LINKS ${LINKS}: a client that vanishes is noticed, and its next stream begins with the events published meanwhile`, () =>
    withFixture({ LOG_LEVEL: 'debug', LINKS }, async ({ url, ...server }) => {
      const client = await join(`${url}/cometd`);
      await client.ok(client.subscribe('/away'));
      const publisher = await join(`${url}/cometd`);
      (await EventStream.open(`${url}/cometd/${client.clientId}`)).cut();
      await until(async () => {
        await publisher.ok(publisher.publish('/away', 1));
        const next = await EventStream.open(`${url}/cometd/${client.clientId}`);
        const came = await next.hears(1, 1000).then(Boolean, () => false); // published before the server knew
        next.cut();
        return came;
      }, 'nothing waits for it');
      await publisher.ok(publisher.send({ channel: '/meta/disconnect' }));
      await until(() => logged(server, 'session_closed').some(({ why }) => why === 'expired'), 'the session stays for ever');
    }));

  test(`LINKS ${LINKS}: a client that does not read is sent what its connection buffers, and later the newest queued events`, () =>
    withFixture({ MAX_QUEUE: '20', LINKS }, async ({ url }) => {
      const client = await join(`${url}/cometd`);
      await client.ok(client.subscribe('/much'));
      const stream = await EventStream.open(`${url}/cometd/${client.clientId}`);
      stream.pause();
      const publisher = await join(`${url}/cometd`);
      // More than all the buffers between two ends of a connection hold.
      const count = 300;
      for (let n = 0; n < count; n += 1) await publisher.ok(publisher.publish('/much', { n, filler: 'x'.repeat(100_000) }));
      stream.resume();
      const numbers = () => stream.events.flat().filter(({ channel }) => channel === '/much').map(({ data }) => data.n);
      await until(() => numbers().at(-1) === count - 1, () => `the last one that came is ${numbers().at(-1)}`);
      const came = numbers();
      assert.ok(came.length < count / 2, `${came.length} came`);
      assert.deepEqual(came, came.toSorted((one, other) => one - other));
      // In place of those that were lost it is told how many they are.
      const told = stream.events.flat().filter(({ channel }) => channel === '/service/dropped');
      assert.deepEqual(told.map(({ data }) => data), [{ events: count - came.length }]);
      // It has caught up, and goes on.
      await publisher.ok(publisher.publish('/much', { n: count }));
      await until(() => numbers().at(-1) === count, 'nothing more comes');
    }));
}
