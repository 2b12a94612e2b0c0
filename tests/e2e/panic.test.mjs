// A panic, as a bug in an application causes it, fails only its message, and affects nobody else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crowd, join } from './support/bayeux.mjs';
import { fixture } from './support/server.mjs';

const ROUNDS = 50;

// No connect times out while this file runs: what is answered was answered for a reason.
const { url } = await fixture({ TIMEOUT: '60000', MAX_INTERVAL: '60000' });

const FAILED = [200, false, '500::internal_error'];

/** The status of an answer, and what its reply to the service's message says. */
function outcome({ status, json }) {
  const reply = json.find(({ channel }) => channel === '/service/panic');
  return [status, reply?.successful, reply?.error];
}

test(`${ROUNDS} panics: each is answered at once, and the pending polls of all objects live on`, async () => {
  const homes = [
    { url: `${url}/cometd`, size: 100, channel: '/talk' },
    { url: `${url}/cometd/one`, size: 20, channel: '/one/talk' },
    { url: `${url}/cometd/two`, size: 20, channel: '/talk/two' },
  ];
  for (const home of homes) {
    home.crowd = await crowd(home.url, home.size, home.channel);
    home.publisher = await join(home.url);
  }
  const culprit = await join(homes[0].url);
  const everyone = homes.flatMap(({ crowd }) => crowd);

  for (let round = 0; round < ROUNDS; round += 1) {
    let answered = 0;
    const polls = everyone.map((client) => client.poll().finally(() => (answered += 1)));
    // Answered after all those connects were sent, on a connection that comes after theirs.
    await Promise.all(homes.map(({ publisher }) => publisher.call('/service/echo')));

    const started = performance.now();
    assert.deepEqual(outcome(await culprit.publish('/service/panic', {})), FAILED);
    assert.ok(performance.now() - started < 1000, 'at once');
    assert.equal(answered, 0, 'the others still wait');

    await Promise.all(homes.map(({ publisher, channel }) => publisher.ok(publisher.publish(channel, round))));
    assert.deepEqual(await Promise.all(polls), everyone.map(() => [round]));
  }

  const survivors = await Promise.all([culprit, ...everyone].map((client) => client.lives()));
  assert.ok(survivors.every(Boolean), 'every session lives');
});

test('in a batch the messages before and after one that panics are handled', async () => {
  const [alice, bob] = await Promise.all([join(`${url}/cometd/batch`), join(`${url}/cometd/batch`)]);
  await bob.ok(bob.subscribe('/batch'));
  const held = bob.poll();
  const answer = await alice.send({ channel: '/batch', data: 'before' }, { channel: '/service/panic', data: {} }, { channel: '/batch', data: 'after' });
  assert.deepEqual(outcome(answer), FAILED);
  assert.deepEqual(await held, ['before', 'after']);
  await alice.ok(alice.publish('/batch', 'next'));
  assert.deepEqual(await bob.poll(), ['next']);
});

test('a client whose message panics keeps its own poll and its subscriptions', async () => {
  const [alice, bob] = await Promise.all([join(`${url}/cometd/own`), join(`${url}/cometd/own`)]);
  await alice.ok(alice.subscribe('/own'));
  const held = alice.poll();
  assert.deepEqual(outcome(await alice.publish('/service/panic', {})), FAILED);
  await bob.ok(bob.publish('/own', 'hello'));
  assert.deepEqual(await held, ['hello']);
});

test('many panics at once are all answered', async () => {
  const clients = await Promise.all(Array.from({ length: 30 }, (_, at) => join(`${url}/cometd/${['x', 'y', 'z'][at % 3]}`)));
  const answers = await Promise.all(clients.map((client) => client.publish('/service/panic', {})));
  for (const answer of answers) assert.deepEqual(outcome(answer), FAILED);
  assert.ok((await Promise.all(clients.map((client) => client.lives()))).every(Boolean));
});
