// Requests that the Worker refuses itself, so that they start no object; and what an object refuses to clients with
// invented ids.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { describe, test } from 'node:test';
import { gzipSync, brotliCompressSync } from 'node:zlib';
import { startServer } from '../../scripts/lib/server.mjs';
import { EventStream } from './support/event-stream.mjs';
import { HANDSHAKE, join, post } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { jwt, keyFor } from './support/jwt.mjs';
import { logged, withFixture } from './support/server.mjs';
import { opening, Socket } from './support/websocket.mjs';

const NO_HOME = '404::no_such_home';
const started = (server) => logged(server, 'object_started').map(({ home }) => home);

test('a tree that TREES does not name is refused by the Worker, and so are publishes to it', () =>
  withFixture({ TREES: '/chat /rooms', LOG_LEVEL: 'debug' }, async (server) => {
    const invented = `${server.url}/cometd/invented`;
    const refused = await post(invented, [HANDSHAKE]);
    assert.deepEqual([refused.status, refused.json[0].error], [404, NO_HOME]);
    assert.equal((await opening(invented))[0], 404);
    assert.equal((await EventStream.open(`${invented}/t0123456`)).status, 404);
    const alice = await join(`${server.url}/cometd/chat`);
    for (const message of [{ channel: '/invented/a', data: 1 }, { channel: '/meta/subscribe', subscription: '/invented/**' }])
      assert.equal((await alice.send(message)).json[0].error, '404::tree_unknown');
    await alice.ok(alice.subscribe('/rooms/a'));
    assert.deepEqual([...new Set(started(server))].sort(), ['/chat', '/rooms']);
  }));

test('as shipped the trees of the pages exist, and no others', async (t) => {
  const server = await startServer();
  t.after(() => server.stop());
  for (const tree of ['chat', 'magnets', 'news']) assert.equal((await post(`${server.url}/cometd/${tree}`, [HANDSHAKE])).status, 200, tree);
  assert.equal((await post(`${server.url}/cometd/other`, [HANDSHAKE])).json[0].error, NO_HOME);
  const { json } = await post(`${server.url}/cometd`, [{ ...HANDSHAKE, supportedConnectionTypes: ['callback-polling', 'long-polling'] }]);
  assert.deepEqual(json[0].supportedConnectionTypes, ['long-polling']);
});

test('a handshake without a required token starts no object', () => {
  const key = keyFor('HS256');
  const vars = { TOKEN_KEYS: JSON.stringify({ keys: [key.jwk] }), LOG_LEVEL: 'debug' };
  return withFixture(vars, async (server) => {
    const url = `${server.url}/cometd/tea`;
    for (const body of [JSON.stringify([{ ...HANDSHAKE, id: 'x' }]), `message=${encodeURIComponent(JSON.stringify({ ...HANDSHAKE, id: 'x' }))}`]) {
      const headers = body.startsWith('message') ? { 'content-type': 'application/x-www-form-urlencoded' } : {};
      const { status, json } = await request(url, { headers, body });
      const [{ error, advice, id, channel, successful }] = json;
      assert.deepEqual([status, json.length, error, advice, id, channel, successful], [200, 1, '403::token_missing', { reconnect: 'none' }, 'x', '/meta/handshake', false]);
    }
    assert.deepEqual(started(server), []);
    const token = jwt({ alg: 'HS256' }, {}, key);
    await join(url, { handshake: { ext: { token } } });
    await join(url, { headers: { authorization: `Bearer ${token}` } });
    assert.deepEqual(started(server), ['/tea']);
    assert.equal(logged(server, 'handshake_refused').length, 1, 'a line for the first one');
  });
});

describe('clientIds of homes that never existed', () => {
  test('start no object, by polls and sockets', () =>
    withFixture({ LOG_LEVEL: 'debug' }, async (server) => {
      const url = `${server.url}/cometd`;
      const socket = await Socket.open(url);
      for (let n = 0; n < 20; n += 1) {
        const message = { channel: '/meta/connect', clientId: `s0${n.toString(36)}x`, connectionType: 'websocket' };
        assert.equal((await socket.ask(message))[0].error, '402::session_unknown');
        assert.equal((await post(url, [message])).json[0].error, '402::session_unknown');
      }
      await socket.close(1000);
      assert.deepEqual([...new Set(started(server))], ['/']);
    }));

  test('and those of former homes are routed there if FORMER_HOMES names them', () =>
    withFixture({ FORMER_HOMES: 'sharded:4', LOG_LEVEL: 'debug' }, async (server) => {
      const { json } = await post(`${server.url}/cometd`, [{ channel: '/meta/connect', clientId: 's03x', connectionType: 'long-polling' }]);
      assert.equal(json[0].error, '402::session_unknown');
      assert.deepEqual([...new Set(started(server))].sort(), ['/', '@3']);
    }));

  test('a socket that uses clientIds of too many homes is closed', () =>
    withFixture({ HOMES: 'sharded:40', LOG_LEVEL: 'debug' }, async (server) => {
      const socket = await Socket.open(`${server.url}/cometd`, { headers: { 'cf-connecting-ip': '192.0.2.1' } });
      const digits = '0123456789abcdefghijklmnopqrstuv';
      for (const digit of digits) socket.send([{ channel: '/meta/connect', clientId: `s0${digit}x`, connectionType: 'websocket' }]);
      assert.deepEqual([await socket.closed, socket.reason], [1013, '503::homes_exceeded']);
      assert.ok(new Set(started(server)).size <= 6, started(server).join());
    }));
});

describe('a script of another site', () => {
  const script = (url, headers) =>
    request(`${url}/cometd?jsonp=f&message=${encodeURIComponent(JSON.stringify([HANDSHAKE]))}`, { method: 'GET', headers });

  test('is refused, unless ALLOWED_ORIGINS is *', async () => {
    await withFixture({ ALLOWED_ORIGINS: 'https://page.example' }, async ({ url }) => {
      const refused = await script(url, { 'sec-fetch-site': 'cross-site' });
      assert.deepEqual([refused.status, refused.json], [403, [{ successful: false, error: '403::origin_not_allowed' }]]);
      for (const site of ['same-origin', 'same-site', 'none']) assert.equal((await script(url, { 'sec-fetch-site': site })).status, 200, site);
      assert.equal((await script(url, {})).status, 200, 'a client that is no browser');
    });
    await withFixture({ ALLOWED_ORIGINS: '*' }, async ({ url }) => {
      assert.equal((await script(url, { 'sec-fetch-site': 'cross-site' })).status, 200);
    });
  });
});

describe('a body', () => {
  const body = JSON.stringify([{ ...HANDSHAKE, ext: { text: 'é' } }]);
  const send = (url, bytes, headers = {}) => request(`${url}/cometd`, { headers: { 'content-type': 'application/json', ...headers }, body: bytes });
  const outcome = ({ status, json }) => [status, json[0].error];

  test('is read as UTF-8 or refused', () =>
    withFixture({}, async ({ url }) => {
      assert.deepEqual(outcome(await send(url, Buffer.from('[{"channel":"/a","data":"\xc3"}]', 'latin1'))), [400, '400::utf8_invalid']);
      assert.equal((await send(url, Buffer.from(`\ufeff${body}`))).json[0].successful, true, 'a byte order mark');
      for (const charset of ['iso-8859-1', 'utf-16', '"windows-1252"'])
        assert.deepEqual(outcome(await send(url, body, { 'content-type': `application/json; charset=${charset}` })), [415, '415::charset_unsupported']);
      for (const charset of ['UTF-8', '"utf-8"', 'us-ascii'])
        assert.equal((await send(url, body, { 'content-type': `application/json;charset=${charset}` })).json[0].successful, true, charset);
    }));

  test('that is compressed is decompressed, within the limit', () =>
    withFixture({ MAX_MESSAGE_SIZE: '100000' }, async ({ url }) => {
      assert.equal((await send(url, gzipSync(body), { 'content-encoding': 'gzip' })).json[0].successful, true);
      assert.deepEqual(outcome(await send(url, brotliCompressSync(body), { 'content-encoding': 'br' })), [415, '415::content_encoding_unsupported']);
      const bomb = gzipSync(Buffer.from(`[${JSON.stringify({ channel: '/a', data: 'x'.repeat(50_000_000) })}]`));
      assert.ok(bomb.length < 100_000);
      assert.deepEqual(outcome(await send(url, bomb, { 'content-encoding': 'gzip' })), [413, '413::request_too_large']);
      assert.deepEqual(outcome(await send(url, Buffer.from('nonsense'), { 'content-encoding': 'gzip' })), [400, '400::json_invalid']);
    }));
});

test('a token with an unknown key at many homes fetches the keys once', async (t) => {
  const [known, unknown] = [keyFor('ES256'), keyFor('ES256')];
  let asked = 0;
  const provider = createServer((_, response) => {
    asked += 1;
    setTimeout(() => response.setHeader('cache-control', 'max-age=3600').end(JSON.stringify({ keys: [{ ...known.jwk, kid: 'known' }] })), 100);
  });
  await once(provider.listen(0, '127.0.0.1'), 'listening');
  t.after(() => provider.close());
  await withFixture({ TOKEN_JWKS_URL: `http://127.0.0.1:${provider.address().port}/jwks` }, async ({ url }) => {
    const token = jwt({ alg: 'ES256', kid: 'unknown' }, {}, unknown);
    const started = performance.now();
    const tried = await Promise.all(Array.from({ length: 30 }, (_, n) => post(`${url}/cometd/t${n}`, [{ ...HANDSHAKE, ext: { token } }])));
    for (const { json } of tried) assert.equal(json[0].error, '403::token_key_unknown');
    const pauses = Math.floor((performance.now() - started) / 5000);
    assert.ok(asked <= 1 + pauses, `fetched ${asked} times`);
    await join(`${url}/cometd/another`, { handshake: { ext: { token: jwt({ alg: 'ES256', kid: 'known' }, {}, known) } } });
  });
  provider.closeAllConnections();
});
