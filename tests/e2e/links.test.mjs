// LINKS: the Worker holds the polls of a busy home, and forwards them in frames of one WebSocket. Clients see no
// difference.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { crowd, HANDSHAKE, join, post } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { send, vanish } from './support/heap.mjs';
import { fixture, logged, until, withFixture } from './support/server.mjs';

const VARS = { LINKS: 'always', LOG_LEVEL: 'debug', TIMEOUT: '60000', MAX_INTERVAL: '60000' };

const server = await fixture(VARS);
const url = `${server.url}/cometd`;

const opened = (of = server) => logged(of, 'link_opened').length;

/**
 * Publishes as somebody who does not listen: what a listener publishes comes back with its reply, and its poll goes on.
 */
async function publish(channel, data, at = url) {
  const somebody = await join(at);
  await somebody.ok(somebody.publish(channel, data));
}

/** Resolves when these clients' connects are held: the server answers those that came before. */
async function hold(clients, fields) {
  const held = clients.map((client) => client.poll(fields));
  await clients[0].call('/service/echo');
  return held;
}

/** Connects that are held, however long, and what each is answered. */
async function listen(clients, at) {
  const held = clients.map(async (client) => {
    const body = JSON.stringify([client.signed({ channel: '/meta/connect', connectionType: 'long-polling' })]);
    // fetch() waits as long as it takes.
    const response = await fetch(at, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    return response.json();
  });
  await clients[0].call('/service/echo');
  return held;
}

test('messages of all clients go over one link, and each answer reaches its client', async () => {
  const before = opened();
  const clients = await crowd(url, 20, '/chat/demo');
  const held = await hold(clients);
  await publish('/chat/demo', 'hello');
  for (const events of await Promise.all(held)) assert.deepEqual(events, ['hello']);
  assert.ok(opened() - before <= 1);
});

test('with LINKS auto one client uses no link, and a crowd does', () =>
  withFixture({ ...VARS, LINKS: 'auto' }, async (server) => {
    const url = `${server.url}/cometd`;
    const [lonely] = await crowd(url, 1, '/chat/demo');
    const held = await hold([lonely]);
    await publish('/chat/demo', 1, url);
    await Promise.all(held);
    assert.equal(opened(server), 0);
    const all = [lonely, ...(await crowd(url, 9, '/chat/demo'))];
    const polls = await hold(all);
    await until(() => opened(server) === 1, 'no link was opened');
    await publish('/chat/demo', 2, url);
    for (const events of await Promise.all(polls)) assert.deepEqual(events, [2]);
  }));

test('no client can open a link or send link frames', async () => {
  const before = opened();
  const upgrade = { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' };
  const { status } = await request(`${server.url}/cometd/isolate/link/mine`, { method: 'GET', headers: upgrade });
  assert.equal(status, 404);
  assert.equal(opened(), before);
  const [bob] = await crowd(url, 1, '/chat/demo');
  for (const data of ['[1,"[]"]', '"],[1,[]],[]', { number: 1, home: '/' }, '\u2028\ud800']) {
    const held = await hold([bob]);
    await publish('/chat/demo', data);
    const [events] = await Promise.all(held);
    assert.deepEqual(JSON.stringify(events), JSON.stringify([data]));
  }
  for (const body of ['[]', '[[]]', '[1]', '[1,"[]"]', 'null', '']) {
    const { status, json } = await request(url, { headers: { 'content-type': 'application/json' }, body });
    assert.ok(status < 500, `${body}: ${status}`);
    assert.ok(Array.isArray(json), body);
  }
});

test('callback-polls, forms, comment-filtered answers and other origins are answered as without links', async () => {
  const vars = { ALLOWED_ORIGINS: 'https://page.example', BROWSER_COOKIE: 'true' };
  const answers = ({ url }) => async ({ headers, body, query, comment }) => {
    const handshake = { ...HANDSHAKE, supportedConnectionTypes: ['long-polling', 'callback-polling'], ext: comment && { 'json-comment-filtered': true } };
    const text = JSON.stringify([handshake]);
    const answer = query
      ? await request(`${url}/cometd?jsonp=f&message=${encodeURIComponent(text)}`, { method: 'GET', headers })
      : await request(`${url}/cometd`, { headers: { 'content-type': 'application/json', ...headers }, body: body?.(text) ?? text });
    const { date, 'content-length': length, 'set-cookie': cookie, ...rest } = answer.headers;
    return { status: answer.status, rest, cookie: cookie?.[0].replace(/=[0-9a-f]{32}/, ''), text: answer.text.replace(/"clientId":"[^"]*"/, '') };
  };
  const asked = [
    {},
    { query: true },
    { comment: true },
    { headers: { origin: 'https://page.example' } },
    { headers: { origin: 'https://other.example' } },
    { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: (text) => `message=${encodeURIComponent(text)}` },
    { body: () => '{' },
  ];
  const all = [];
  for (const LINKS of ['always', 'never']) await withFixture({ ...vars, LINKS }, async (server) => all.push(await Promise.all(asked.map(answers(server)))));
  assert.deepEqual(all[0], all[1]);
});

test('CLIENT_MAX_CONNECTIONS bounds the held connects of an address', () =>
  withFixture({ ...VARS, CLIENT_MAX_CONNECTIONS: '2' }, async ({ url }) => {
    const headers = { 'CF-Connecting-IP': '192.0.2.1' };
    const clients = await Promise.all([1, 2, 3].map(() => join(`${url}/cometd`, { headers })));
    const held = clients.slice(0, 2).map((client) => client.connect());
    await clients[0].call('/service/echo');
    const { status } = await clients[2].connect();
    assert.equal(status, 503);
    await Promise.all(clients.slice(0, 2).map((client) => client.send({ channel: '/meta/disconnect' })));
    for (const { status } of await Promise.all(held)) assert.equal(status, 200);
  }));

test('events after a client broke off wait for its next connect', async () => {
  const [alice, bob] = await crowd(url, 2, '/chat/demo');
  const body = JSON.stringify([bob.signed({ channel: '/meta/connect', connectionType: 'long-polling' })]);
  const wire = await send(server, `POST /cometd HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  await alice.call('/service/echo');
  await vanish(wire, true);
  await sleep(300);
  await alice.ok(alice.publish('/chat/demo', 'later'));
  assert.deepEqual(await bob.poll(), ['later']);
});

test('1,000 polls are held while their object sleeps, and the next message reaches all', () =>
  // A server of its own: an eviction waits until sessions that are about to expire have done so.
  withFixture(VARS, async (server) => {
    const url = `${server.url}/cometd`;
    const held = [];
    // A hundred at a time: none waits behind a thousand others for longer than a request may take on a busy machine.
    while (held.length < 1000) held.push(...(await listen(await crowd(url, 100, '/chat/sleep'), url)));
    await server.evict('/', 'hibernate');
    await publish('/chat/sleep', 'wake up', url);
    for (const messages of await Promise.all(held)) assert.deepEqual(messages.map(({ data }) => data).slice(0, -1), ['wake up']);
  }));

test('1,000 idle polls wake no object', () =>
  withFixture({ ...VARS, TIMEOUT: '180000' }, async (server) => {
    const url = `${server.url}/cometd`;
    const counts = () => [opened(server), logged(server, 'object_started').length];
    const held = [];
    while (held.length < 1000) held.push(...(await listen(await crowd(url, 100, '/chat/idle'), url)));
    // The link is somebody's whose request is over: one of the polls takes it.
    const [links] = counts();
    await until(() => counts()[0] > links, 'the link is not handed over', 60_000);
    await server.evict('/', 'hibernate');
    const before = counts();
    await sleep(20_000); // longer than any link of a request that is over
    assert.deepEqual(counts(), before);
    await publish('/chat/idle', 'still there?', url);
    for (const messages of await Promise.all(held)) assert.deepEqual(messages.map(({ data }) => data).slice(0, -1), ['still there?']);
  }));

test('the object asks for the connects again when a link breaks', async () => {
  const clients = await crowd(url, 20, '/chat/demo');
  const held = await hold(clients);
  const before = opened();
  await server.evict('/', 'close');
  await until(() => opened() > before, 'no new link');
  await clients[0].call('/service/echo');
  await publish('/chat/demo', 'still there');
  for (const events of await Promise.all(held)) assert.deepEqual(events.slice(-1), ['still there']);
});

test('no event is lost when links are handed over', async () => {
  const clients = await crowd(url, 50, '/chat/long');
  const before = opened();
  const heard = clients.map(() => []);
  let talking = true;
  const listening = clients.map(async (client, at) => {
    while (talking || heard[at].at(-1) !== 'end') heard[at].push(...(await client.poll()));
  });
  const said = [];
  const talker = await join(url);
  const talk = async () => {
    for (const until = Date.now() + 35_000; Date.now() < until; await sleep(100)) {
      said.push(said.length);
      await talker.ok(talker.publish('/chat/long', said.at(-1)));
    }
    talking = false;
    await talker.ok(talker.publish('/chat/long', 'end'));
  };
  await Promise.all([talk(), ...listening]);
  assert.ok(opened() - before >= 2, `${opened() - before} more links`);
  for (const events of heard) assert.deepEqual(events, [...said, 'end']);
});

test('a request that comes during a hand-over, after all others were answered, is answered too', async () => {
  const clients = await crowd(url, 20, '/chat/waves');
  const before = opened();
  // No request waits between two waves: nobody can take the link.
  for (let wave = 0; opened() - before < 2; wave += 1) {
    const held = await hold(clients);
    await publish('/chat/waves', wave);
    for (const events of await Promise.all(held)) assert.deepEqual(events, [wave]);
  }
});

test('a message whose service panics is refused, and no other', async () => {
  const [bob] = await crowd(url, 1, '/chat/demo');
  const alice = await join(url);
  const held = await hold([bob]);
  const { status, json } = await alice.publish('/service/panic', {});
  assert.deepEqual([status, json.length, json[0].successful, json[0].error], [200, 1, false, '500::internal_error']);
  await publish('/chat/demo', 1);
  assert.deepEqual(await held[0], [1]);
});

test('an invalid value of LINKS is reported', () =>
  withFixture({ LINKS: 'sometimes' }, async ({ url }) => {
    const { status, json } = await post(`${url}/cometd`, [HANDSHAKE]);
    assert.deepEqual([status, json[0].option, json[0].value], [500, 'LINKS', 'sometimes']);
  }));
