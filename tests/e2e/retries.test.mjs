// The server accepted a publish, and its reply is lost: the client does not know, and publishes the same again.
import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import faye from 'faye';
import { join } from './support/bayeux.mjs';
import { FayeClient } from './support/faye-client.mjs';
import { network } from './support/network.mjs';
import { fixture, until } from './support/server.mjs';

globalThis.Faye = faye;
const server = await fixture({ HOMES: 'sharded:8', MAX_INTERVAL: '60000' });

const clients = [];
afterEach(() => Promise.all(clients.splice(0).map((client) => client.disconnect())));

/** A line that loses the first answers that say something of a channel, with the connections that they come by. */
async function badLine(channel, count) {
  const lost = [];
  const line = await network(server.port, ({ up, bytes }) => {
    if (up || lost.length === count || !bytes.includes(`"channel":"${channel}"`)) return undefined;
    lost.push(String(bytes));
    return { arrives: 0, end: 'reset' };
  });
  return { url: line.url, lost };
}

// At home with the channel's owner, and elsewhere.
for (const [home, path] of [['the owner', '/cometd/talk'], ['another object', '/cometd']])
  describe(`at home in ${home}`, () => {
    for (const transport of ['websocket', 'long-polling'])
      for (const keys of [true, false])
        test(`Faye over ${transport} repeats a publish that was not answered, ${keys ? 'with keys, and it is delivered once' : 'and it is delivered'}`, async () => {
          const channel = `/talk/${transport}${path.length}${keys}`;
          const line = await badLine(channel, 2);
          const listener = await join(`${server.url}/cometd`, { handshake: { ext: { ack: true } } });
          await listener.ok(listener.subscribe(channel));
          const client = new FayeClient({ url: `${line.url}${path}`, transports: [transport, 'long-polling'] });
          clients.push(client);
          if (keys) client.sendKeys();
          await client.subscribe('/talk/else'); // so that it talks over what it should
          for (const n of [1, 2, 3]) await client.publish(channel, n);
          assert.equal(line.lost.length, 2);
          for (const answer of line.lost) assert.match(answer, /"successful":true/, 'the server had taken it');
          const heard = [];
          for (let ack = -1; heard.at(-1) !== 3; ) {
            const answer = await listener.ok(listener.connect({ ext: { ack } }));
            ack = answer.find((message) => message.channel === '/meta/connect').ext.ack;
            for (const { channel: on, data, ext } of answer) {
              if (on !== channel) continue;
              heard.push(data);
              assert.equal(ext, undefined, 'the key goes no further');
            }
          }
          assert.deepEqual(keys ? heard : [...new Set(heard)], [1, 2, 3]);
        });
  });

test('equal messages of one session are all delivered', async () => {
  const listener = await join(`${server.url}/cometd`, { handshake: { ext: { ack: true } } });
  await listener.ok(listener.subscribe('/lamp'));
  const publisher = await join(`${server.url}/cometd`);
  const said = ['on', 'off', 'on', 'off', 'off'];
  for (const data of said) await publisher.ok(publisher.send({ channel: '/lamp', id: '7', data }));
  let heard;
  const all = async () => (heard = await listener.poll({ ext: { ack: 0 }, advice: { timeout: 100 } }));
  await until(async () => (await all()).length === said.length, () => `it heard ${heard}`);
  assert.deepEqual(heard, said);
});

test('a repeated publish is recognised after its home and owner were evicted', async () => {
  const listener = await join(`${server.url}/cometd`, { handshake: { ext: { ack: true } } });
  await listener.ok(listener.subscribe('/kept/1'));
  const publisher = await join(`${server.url}/cometd`, { headers: { 'cf-connecting-ip': '10.0.0.7' } });
  const home = `@${Number(publisher.clientId.slice(1, -22))}`;
  for (const again of [false, true]) {
    if (again) for (const object of [home, '/kept']) await server.evict(object, 'hibernate');
    const [reply] = await publisher.ok(publisher.send({ channel: '/kept/1', id: 'same', data: 'once', ext: { idempotencyKey: 'once and for all' } }));
    assert.equal(reply.id, 'same');
  }
  await publisher.ok(publisher.publish('/kept/1', 'the end'));
  // As it acknowledges nothing, each poll brings all.
  let heard;
  const all = async () => (heard = await listener.poll({ ext: { ack: 0 }, advice: { timeout: 100 } }));
  await until(async () => (await all()).includes('the end'), () => `it heard ${heard}`);
  assert.deepEqual(heard, ['once', 'the end']);
});
