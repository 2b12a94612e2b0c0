// bayeux-edge/client in Node, against the server itself.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { connect, Lost, Refused } from '../../packages/bayeux-edge/client/node.js';
import { startServer } from '../../scripts/lib/server.mjs';
import { jwt, keyFor, seconds } from '../e2e/support/jwt.mjs';
import { until } from '../e2e/support/server.mjs';

const key = keyFor('HS256');
const server = await startServer({
  vars: { TREES: '/**', ACCESS_RULES: 'anyone * /open/**; anyone * /service/*', PRESENCE: '/open/here', MAX_INTERVAL: '2000' },
});
const guarded = await startServer({ vars: { TREES: '/**', TOKEN_KEYS: JSON.stringify({ keys: [key.jwk] }) } });
const clients = [];
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await Promise.all([server.stop(), guarded.stop()]);
});

function client({ url = server.url, ...options } = {}) {
  const made = connect(`${url}/cometd`, options);
  clients.push(made);
  return made;
}

const token = (claims) => jwt({ alg: 'HS256' }, { sub: 'alice', ...claims }, key);

async function take(messages, count) {
  const taken = [];
  for await (const { data } of messages) if (taken.push(data) === count) break;
  return taken;
}

for (const transport of ['websocket', 'long-polling'])
  test(`listeners and loops get messages, over ${transport}`, async () => {
    const [alice, bob] = [client({ transports: [transport] }), client({ transports: [transport] })];
    const heard = [];
    const listening = bob.subscribe('/open/a', ({ data }) => heard.push(data));
    const looping = bob.subscribe('/open/a');
    const taken = take(looping, 3);
    await Promise.all([listening.ready, looping.ready]);
    assert.equal(bob.transport, transport);
    for (const data of [1, 2, 3]) await alice.publish('/open/a', data);
    assert.deepEqual(await taken, [1, 2, 3]);
    assert.deepEqual(heard, [1, 2, 3]);
    assert.equal(looping.state, 'ended', 'a loop that is left unsubscribes');
    assert.equal(listening.state, 'subscribed', 'but only itself');
  });

test('presence has the members of a channel, and then who joins and leaves', async () => {
  const [alice, bob] = [client(), client()];
  const changes = [];
  await alice.subscribe('/open/here', () => {}).ready;
  const presence = alice.presence('/open/here', (_, change) => changes.push(change));
  await presence.ready;
  await until(() => presence.count === 1);
  const there = bob.subscribe('/open/here', () => {});
  await until(() => presence.count === 2);
  assert.equal(presence.members.length, 2);
  const later = alice.presence('/open/here');
  assert.equal(later.count, 2, 'whoever asks later knows what is known');
  there.cancel();
  await until(() => presence.count === 1);
  const [, second] = changes.flatMap(({ joined }) => joined);
  assert.deepEqual(changes.at(-1), { joined: [], left: [second] });
  later.cancel();
  presence.cancel();
  const refused = alice.presence('/open/a');
  await assert.rejects(refused.ready, Refused);
});

test('a refused subscription fails, and the others go on', async () => {
  const alice = client();
  const [closed, open] = [alice.subscribe('/closed'), alice.subscribe('/open/b')];
  await assert.rejects(closed.ready, (error) => error instanceof Refused && error.code === 403);
  await assert.rejects(take(closed, 1), Refused);
  await open.ready;
  assert.equal(alice.state, 'connected');
  await assert.rejects(alice.publish('/closed', 1), { name: 'Refused', code: 403 });
});

test('messages that came before the loop began are not lost', async () => {
  const alice = client();
  const [looping, listening] = [alice.subscribe('/open/early'), alice.subscribe('/open/early', () => heard.resolve())];
  const heard = Promise.withResolvers();
  await looping.ready;
  await alice.publish('/open/early', 1);
  await heard.promise;
  assert.deepEqual(await take(looping, 1), [1]);
  listening.cancel();
});

test('a signal ends a subscription, and the loop over it', async () => {
  const alice = client();
  const controller = new AbortController();
  const subscription = alice.subscribe('/open/c', { signal: controller.signal });
  await subscription.ready;
  const none = take(subscription, 1);
  controller.abort();
  assert.deepEqual(await none, []);
});

test('each request to a service gets its own answer', async () => {
  const alice = client();
  assert.deepEqual(await Promise.all([1, 2, 3].map((data) => alice.request('echo', data))), [1, 2, 3]);
  await assert.rejects(alice.request('math', { left: 1, operator: '/', right: 0 }), { name: 'Refused', code: 422 });
});

test('after a break it reconnects and subscribes again; publishes wait for that', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'bayeux-client-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  let mortal = await startServer();
  const { port, url } = mortal;
  const alice = client({ url });
  const states = [];
  alice.onState((state, { anew }) => states.push(anew ? `${state} anew` : state));
  const news = alice.subscribe('/news');
  const heard = [];
  const listening = (async () => {
    for await (const { data } of news) if (heard.push(data) === 2) break;
  })();
  await news.ready;
  await alice.publish('/news', 1);
  await until(() => heard.length === 1, 'the first message is not heard');
  await mortal.stop();
  await until(() => alice.state === 'reconnecting', 'the break is not noticed');
  const published = alice.publish('/news', 2);
  mortal = await startServer({ port });
  t.after(() => mortal.stop());
  await published;
  await listening;
  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual(states, ['connected anew', 'reconnecting', 'connected anew']);
});

test('a token is requested at the start, and when one is refused', async () => {
  const tokens = [token({ exp: seconds() - 3600 }), token()];
  const alice = client({ url: guarded.url, token: async () => tokens.shift() });
  await alice.ready;
  assert.deepEqual(tokens, []);
});

test('a token that is refused again closes the client, with the reason', async () => {
  let asked = 0;
  const alice = client({ url: guarded.url, token: () => ((asked += 1), token({ exp: 1 })) });
  await assert.rejects(alice.ready, { name: 'Refused', error: '403::token_expired' });
  assert.equal(asked, 2);
  assert.equal(alice.state, 'closed');
  await assert.rejects(alice.publish('/a', 1), Refused);
  await assert.rejects(alice.subscribe('/a').ready, Refused);
});

test('a new token is requested before the old one expires', async () => {
  let asked = 0;
  const alice = client({ url: guarded.url, token: () => ((asked += 1), token({ exp: seconds() + (asked === 1 ? 10 : 3600) })) });
  await alice.ready;
  await until(() => asked === 2, 'nobody asks for another one', 20_000);
});

test('a closed client stays closed', async () => {
  const alice = client();
  const subscription = alice.subscribe('/open/d');
  await subscription.ready;
  const none = take(subscription, 1);
  await alice.close();
  assert.deepEqual(await none, []);
  await assert.rejects(alice.publish('/open/d', 1), Lost);
});
