// The replay extension of public/js/replay.js with its clients, against workerd: a client that comes back gets the
// missed events.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import faye from 'faye';
import { Replay } from '../../public/js/replay.js';
import { join } from './support/bayeux.mjs';
import { fixture, until } from './support/server.mjs';

adapt();
const server = await fixture();
const url = `${server.url}/cometd`;

const upTo = (first, last) => Array.from({ length: last - first + 1 }, (_, at) => ({ n: first + at }));

async function say(channel, ...numbers) {
  const alice = await join(url);
  for (const n of numbers) await alice.publish(channel, { n });
}

/** A page's life: what it hears, until it closes. */
const CLIENTS = {
  async 'cometd.js'(replay, channel) {
    const heard = [];
    const cometd = new CometD();
    cometd.registerExtension('replay', replay);
    cometd.configure({ url, logLevel: 'warn' });
    const subscribed = new Promise((resolve) =>
      cometd.handshake(({ successful }) => successful && cometd.subscribe(channel, ({ data }) => heard.push(data), resolve)));
    return { heard, reply: await subscribed, close: () => new Promise((resolve) => cometd.disconnect(resolve)) };
  },
  async Faye(replay, channel) {
    const heard = [];
    const client = new faye.Client(url);
    client.addExtension(replay);
    await client.subscribe(channel, (data) => heard.push(data));
    return { heard, close: () => client.disconnect() };
  },
};

for (const [name, open] of Object.entries(CLIENTS))
  test(`${name} receives kept events, and after an absence the missed ones, unchanged and once`, async () => {
    const channel = `/hist/${name.replace('.', '-')}`;
    await say(channel, 1, 2);
    const numbers = {};
    const store = { load: () => ({ ...numbers }), save: (heard) => Object.assign(numbers, heard) };
    const first = await open(new Replay({ from: 'all', store }), channel);
    await say(channel, 3);
    await until(() => first.heard.length === 3, () => JSON.stringify(first.heard));
    assert.deepEqual(first.heard, upTo(1, 3));
    await first.close();
    await say(channel, 4, 5);
    const second = await open(new Replay({ from: 'all', store }), channel);
    await say(channel, 6);
    await until(() => second.heard.length === 3, () => JSON.stringify(second.heard));
    assert.deepEqual(second.heard, upTo(4, 6));
    await second.close();
  });

test('a client that was away too long gets an error, and all kept events with the next subscribe', async () => {
  await say('/hist/late', 1);
  const missed = [];
  const replay = new Replay({ store: { load: () => ({ '/hist/late': 82 }), save() {} }, onMissed: (name) => missed.push(name) });
  const refused = await CLIENTS['cometd.js'](replay, '/hist/late');
  assert.equal(refused.reply.error, '400:/hist/late,82:replay_id_not_kept');
  assert.deepEqual(missed, ['/hist/late']);
  await refused.close();
  const again = await CLIENTS['cometd.js'](replay, '/hist/late');
  await until(() => again.heard.length === 1, 'nothing came');
  await again.close();
});
