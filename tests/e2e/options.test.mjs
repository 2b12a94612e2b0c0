// Every option of docs/OPTIONS.md: an invalid value is refused with an error, and what the option changes
// (ALLOWED_ORIGINS: http.test.mjs; FLUSH_PACE and WEBSOCKET_TIMEOUT, which need a clock that the test moves, and
// options of the protocol alone: natively; CONNECTION_TYPES: connection-types.test.mjs; ACCESS_RULES:
// access-rules.test.mjs; TOKENS and TOKEN_…: tokens.test.mjs).
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { inRoot } from '../../scripts/lib/project.mjs';
import { events, HANDSHAKE, join, post } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { logged, until, withFixture } from './support/server.mjs';

/** For each option values that it cannot have. */
const REFUSED = {
  TIMEOUT: ['soon', '0', '1e3'],
  WEBSOCKET_TIMEOUT: ['0'],
  CONNECTION_TYPES: ['', 'long-polling flash'],
  INTERVAL: ['-1'],
  MAX_INTERVAL: ['10s'],
  ANON_PUBLISH: ['perhaps'],
  ACCESS_RULES: ['', 'everybody publish /x', 'anyone read /x', 'anyone publish /**/x'],
  TOKENS: ['perhaps'],
  TOKEN_ISSUER: [], // any text may be one; without keys it is TOKEN_KEYS that is missing
  TOKEN_AUDIENCE: [],
  TOKEN_JWKS_URL: ['', 'id.example/jwks', 'http://id.example/jwks', 'http://localhost@id.example/'],
  TOKEN_COOKIE: ['', 'a b', 'jwt=x'],
  TOKEN_KEYS: ['', 'too short', '{"keys":[]}'],
  CLIENT_MAX_CONNECTIONS: ['0'],
  RATE_CONNECTIONS: ['20'],
  RATE_FRAMES: ['1/0'],
  RATE_REQUESTS: ['many'],
  RATE_SUBSCRIBES: ['0/1'],
  RATE_TREES: ['600'],
  RATE_HANDSHAKES: ['0/60', '20/3601'],
  RATE_PUBLISHES: ['a few'],
  BROWSER_COOKIE: ['ID=value', 'ID; SameSite=None'],
  MAX_SESSIONS_PER_BROWSER: ['-1'],
  MULTI_SESSION_INTERVAL: ['300001'],
  ALLOWED_ORIGINS: ['example.com', 'https://a.example/path'],
  MAX_MESSAGE_SIZE: ['1 MB'],
  MAX_MESSAGES_PER_BATCH: ['0'],
  DURABILITY: ['always'],
  MAX_JSON_DEPTH: ['1'],
  MAX_QUEUE: ['many'],
  MAX_QUEUE_BYTES: ['1'],
  QUEUE_OVERFLOW: ['explode'],
  MAX_SUBSCRIPTIONS: ['99999999999999999999'],
  MAX_SESSIONS: ['3.5'],
  MAX_SESSIONS_PER_ADDRESS: ['0'],
  MAX_SUBSCRIPTIONS_PER_ADDRESS: ['-1'],
  MAX_SUBSCRIPTION_BYTES: ['1023'],
  MAX_MEMORY: ['48 MB'],
  MAX_TREES: ['none'],
  SPANNING_PATTERNS: ['/**'],
  MAX_SPANNING_PATTERNS: ['0'],
  EXAMPLES: [], // anything but false is true
  LAZY_CHANNELS: ['/a/*/b'],
  MAX_LAZY_TIMEOUT: ['0'],
  META_CONNECT_DELIVER_ONLY: ['perhaps'],
  BROADCAST_TO_PUBLISHER: ['never'],
  MESSAGES_PER_FRAME: ['all'],
  TIMESTAMP: ['now'],
  TREES: ['/a/*/b', 'chat'],
  HISTORY: ['/chat/**', '/chat/** 10 soon'],
  RETAIN: ['chat'],
  MAX_HISTORY_BYTES: ['1'],
  PRESENCE: ['chat'],
  MAX_PRESENCE: ['-1'],
  HOMES: ['sharded'],
  FORMER_HOMES: ['root sharded'],
  REGION_HEADER: ['no header'],
  JURISDICTION: ['mars'],
  TREE_DEPTH: ['9'],
  RELAY_FANOUT: ['few'],
  RETRY_WINDOW: ['-1', '600001'],
  MAX_RELAYS: ['-1'],
  MAX_RELAYS_BYTES: ['1023'],
  HOOKS_FOR: ['publish everything'],
  HOOKS_TIMEOUT: ['0'],
  API_KEYS: ['too-short', 'a-key-of-one-deployment and-more'],
  TAIL_EVENTS: ['-1', '1001', 'all'],
  API_ATTRIBUTES: [], // any word may be a name
  FLUSH_PACE: ['-5'],
  LINKS: ['sometimes'],
  LOG_LEVEL: ['verbose'],
};

/** What is never shown again, however wrong it is. */
const SECRET = ['API_KEYS', 'TOKEN_KEYS'];

describe('an invalid value', { concurrency: 3 }, () => {
  test('is tested for every option', async () => {
    const page = await readFile(inRoot('docs', 'OPTIONS.md'), 'utf8');
    const documented = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name);
    assert.deepEqual(Object.keys(REFUSED).sort(), documented.sort());
  });

  for (const [name, values] of Object.entries(REFUSED)) {
    for (const value of values) {
      test(`is refused in the reply and in the log: ${name} = ${value}`, () =>
        withFixture({ [name]: value }, async (server) => {
          const shown = SECRET.includes(name) ? '(a secret)' : name === 'TOKEN_JWKS_URL' ? '(a URL)' : value;
          const { status, json, text } = await post(`${server.url}/cometd`, [HANDSHAKE]);
          assert.equal(status, 500, text);
          const [{ allowed, ...reply }] = json;
          assert.deepEqual(reply, { successful: false, error: '500::option_invalid', option: name, value: shown });
          assert.ok(allowed.length > 0);
          const [line] = await until(() => nonEmpty(logged(server, 'option_invalid')), 'nothing was logged');
          assert.deepEqual([line.level, line.option, line.value, line.allowed], ['error', name, shown, allowed]);
        }));
    }
  }
});

test('TIMEOUT is how long a connect is held, and the most a client can ask for', () =>
  withFixture({ TIMEOUT: '300' }, async ({ url }) => {
    const alice = await join(`${url}/cometd`);
    for (const fields of [{}, { advice: { timeout: 60_000 } }]) {
      const started = performance.now();
      await alice.ok(alice.connect(fields));
      const held = performance.now() - started;
      assert.ok(held >= 290 && held < 2000, `held for ${held} ms`);
    }
    assert.equal((await shakenHands(url)).advice.timeout, 300);
  }));

test('INTERVAL is advised', () =>
  withFixture({ INTERVAL: '1234' }, async ({ url }) => assert.equal((await shakenHands(url)).advice.interval, 1234)));

test('MAX_INTERVAL after its last message a session is forgotten', () =>
  withFixture({ MAX_INTERVAL: '400', LOG_LEVEL: 'debug' }, async (server) => {
    const alice = await join(`${server.url}/cometd`);
    const silentSince = performance.now();
    const [line] = await until(() => nonEmpty(logged(server, 'session_closed')), 'the session is never forgotten');
    const silence = performance.now() - silentSince;
    assert.ok(silence >= 350 && silence < 3000, `forgotten after ${silence} ms`);
    assert.deepEqual([line.why, line.sessions], ['expired', 0]);
    assert.equal(await alice.lives(), false);
  }));

test('ANON_PUBLISH allows publishes without a clientId, and nothing else without one', async () => {
  const anonymous = { channel: '/talk', data: 'from nobody' };
  const outcome = ({ json: [{ successful, error }] }) => [successful, error];
  await withFixture({ ANON_PUBLISH: 'true' }, async ({ url }) => {
    const bob = await join(`${url}/cometd`);
    await bob.ok(bob.subscribe('/talk'));
    assert.deepEqual(outcome(await post(`${url}/cometd`, [anonymous])), [true, undefined]);
    assert.deepEqual(await bob.poll(), ['from nobody']);
    assert.deepEqual(outcome(await post(`${url}/cometd`, [{ ...anonymous, clientId: 'forged' }])), [false, '402::session_unknown']);
    assert.deepEqual(outcome(await post(`${url}/cometd`, [{ channel: '/meta/subscribe', subscription: '/talk' }])), [false, '402::session_unknown']);
  });
  await withFixture({ ANON_PUBLISH: 'false' }, async ({ url }) =>
    assert.deepEqual(outcome(await post(`${url}/cometd`, [anonymous])), [false, '402::session_unknown']));
});

test('CLIENT_MAX_CONNECTIONS connects of one address are held, and the next one gets a 503', () =>
  withFixture({ CLIENT_MAX_CONNECTIONS: '2', TIMEOUT: '1000' }, async (server) => {
    const at = (address, more) => join(`${server.url}/cometd`, { headers: { 'cf-connecting-ip': address, ...more } });
    // What a client says of itself does not count.
    const office = await Promise.all([at('192.0.2.1'), at('192.0.2.1', { 'x-forwarded-for': '203.0.113.9' }), at('192.0.2.1', { 'x-real-ip': '203.0.113.9' })]);
    const [elsewhere, nowhere] = [await at('2001:db8::1'), await join(`${server.url}/cometd`)];
    const started = performance.now();
    const connects = office.map((client) => client.connect());
    const refused = await Promise.race(connects);
    assert.ok(performance.now() - started < 900, 'before any connect timed out');
    assert.equal(refused.status, 503);
    assert.deepEqual([refused.json[0].channel, refused.json[0].successful, refused.json[0].error], ['/meta/connect', false, '503::connections_exceeded']);

    const started2 = performance.now();
    await Promise.all([elsewhere, nowhere].map((client) => client.ok(client.connect({ advice: { timeout: 100 } }))));
    assert.ok(performance.now() - started2 >= 90, 'others are held');
    assert.deepEqual((await Promise.all(connects)).map(({ status }) => status).sort(), [200, 200, 503]);
    for (const client of office) await client.ok(client.connect({ advice: { timeout: 50 } }));

    const [line] = logged(server, 'connection_refused');
    assert.deepEqual([line.level, line.address, logged(server, 'connection_refused').length], ['warn', '192.0.2.1', 1]);
  }));

test('MAX_MESSAGE_SIZE bytes are accepted, and not one more', () =>
  withFixture({ MAX_MESSAGE_SIZE: '1000' }, async ({ url }) => {
    const alice = await join(`${url}/cometd`);
    const bodyOf = (size) => {
      const message = (data) => JSON.stringify([{ channel: '/a', clientId: alice.clientId, data }]);
      return message('x'.repeat(size - message('').length));
    };
    for (const sent of [(body) => body, (body) => [body.slice(0, 400), body.slice(400)]]) {
      const statuses = [];
      for (const size of [999, 1000, 1001, 5000]) statuses.push((await request(`${url}/cometd`, { body: sent(bodyOf(size)) })).status);
      assert.deepEqual(statuses, [200, 200, 413, 413]);
    }
    const twoBytesEach = JSON.stringify([{ channel: '/a', data: 'é'.repeat(490) }]);
    assert.equal((await request(`${url}/cometd`, { body: twoBytesEach })).status, 413, 'bytes count, not characters');
  }));

test('MAX_MESSAGES_PER_BATCH messages are accepted, and not one more', () =>
  withFixture({ MAX_MESSAGES_PER_BATCH: '3' }, async ({ url }) => {
    const alice = await join(`${url}/cometd`);
    const batch = (size) => alice.send(...Array(size).fill({ channel: '/a', data: 1 }));
    assert.equal((await alice.ok(batch(3))).length, 3);
    const { status, json } = await batch(4);
    assert.deepEqual([status, json.map(({ error }) => error)], [200, [undefined, undefined, undefined, '413::batch_too_large']]);
    assert.equal((await batch(16 * 3 + 1)).status, 413, 'nobody gathers so many');
  }));

test('MAX_JSON_DEPTH nested brackets are accepted, and not one more', () =>
  withFixture({ MAX_JSON_DEPTH: '6' }, async ({ url }) => {
    const alice = await join(`${url}/cometd`);
    await alice.ok(alice.publish('/a', [[[['[[[']]]]));
    const { status, json } = await alice.publish('/a', [[[[[]]]]]);
    assert.deepEqual([status, json[0].error], [400, '400::json_too_deep']);
  }));

test('MAX_QUEUE events wait for a session: the oldest are dropped and logged', () =>
  withFixture({ MAX_QUEUE: '3' }, async (server) => {
    assert.deepEqual(await overflow(server, ['1', '2', '3', '4', '5']), [{ events: 2 }, '3', '4', '5']);
    assert.deepEqual(logged(server, 'events_dropped').map(({ level, events }) => [level, events]), [['warn', 1], ['warn', 1]]);
  }));

test('MAX_QUEUE_BYTES of events wait for a session: the oldest are dropped, and a single one always stays', () =>
  withFixture({ MAX_QUEUE_BYTES: '1024' }, async (server) => {
    const [one, two, three, large] = [...['1', '2', '3'].map((digit) => digit.repeat(400)), '4'.repeat(2000)];
    assert.deepEqual(await overflow(server, [one, two, three]), [{ events: 1 }, two, three]);
    assert.deepEqual(await overflow(server, [one, large]), [{ events: 1 }, large]);
  }));

test('QUEUE_OVERFLOW disconnect ends a session that does not read, and its client gets a disconnect', () =>
  withFixture({ MAX_QUEUE: '3', QUEUE_OVERFLOW: 'disconnect' }, async (server) => {
    const [alice, bob] = await Promise.all([join(`${server.url}/cometd`), join(`${server.url}/cometd`)]);
    await bob.ok(bob.subscribe('/overflow'));
    for (const n of [1, 2, 3, 4]) await alice.ok(alice.publish('/overflow', n));
    const [goodbye, reply] = (await bob.connect()).json;
    assert.deepEqual(goodbye, { channel: '/meta/disconnect', successful: true });
    assert.equal(reply.advice.reconnect, 'none');
    assert.deepEqual(logged(server, 'events_dropped').map(({ events }) => events), [4]);
  }));

test('a session has at most MAX_SUBSCRIPTIONS, and a subscribe past them is refused as a whole', () =>
  withFixture({ MAX_SUBSCRIPTIONS: '2' }, async ({ url }) => {
    const alice = await join(`${url}/cometd`);
    const outcome = async (subscription) => {
      const [{ successful, error }] = (await alice.subscribe(subscription)).json;
      return successful || error;
    };
    assert.equal(await outcome('/a'), true);
    assert.equal(await outcome(['/b', '/c']), '403::subscriptions_exceeded');
    assert.equal(await outcome('/b'), true);
    assert.equal(await outcome(['/a', '/b']), true, 'what is there already is no more');
    assert.equal(await outcome('/c'), '403::subscriptions_exceeded');
    await alice.ok(alice.send({ channel: '/meta/unsubscribe', subscription: '/a' }));
    assert.equal(await outcome('/c'), true);
  }));

test('a home has at most MAX_SESSIONS, and another home has its own', () =>
  withFixture({ MAX_SESSIONS: '1' }, async ({ url }) => {
    const alice = await join(`${url}/cometd`);
    const refused = (await post(`${url}/cometd`, [HANDSHAKE])).json[0];
    assert.deepEqual([refused.successful, refused.error, refused.advice.reconnect, 'clientId' in refused], [false, '503::sessions_exceeded', undefined, false]);
    assert.ok(refused.advice.interval > 0, 'not at once');
    await join(`${url}/cometd/chat`);
    await alice.ok(alice.send({ channel: '/meta/disconnect' }));
    await join(`${url}/cometd`);
  }));

test('events of LAZY_CHANNELS leave after MAX_LAZY_TIMEOUT, or with the next event that is not lazy', () =>
  withFixture({ LAZY_CHANNELS: '/slow/** /calm', MAX_LAZY_TIMEOUT: '300' }, async ({ url }) => {
    const [alice, bob] = await Promise.all([join(`${url}/cometd`), join(`${url}/cometd`)]);
    await bob.ok(bob.subscribe(['/slow/**', '/calm', '/quick']));
    for (const channel of ['/slow/news', '/calm']) {
      const started = performance.now();
      const [heard] = await Promise.all([bob.poll(), alice.ok(alice.publish(channel, 'lazy'))]);
      const waited = performance.now() - started;
      assert.deepEqual(heard, ['lazy']);
      assert.ok(waited >= 250 && waited < 2000, `${channel} waited ${waited} ms`);
    }
    const started = performance.now();
    await alice.ok(alice.publish('/calm', 'lazy'));
    await alice.ok(alice.publish('/quick', 'quick'));
    assert.deepEqual(await bob.poll(), ['lazy', 'quick']);
    assert.ok(performance.now() - started < 250, 'together, at once');
  }));

describe('JURISDICTION', () => {
  for (const name of ['eu', 'us', 'fedramp'])
    test(`${name} is requested for every object: workerd supports none, and says so`, () =>
      withFixture({ JURISDICTION: name }, async (server) => {
        const { status, text } = await post(`${server.url}/cometd`, [HANDSHAKE]);
        assert.equal(status, 500);
        assert.match(text + server.logs.map(({ message }) => message), /Jurisdiction restrictions are not implemented/);
      }));

  test('the value none changes nothing', () =>
    withFixture({ JURISDICTION: 'none' }, async (server) => {
      assert.equal((await post(`${server.url}/cometd`, [HANDSHAKE])).json[0].successful, true);
    }));
});

describe('LOG_LEVEL', () => {
  const EVENTS = { error: ['panic', 'request_failed'], warn: ['events_dropped'], info: ['handshake_refused', 'message_refused'], debug: ['object_started', 'request_refused', 'session_closed', 'session_opened'] };
  const levels = Object.keys(EVENTS);

  for (const level of levels) {
    test(`${level} logs lines of that level and above, each as JSON, and never a clientId`, () =>
      withFixture({ LOG_LEVEL: level, MAX_QUEUE: '1' }, async (server) => {
        const secrets = await everythingThatIsLogged(server);
        const shown = levels.slice(0, levels.indexOf(level) + 1).flatMap((shown) => EVENTS[shown]);
        await until(() => shown.every((event) => logged(server, event).length > 0), `not all of ${shown} are logged`);
        for (const { message, level: consoleLevel } of server.logs) {
          assert.doesNotMatch(message, /\n/);
          const line = JSON.parse(message);
          assert.ok(shown.includes(line.event), message);
          assert.ok(EVENTS[line.level].includes(line.event), message);
          assert.equal(consoleLevel, line.level === 'info' ? 'log' : line.level);
          for (const secret of secrets) assert.ok(!message.includes(secret), message);
        }
      }));
  }
});

/** Makes each line that there is be logged; the clientIds that were in use. */
async function everythingThatIsLogged(server) {
  const url = `${server.url}/cometd`;
  const [alice, bob] = await Promise.all([join(url), join(url)]);
  await post(url, [{ ...HANDSHAKE, ext: { deny: true } }]);
  await request(url, { body: `[{"clientId":"${alice.clientId}"` });
  await overflow(server, ['1', '2'], { from: alice, to: bob });
  assert.equal((await alice.publish('/service/panic', alice.clientId)).json[0].error, '500::internal_error');
  await bob.send({ channel: '/nobody', data: 1, id: `<${bob.clientId}>` });
  await alice.ok(alice.send({ channel: '/meta/disconnect' }));
  return [alice.clientId, bob.clientId];
}

/** Publishes to a client that is not there to hear it; what it gets when it comes back. */
async function overflow({ url }, data, { from, to } = {}) {
  const [alice, bob] = from ? [from, to] : await Promise.all([join(`${url}/cometd`), join(`${url}/cometd`)]);
  await bob.ok(bob.subscribe('/overflow'));
  for (const one of data) await alice.ok(alice.publish('/overflow', one));
  const heard = await bob.poll();
  await bob.ok(bob.send({ channel: '/meta/unsubscribe', subscription: '/overflow' }));
  return heard;
}

/** The reply to a handshake. */
const shakenHands = async (url) => (await post(`${url}/cometd`, [HANDSHAKE])).json[0];

const nonEmpty = (list) => list.length > 0 && list;
