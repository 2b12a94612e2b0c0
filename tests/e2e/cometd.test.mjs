// The client that most people use: cometd.js, as it comes from npm, over long-polling.
import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
import { startServer } from '../../scripts/lib/server.mjs';
import { fixture, until } from './support/server.mjs';

adapt(); // gives cometd.js the XMLHttpRequest that Node does not have

const { url } = await fixture();

/** The clients of a test. */
const clients = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map(({ cometd }) => new Promise((resolve) => (cometd.isDisconnected() ? resolve() : cometd.disconnect(resolve)))));
});

/** A cometd.js with promises in place of its callbacks. */
class Client {
  heard = [];
  /** The meta messages, those that cometd.js makes up for a failed request too. */
  meta = [];

  constructor(url) {
    this.cometd = new CometD();
    this.cometd.unregisterTransport('websocket');
    this.cometd.configure({ url, logLevel: 'error', backoffIncrement: 100, maxBackoff: 300 });
    for (const channel of ['handshake', 'connect', 'disconnect', 'subscribe']) {
      this.cometd.addListener(`/meta/${channel}`, (message) => this.meta.push(message));
    }
    clients.push(this);
  }

  handshake = (fields) => new Promise((resolve) => this.cometd.handshake(fields, resolve));
  disconnect = () => new Promise((resolve) => this.cometd.disconnect(resolve));
  publish = (channel, data) => new Promise((resolve) => this.cometd.publish(channel, data, resolve));
  remoteReply = (channel, data) => new Promise((resolve) => {
    const listener = this.cometd.addListener(channel, (message) => {
      this.cometd.removeListener(listener);
      resolve(message.data);
    });
    this.cometd.publish(channel, data);
  });
  /** Resolves with the subscription once the server has answered. */
  subscribe = (pattern) => new Promise((resolve, reject) => {
    const subscription = this.cometd.subscribe(pattern, this.hear, (reply) => (reply.successful ? resolve(subscription) : reject(new Error(reply.error))));
  });
  /** Into `heard`. To cometd.js `/**` means the meta messages that it reads, too. */
  hear = ({ channel, data }) => {
    if (!channel.startsWith('/meta/')) this.heard.push([channel, data]);
  };
  unsubscribe = (subscription) => new Promise((resolve) => this.cometd.unsubscribe(subscription, resolve));

  /** Once it has heard as many messages. */
  hears = (count) => until(() => this.heard.length >= count && this.heard, `it heard only ${this.heard.length} of ${count}`);
  sees = (channel, test, what) => until(() => this.meta.find((message) => message.channel === channel && test(message)), what);
}

async function joined(address = `${url}/cometd`) {
  const client = new Client(address);
  const reply = await client.handshake();
  assert.equal(reply.successful, true, JSON.stringify(reply));
  return client;
}

const several = (count, address) => Promise.all(Array.from({ length: count }, () => joined(address)));

test('it shakes hands, connects and stays connected', async () => {
  const alice = await joined();
  assert.equal(alice.cometd.getTransport().type, 'long-polling');
  // The first connect is answered at once, the second one is held and answered when it times out.
  await until(() => alice.meta.filter(({ channel, successful }) => channel === '/meta/connect' && successful).length >= 2, 'no second connect was answered');
  await until(() => alice.cometd.getStatus() === 'connected', 'it is not connected');
  assert.ok(alice.meta.every(({ successful }) => successful));
});

test('all of several clients hear what one of them publishes, itself included', async () => {
  const everyone = await several(5);
  await Promise.all(everyone.map((client) => client.subscribe('/chat/demo')));
  const reply = await everyone[0].publish('/chat/demo', { text: 'hi' });
  assert.equal(reply.successful, true);
  for (const client of everyone) assert.deepEqual(await client.hears(1), [['/chat/demo', { text: 'hi' }]]);
});

test('wildcards match one segment, or one and more', async () => {
  const [alice, one, more, all] = await several(4);
  await Promise.all([one.subscribe('/w/*'), more.subscribe('/w/**'), all.subscribe('/**')]);
  for (const channel of ['/w', '/w/a', '/w/a/b', '/v/a', '/w/end']) await alice.publish(channel, channel);
  for (const client of [one, more, all]) await until(() => client.heard.some(([channel]) => channel === '/w/end'), 'it does not hear the last one');
  const channels = (client) => client.heard.map(([channel]) => channel);
  assert.deepEqual(channels(one), ['/w/a', '/w/end']);
  assert.deepEqual(channels(more), ['/w/a', '/w/a/b', '/w/end']);
  assert.deepEqual(channels(all), ['/w', '/w/a', '/w/a/b', '/v/a', '/w/end']);
});

test('what it unsubscribed from it hears no more', async () => {
  const [alice, bob] = await several(2);
  const gone = await bob.subscribe('/gone');
  await bob.subscribe('/kept');
  assert.equal((await bob.unsubscribe(gone)).successful, true);
  await alice.publish('/gone', 1);
  await alice.publish('/kept', 2);
  assert.deepEqual(await bob.hears(1), [['/kept', 2]]);
});

test('a service answers its caller, and nobody else hears of it', async () => {
  const [alice, bob] = await several(2);
  const overheard = [];
  bob.cometd.addListener('/service/echo', (message) => overheard.push(message));
  await bob.subscribe('/**');
  assert.deepEqual(await alice.remoteReply('/service/echo', { question: 42 }), { question: 42 });
  await alice.publish('/end', 'end');
  await bob.hears(1);
  assert.deepEqual([bob.heard, overheard], [[['/end', 'end']], []]);
});

test('a batch goes out together and arrives in order', async () => {
  const [alice, bob] = await several(2);
  await bob.subscribe('/batch');
  const replies = [];
  alice.cometd.batch(() => {
    for (let at = 0; at < 50; at += 1) alice.cometd.publish('/batch', at, (reply) => replies.push(reply.successful));
  });
  assert.deepEqual((await bob.hears(50)).map(([, data]) => data), Array.from({ length: 50 }, (_, at) => at));
  await until(() => replies.length === 50, 'not every publish was answered');
  assert.ok(replies.every(Boolean));
});

test('it publishes while its connect is held, and does not wait for it', async () => {
  const [alice, bob] = await several(2);
  await alice.subscribe('/now');
  await until(() => alice.meta.some(({ channel }) => channel === '/meta/connect'), 'the first connect is not answered');
  const started = performance.now();
  for (let turn = 1; turn <= 20; turn += 1) {
    assert.equal((await alice.publish('/now', turn)).successful, true);
    await bob.publish('/now', -turn);
  }
  await alice.hears(40);
  assert.ok(performance.now() - started < 2500, 'less than one held connect');
});

test('a thousand messages of two publishers each arrive once, in the order of each', async () => {
  const [alice, bob, ...listeners] = await several(5);
  await Promise.all(listeners.map((client) => client.subscribe('/many')));
  const flood = async (client, name) => {
    for (let at = 0; at < 500; at += 10) await Promise.all(Array.from({ length: 10 }, (_, more) => client.publish('/many', [name, at + more])));
  };
  await Promise.all([flood(alice, 'a'), flood(bob, 'b')]);
  const inOrder = Array.from({ length: 500 }, (_, at) => at);
  for (const listener of listeners) {
    const heard = (await listener.hears(1000)).map(([, data]) => data);
    assert.equal(heard.length, 1000);
    for (const name of ['a', 'b']) assert.deepEqual(heard.filter(([from]) => from === name).map(([, at]) => at), inOrder);
  }
});

test('it says goodbye, and can come back', async () => {
  const alice = await joined();
  assert.equal((await alice.disconnect()).successful, true);
  assert.equal(alice.cometd.getStatus(), 'disconnected');
  assert.equal((await alice.handshake()).successful, true);
  await alice.subscribe('/again');
  await alice.publish('/again', 'me');
  assert.deepEqual(await alice.hears(1), [['/again', 'me']]);
});

test('the server can end its session, and it gives up', async () => {
  const alice = await joined();
  alice.cometd.publish('/service/kick', {});
  await until(() => alice.cometd.isDisconnected(), 'it is still connected');
  assert.equal(alice.meta.filter(({ channel }) => channel === '/meta/handshake').length, 1);
});

test('a handshake that is denied is told so, and not tried again', async () => {
  const mallory = new Client(`${url}/cometd`);
  const reply = await mallory.handshake({ ext: { deny: true } });
  assert.deepEqual([reply.successful, reply.error, reply.advice.reconnect, reply.clientId], [false, '403::handshake_denied', 'none', undefined]);
  await until(() => mallory.cometd.isDisconnected(), 'it goes on trying');
});

test('what the policy denies is told to the callback, with its reason', async () => {
  const alice = await joined();
  await assert.rejects(alice.subscribe('/auth/x'), { message: '403:denied_by_security_policy:subscribe_denied' });
  await assert.rejects(alice.subscribe('/den/x'), { message: '403:nope:subscribe_denied' });
  assert.equal((await alice.publish('/auth/x', 1)).error, '403:denied_by_security_policy:publish_denied');
  assert.equal((await alice.publish('/den/x', 1)).error, '403:nope:publish_denied');
  await alice.subscribe('/sub/x');
  assert.equal((await alice.publish('/sub/x', 1)).successful, false);
  await alice.publish('/service/pub', { channel: '/sub/x', data: 'from the server' });
  assert.deepEqual(await alice.hears(1), [['/sub/x', 'from the server']]);
});

test('clients at the address of a tree talk there', async () => {
  const [alice, bob] = await several(2, `${url}/cometd/chat`);
  await bob.subscribe('/chat/room');
  await alice.publish('/chat/room', 'hi');
  assert.deepEqual(await bob.hears(1), [['/chat/room', 'hi']]);
});

test('when the server comes back after a crash, clients recover by themselves', async (t) => {
  const first = await startServer({ fixture: true });
  const [alice, bob] = await several(2, `${first.url}/cometd`);
  // As an application subscribes: cometd.js forgets its subscriptions with its session.
  bob.cometd.addListener('/meta/handshake', ({ successful }) => successful && bob.cometd.subscribe('/chat/demo', bob.hear));
  await bob.subscribe('/chat/demo');
  await alice.publish('/chat/demo', 'before');
  await bob.hears(1);

  process.kill(first.pid, 'SIGKILL');
  await first.ended;
  await Promise.all([alice, bob].map((client) => client.sees('/meta/connect', ({ successful }) => !successful, 'it does not notice')));
  const second = await startServer({ fixture: true, port: first.port });
  t.after(() => second.stop());

  // What is published before both are back may get lost, so it is said until it is heard.
  await until(async () => {
    if (alice.cometd.getStatus() === 'connected') await alice.publish('/chat/demo', 'after');
    return bob.heard.some(([, data]) => data === 'after');
  }, 'they do not find each other again', 15_000);
  await Promise.all([alice.disconnect(), bob.disconnect()]);
});
