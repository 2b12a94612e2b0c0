// Tokens outside the messages: in a header, as a WebSocket subprotocol, in a cookie.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { after, describe, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { HANDSHAKE, join, post } from './support/bayeux.mjs';
import { browser } from './support/browser.mjs';
import { hears, inNode } from './support/cometd.mjs';
import { request } from './support/http.mjs';
import { jwt, keyFor, seconds } from './support/jwt.mjs';
import { clientIn, pageWith } from './support/page.mjs';
import { withFixture } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const key = keyFor('ES256');
/** Every token that was made: none may be seen again. */
const tokens = [];

function token(claims) {
  tokens.push(jwt({ alg: 'ES256' }, claims, key));
  return tokens.at(-1);
}

const chromium = await browser();
const pages = await pageWith('cometd-client.mjs');
const strangers = await pageWith('cometd-client.mjs');
const VARS = {
  TOKEN_KEYS: JSON.stringify({ keys: [key.jwk] }),
  TOKEN_COOKIE: 'jwt',
  ACCESS_RULES: 'authenticated * /user/{sub}/**',
  ALLOWED_ORIGINS: pages,
  API_KEYS: 'the-key-of-these-tests',
  LOG_LEVEL: 'debug',
};
const persistTo = await mkdtemp(path(tmpdir(), 'bayeux-edge-'));
const server = await startServer({ fixture: true, persistTo, vars: VARS });
after(async () => {
  await server.stop();
  await rm(persistTo, { recursive: true, force: true });
});
const url = `${server.url}/cometd`;
const own = server.url;

/** What the reply to a handshake with these headers says. */
const outcome = async (headers, { at = url, fields } = {}) => (await post(at, [{ ...HANDSHAKE, ...fields }], { headers })).json[0];
const cookie = (token, origin) => ({ cookie: `a=b; jwt=${token}`, ...(origin && { origin }) });
const bearer = (token) => ({ authorization: `Bearer ${token}` });
const offering = (token) => ['bayeux', `bayeux.token.${token}`];

describe('over HTTP', () => {
  test('a header or a cookie identifies the client', async () => {
    for (const headers of [bearer(token({ sub: 'alice' })), cookie(token({ sub: 'alice' }), own), cookie(token({ sub: 'alice' }), pages)]) {
      const alice = await join(url, { headers });
      await alice.ok(alice.publish('/user/alice/x', 1));
      assert.equal((await alice.publish('/user/bob/x', 1)).json[0].error, '403:denied_by_access_rules:publish_denied');
    }
  });

  test('a token is read at every home', async () => {
    const alice = await join(`${url}/user`, { headers: bearer(token({ sub: 'alice' })) });
    await alice.ok(alice.publish('/user/alice/x', 1));
  });

  test('an invalid token is refused like one in ext', async () => {
    const old = token({ exp: seconds() - 3600 });
    for (const headers of [bearer(old), cookie(old, own)]) {
      const { error, advice } = await outcome(headers);
      assert.deepEqual([error, advice], ['403::token_expired', { reconnect: 'none' }]);
    }
    for (const headers of [bearer('x'), bearer(''), { authorization: 'bearer' }, cookie('x', own), cookie('', own)])
      assert.equal((await outcome(headers)).error, '403::token_malformed', JSON.stringify(headers));
    assert.equal((await outcome(bearer('x.'.repeat(5000)))).error, '403::token_too_long');
    assert.equal((await outcome({ authorization: 'Basic YWxpY2U6eA==' })).error, '403::token_missing');
  });

  test('ext comes first, then the header, then the cookie', async () => {
    const good = () => token({ sub: 'alice' });
    const beside = { ...bearer('bad'), ...cookie('bad', own) };
    assert.equal((await outcome(beside, { fields: { ext: { token: good() } } })).successful, true);
    assert.equal((await outcome({ ...bearer(good()), ...cookie('bad', own) })).successful, true);
    assert.equal((await outcome({ ...bearer('bad'), ...cookie(good(), own) })).error, '403::token_malformed');
    assert.equal((await outcome(bearer(good()), { fields: { ext: { token: 'bad' } } })).error, '403::token_malformed');
  });

  test('a cookie that a page of another site may have sent does not count', async () => {
    const good = () => token({ sub: 'alice' });
    for (const origin of [strangers, 'null', `${own}.evil.example`, undefined])
      assert.equal((await outcome(cookie(good(), origin))).error, '403::token_missing', origin);
    const messages = encodeURIComponent(JSON.stringify([HANDSHAKE]));
    const script = await request(`${url}?message=${messages}&jsonp=stolen`, { method: 'GET', headers: cookie(good()) });
    assert.match(script.text, /403::token_missing/);
    await withFixture({ ...VARS, ALLOWED_ORIGINS: '*' }, async ({ url }) => {
      const at = `${url}/cometd`;
      assert.equal((await outcome(cookie(good(), strangers), { at })).error, '403::token_missing');
      assert.equal((await outcome(cookie(good(), url), { at })).successful, true);
      assert.equal((await outcome({ ...bearer(good()), origin: strangers }, { at })).successful, true, 'who knows a token may show it');
    });
  });
});

describe('over WebSocket', () => {
  const handshake = { ...HANDSHAKE, supportedConnectionTypes: ['websocket'] };
  const refusal = async (options) => {
    const socket = await Socket.open(url, options);
    const [{ error }] = await socket.ask(handshake);
    await socket.close(1000);
    return error;
  };

  test('the upgrade’s header, subprotocol or cookie identifies the client, before and after the object slept', async () => {
    for (const options of [
      () => ({ headers: bearer(token({ sub: 'alice' })) }),
      () => ({ protocols: offering(token({ sub: 'alice' })) }),
      () => ({ protocols: offering(token({ sub: 'alice' })).reverse() }),
      () => ({ headers: cookie(token({ sub: 'alice' }), pages) }),
    ]) {
      for (const evict of [false, true]) {
        const given = options();
        const socket = await Socket.open(url, given);
        assert.equal(socket.raw.protocol, given.protocols ? 'bayeux' : '', 'never the token');
        if (evict) await server.evict('/', 'hibernate');
        const clientId = await socket.join();
        const publish = (channel) => socket.ask({ channel, clientId, data: 1 });
        assert.equal((await publish('/user/alice/x'))[0].successful, true);
        assert.equal((await publish('/user/bob/x'))[0].error, '403:denied_by_access_rules:publish_denied');
        assert.equal((await socket.ask(handshake))[0].successful, true, 'and once more');
        await socket.close(1000);
      }
    }
  });

  test('an invalid token is refused like one in ext', async () => {
    const old = token({ exp: seconds() - 3600 });
    for (const options of [{ headers: bearer(old) }, { protocols: offering(old) }, { headers: cookie(old, own) }])
      assert.equal(await refusal(options), '403::token_expired');
    assert.equal(await refusal({ protocols: ['bayeux', 'bayeux.token.'] }), '403::token_malformed');
    assert.equal(await refusal({ protocols: ['bayeux'] }), '403::token_missing');
    assert.equal(await refusal({}), '403::token_missing');
  });

  test('ext comes first, then the header, then the subprotocol, then the cookie', async () => {
    const good = () => token({ sub: 'alice' });
    assert.equal(await refusal({ headers: { ...bearer(good()), ...cookie('bad', own) }, protocols: offering('bad') }), undefined);
    assert.equal(await refusal({ headers: bearer('bad'), protocols: offering(good()) }), '403::token_malformed');
    assert.equal(await refusal({ headers: cookie('bad', own), protocols: offering(good()) }), undefined);
    assert.equal(await refusal({ headers: cookie(good(), own), protocols: offering('bad') }), '403::token_malformed');
    const socket = await Socket.open(url, { headers: bearer('bad') });
    assert.ok(await socket.join({ ext: { token: good() } }));
  });

  test('the longest token and the largest cookie are accepted, and a longer one is refused', async () => {
    const padded = (length) => token({ sub: 'alice', pad: 'x'.repeat(length) });
    const socket = await Socket.open(url, { headers: bearer(padded(5900)) });
    await server.evict('/', 'hibernate');
    assert.ok(await socket.join());
    assert.equal(await refusal({ headers: bearer(padded(9000)) }), '403::token_too_long');
  });

  test('without an Origin header the cookie of a socket does not count', async () => {
    assert.equal(await refusal({ headers: cookie(token({ sub: 'alice' })) }), '403::token_missing');
  });
});

describe('cometd.js', () => {
  test('in Node, by header and by subprotocol', async (t) => {
    const runtime = inNode();
    for (const [transport, configuration] of [
      ['long-polling', { requestHeaders: { Authorization: bearer(token({ sub: 'alice' })).authorization } }],
      ['websocket', { protocol: offering(token({ sub: 'alice' })) }],
    ]) {
      const client = await runtime.open({ url, transports: [transport], configuration });
      t.after(() => client.disconnect());
      assert.ok((await client.handshake()).successful);
      await client.subscribe('/user/alice/*');
      assert.ok((await client.publish('/user/alice/x', transport)).successful);
      assert.deepEqual(await hears(client, 1), [['/user/alice/x', transport]]);
    }
  });

  /** The reply to a handshake from a page of that origin, in a browser that has the cookie. */
  async function handshakeFrom(origin, options, cookie) {
    const page = await chromium.visit(origin);
    if (cookie) await page.context().addCookies([{ name: 'jwt', value: cookie, url: server.url, sameSite: 'Lax' }]);
    return (await clientIn(page, 'CometDClient', { url, ...options })).handshake({});
  }

  for (const transport of ['long-polling', 'websocket']) {
    test(`${transport} in Chromium: a cookie, from a page in ALLOWED_ORIGINS and from no other`, async () => {
      const good = token({ sub: 'alice' });
      assert.equal((await handshakeFrom(pages, { transports: [transport] }, good)).successful, true);
      assert.notEqual((await handshakeFrom(strangers, { transports: [transport] }, good)).successful, true);
      assert.equal((await handshakeFrom(pages, { transports: [transport] })).error, '403::token_missing');
    });
  }

  test('in Chromium: a header, which needs a preflight, and a subprotocol', async () => {
    const { authorization } = bearer(token({ sub: 'alice' }));
    const headers = { transports: ['long-polling'], configuration: { requestHeaders: { Authorization: authorization } } };
    assert.equal((await handshakeFrom(pages, headers)).successful, true);
    const protocol = offering(token({ sub: 'alice' }));
    assert.equal((await handshakeFrom(pages, { transports: ['websocket'], configuration: { protocol } })).successful, true);
  });
});

test('no token is in the log, in an API list or in a row', async () => {
  const socket = await Socket.open(url, { protocols: offering(token({ sub: 'last' })) });
  const clientId = await socket.join();
  assert.equal((await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/user/last/x' }))[0].successful, true);
  const headers = { authorization: `Bearer ${VARS.API_KEYS}` };
  const lists = await Promise.all(['clients', 'channels'].map((list) => request(`${url}/api/${list}`, { method: 'GET', headers })));
  const seen = [...server.logs.map(({ message }) => message), ...lists.map(({ text }) => text)];
  for (const entry of await readdir(persistTo, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) seen.push(await readFile(path(entry.parentPath, entry.name), 'latin1'));
  const text = seen.join('\n');
  assert.ok(text.includes('/user/last/x'), 'the rows are there');
  for (const token of tokens) assert.ok(!text.includes(token.split('.')[2]), 'a token');
});
