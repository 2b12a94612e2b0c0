// TOKEN_JWKS_URL: the keys of an identity provider, which is an HTTP server here, working and failing in every way.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, describe, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { HANDSHAKE, join, post } from './support/bayeux.mjs';
import { inNode } from './support/cometd.mjs';
import { jwt, keyFor } from './support/jwt.mjs';
import { logged, until } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const UNKNOWN = '403::token_key_unknown';
const UNAVAILABLE = '503::token_keys_unavailable';

const ISSUER = 'https://id.example';

/** Keys by their `kid`: a provider's, of which it publishes those that it likes. */
const KEYS = Object.fromEntries([['a', 'ES256'], ['b', 'RS256'], ['c', 'EdDSA'], ['own', 'HS256']].map(([kid, alg]) => [kid, { alg, ...keyFor(alg) }]));
const jwks = (...kids) => JSON.stringify({ keys: kids.map((kid) => ({ ...KEYS[kid].jwk, kid })) });
const token = (kid, claims) => jwt({ alg: KEYS[kid].alg, kid }, { iss: ISSUER, ...claims }, KEYS[kid]);

/** A provider that `answer(request, response)` is the whole of, and how often it was asked. */
class Provider {
  asked = 0;
  #answer;
  #server = createServer((request, response) => {
    this.asked += 1;
    this.#answer(request, response);
  });

  static async start() {
    const provider = new Provider();
    await once(provider.#server.listen(0, '127.0.0.1'), 'listening');
    after(() => provider.stop());
    return provider;
  }

  get url() {
    return `http://127.0.0.1:${this.#server.address().port}/jwks`;
  }

  /** From now on it publishes these keys, good for so many seconds. */
  publishes(kids, maxAge = 3600) {
    this.answers((_, response) => response.setHeader('cache-control', `max-age=${maxAge}`).end(jwks(...kids)));
  }

  answers(answer) {
    this.#answer = answer;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** A provider, and a server that goes by its keys. */
async function both(vars = {}) {
  const provider = await Provider.start();
  const server = await startServer({ fixture: true, vars: { TOKEN_JWKS_URL: provider.url, TOKEN_ISSUER: ISSUER, ...vars } });
  after(() => server.stop());
  return { provider, server, url: `${server.url}/cometd` };
}

/** The error that a handshake with this token reads, or none. */
async function outcome(url, token) {
  const [{ error, successful, advice }] = (await post(url, [{ ...HANDSHAKE, ext: { token } }])).json;
  assert.equal(successful, error === undefined);
  if (error === UNAVAILABLE) assert.deepEqual(advice, { interval: 10_000 });
  return error;
}

/** Longer than the pause between two fetches. */
const PATIENCE = 20_000; // ms

/** Waits until a handshake with this token has that outcome. */
const becomes = (url, token, error) => until(async () => (await outcome(url, token)) === error, `never ${error ?? 'let in'}`, PATIENCE);

const failures = (server) => logged(server, 'token_keys_failed').map(({ reason }) => reason);

describe('keys of a provider', { concurrency: 4 }, () => {
  test('are fetched once, for every transport, place of the token and algorithm', async (t) => {
    const { provider, server, url } = await both({ TOKEN_COOKIE: 'jwt' });
    provider.publishes(['a', 'b', 'c']);
    const outcomes = await Promise.all([token('a'), token('b'), token('c'), token('own')].map((token) => outcome(url, token)));
    assert.deepEqual(outcomes, [undefined, undefined, undefined, UNKNOWN]);
    await join(url, { headers: { authorization: `Bearer ${token('a')}` } });
    await join(url, { headers: { cookie: `jwt=${token('a')}`, origin: server.url } });
    const socket = await Socket.open(url, { protocols: ['bayeux', `bayeux.token.${token('b')}`] });
    assert.ok(await socket.join());
    const runtime = inNode();
    for (const transport of ['long-polling', 'websocket']) {
      const client = await runtime.open({ url, transports: [transport] });
      t.after(() => client.disconnect());
      assert.ok((await client.handshake({ ext: { token: token('c') } })).successful);
    }
    assert.equal(provider.asked, 1);
    assert.equal(logged(server, 'token_keys_fetched')[0].keys, 3);
    assert.equal(await outcome(`${url}/another`, token('a')), undefined);
    assert.equal(provider.asked, 1, 'what was fetched just now serves another home too');
    assert.equal(await outcome(url, jwt({ alg: 'ES256', kid: 'a' }, { iss: 'https://other.example' }, KEYS.a)), '403::token_issuer_refused');
    assert.equal(await outcome(url, jwt({ alg: 'ES256', kid: 'a' }, { iss: ISSUER }, keyFor('ES256'))), '403::token_signature_invalid');
  });

  test('rotate: a new key is used at once, and an old one until the set is fetched again', async () => {
    const { provider, url } = await both();
    provider.publishes(['a'], 12);
    assert.equal(await outcome(url, token('a')), undefined);
    provider.publishes(['b'], 3600);
    const asked = provider.asked;
    await becomes(url, token('b'), undefined);
    assert.equal(provider.asked, asked + 1);
    assert.equal(await outcome(url, token('a')), UNKNOWN);
    assert.equal(provider.asked, asked + 1, 'within the pause nobody is asked');
  });

  test('are removed with the set that had them', async () => {
    const { provider, url } = await both();
    provider.publishes(['a', 'b'], 1);
    assert.equal(await outcome(url, token('a')), undefined);
    provider.publishes(['b'], 3600);
    assert.equal(await outcome(url, token('a')), undefined, 'for the pause');
    await becomes(url, token('a'), UNKNOWN);
    assert.equal(await outcome(url, token('b')), undefined);
  });

  test('that are unknown cost the provider one request', async () => {
    const { provider, url } = await both();
    provider.publishes(['a']);
    assert.equal(await outcome(url, token('a')), undefined);
    const flood = async () => Promise.all(Array.from({ length: 50 }, (_, kid) => outcome(url, jwt({ alg: 'ES256', kid: `${kid}` }, {}, KEYS.a))));
    const started = performance.now();
    for (let round = 0; round < 10; round += 1) assert.deepEqual(new Set(await flood()), new Set([UNKNOWN]));
    const pauses = (performance.now() - started) / 5000;
    assert.ok(provider.asked <= 2 + pauses, `asked ${provider.asked} times`);
  });

  test('that cannot be fetched: the last ones are used, and the failure is logged', async () => {
    const { provider, server, url } = await both();
    provider.publishes(['a'], 1);
    assert.equal(await outcome(url, token('a')), undefined);
    provider.answers((_, response) => response.writeHead(500).end());
    await until(async () => (assert.equal(await outcome(url, token('a')), undefined), failures(server).includes('status 500')), 'nothing is logged', PATIENCE);
    provider.stop();
    await until(async () => (assert.equal(await outcome(url, token('a')), undefined), failures(server).length > 1), 'nothing is logged', PATIENCE);
    assert.equal(await outcome(url, token('b')), UNKNOWN);
  });

  test('that never came: handshakes are refused, and clients try again', async (t) => {
    const { provider, url } = await both();
    provider.answers((_, response) => response.writeHead(503).end());
    assert.equal(await outcome(url, token('a')), UNAVAILABLE);
    const client = await inNode().open({ url, transports: ['websocket'] });
    t.after(() => client.disconnect());
    assert.equal((await client.handshake({ ext: { token: token('a') } })).error, UNAVAILABLE);
    provider.publishes(['a']);
    const shookHands = ({ channel, successful }) => channel === '/meta/handshake' && successful;
    await until(() => client.meta().some(shookHands), 'it does not come again', PATIENCE);
  });

  for (const [what, reason, answer] of [
    ['hang', /abort/i, () => {}],
    ['trickle', /abort|broke off/i, (_, response) => void response.write('{"keys":[')],
    ['are nonsense', /not a JWK Set/, (_, response) => response.end('<html>')],
    ['are huge', /more than 65536 bytes/, (_, response) => response.end(JSON.stringify({ keys: [], padding: 'x'.repeat(1 << 20) }))],
    ['never end', /more than 65536 bytes/, (_, response) => endless(response)],
    ['are too many', /more than 16 keys/, (_, response) => response.end(JSON.stringify({ keys: Array(17).fill(KEYS.a.jwk) }))],
    ['are elsewhere', /status 302/, (_, response) => response.writeHead(302, { location: '/other' }).end()],
    ['break off', /./, (_, response) => response.writeHead(200, { 'content-length': 1000 }).write('{', () => response.destroy())],
    ['are gone', /status 404/, (_, response) => response.writeHead(404).end(jwks('a'))],
  ]) {
    test(`that ${what} are not used, and clients with TOKEN_KEYS still connect`, async () => {
      const { provider, server, url } = await both({ TOKEN_KEYS: JSON.stringify({ keys: [{ ...KEYS.own.jwk, kid: 'own' }] }) });
      provider.answers(answer);
      const started = performance.now();
      const waits = outcome(url, token('a'));
      assert.equal(await outcome(url, token('own')), undefined);
      assert.equal(await waits, UNAVAILABLE);
      assert.ok(performance.now() - started < 9000, 'it takes too long');
      assert.match(failures(server)[0], reason);
      assert.equal(await outcome(url, token('own')), undefined);
      provider.publishes(['a']);
      await becomes(url, token('a'), undefined);
    });
  }

  test('a secret among them is not used', async () => {
    const { provider, url } = await both();
    provider.publishes(['own', 'a']);
    assert.equal(await outcome(url, token('own')), UNKNOWN);
    assert.equal(await outcome(url, token('a')), undefined);
  });

  test('a flood of handshakes that waits for them is answered when they come', async () => {
    const { provider, url } = await both();
    const late = Promise.withResolvers();
    provider.answers(async (_, response) => (await late.promise, response.end(jwks('a'))));
    const waiting = Array.from({ length: 200 }, () => outcome(url, token('a')));
    await until(() => provider.asked, 'nobody fetches');
    late.resolve();
    assert.deepEqual(new Set(await Promise.all(waiting)), new Set([undefined]));
    assert.equal(provider.asked, 1);
  });
});

function endless(response) {
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(10_000)));
  };
  response.on('drain', more);
  more();
}
