// Tokens on workerd, with cometd.js and the command line: signed by node:crypto, each algorithm with a key of one set.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { hears, inNode, sees, settles } from './support/cometd.mjs';
import { ran } from './support/cli.mjs';
import { jwt, keyFor, LEEWAY, seconds } from './support/jwt.mjs';
import { logged, until } from './support/server.mjs';

const KEYS = Object.fromEntries(['HS256', 'RS256', 'ES256', 'EdDSA'].map((alg) => [alg, keyFor(alg)]));

/** Every token that was made: none may be seen again. */
const tokens = [];

function token(claims, { alg = 'ES256', kid = alg, by = KEYS[alg] } = {}) {
  tokens.push(jwt({ alg, kid }, claims, by));
  return tokens.at(-1);
}

const server = await startServer({
  fixture: true,
  vars: {
    TOKEN_KEYS: JSON.stringify({ keys: Object.entries(KEYS).map(([kid, { jwk }]) => ({ ...jwk, kid })) }),
    ACCESS_RULES: 'authenticated * /user/{sub}/**; role=admin * /**; authenticated publish /service/echo',
    LOG_LEVEL: 'debug',
  },
});
after(() => server.stop());
const url = `${server.url}/cometd`;
const runtime = inNode();

async function opened(t, transport) {
  const client = await runtime.open({ url, transports: [transport] });
  t.after(() => client.disconnect());
  return client;
}

const ext = (token) => ({ ext: { token } });

for (const transport of ['long-polling', 'websocket']) {
  test(`${transport}: a token of each algorithm identifies its client`, async (t) => {
    const admin = await opened(t, transport);
    assert.ok((await admin.handshake(ext(token({ role: ['admin'] })))).successful);
    await admin.subscribe('/user/**');
    for (const alg of Object.keys(KEYS)) {
      const client = await opened(t, transport);
      const { successful, error } = await client.handshake(ext(token({ sub: alg }, { alg })));
      assert.ok(successful, error);
      assert.ok((await client.publish(`/user/${alg}/x`, alg)).successful);
      assert.equal((await client.publish('/user/other/x', alg)).error, '403:denied_by_access_rules:publish_denied');
      assert.equal((await client.subscribe('/user/**')).error, '403:denied_by_access_rules:subscribe_denied');
    }
    assert.deepEqual((await hears(admin, 4)).map(([, alg]) => alg).sort(), Object.keys(KEYS).sort());
  });

  test(`${transport}: an invalid token opens no session, and the client stops`, async (t) => {
    const forged = keyFor('ES256');
    const rsaAsSecret = { sign: (data) => createHmac('sha256', JSON.stringify(KEYS.RS256.jwk)).update(data).digest() };
    for (const [bad, error] of [
      [undefined, '403::token_missing'],
      ['no token', '403::token_malformed'],
      [token({}, { by: forged }), '403::token_signature_invalid'],
      [token({}, { alg: 'HS256', kid: 'RS256', by: rsaAsSecret }), '403::token_algorithm_refused'],
      [token({}, { alg: 'none', kid: 'RS256', by: { sign: () => Buffer.alloc(0) } }), '403::token_algorithm_refused'],
      [token({}, { kid: 'gone' }), '403::token_key_unknown'],
      [token({ exp: seconds() - LEEWAY - 1 }), '403::token_expired'],
      [token({ subscribe: '/a' }), '403:subscribe:token_claim_invalid'],
    ]) {
      const client = await opened(t, transport);
      const reply = await client.handshake(ext(bad));
      assert.deepEqual([reply.successful, reply.error, reply.advice.reconnect], [false, error, 'none']);
    }
  });

  test(`${transport}: when a token expires the client shakes hands again, and goes on with a new one`, async (t) => {
    const client = await opened(t, transport);
    assert.ok((await client.handshake(ext(token({ sub: 'alice', exp: seconds() - LEEWAY + 3 })))).successful);
    await client.subscribe('/user/alice/*');
    await settles(client);
    await sees(client, '/meta/connect', ({ error }) => error === '403::token_expired', 'it is never told');
    // cometd.js shakes hands with the same token, and is refused.
    await sees(client, '/meta/handshake', ({ error }) => error === '403::token_expired', 'it does not shake hands again');
    assert.ok((await client.handshake(ext(token({ sub: 'alice' })))).successful);
    assert.ok((await client.publish('/user/alice/x', 'back')).successful);
    assert.deepEqual(await hears(client, 1), [['/user/alice/x', 'back']]);
  });
}

test('the command line sends its token', async () => {
  for (const given of [{ args: (token) => ['--token', token] }, { args: () => [], env: (token) => ({ BAYEUX_TOKEN: token }) }]) {
    const good = token({ sub: 'cli' });
    const { code, stdout, stderr } = await ran(['call', url, '/service/echo', '"hello"', '--verbose', ...given.args(good)], { env: given.env?.(good) });
    assert.deepEqual([code, stdout], [0, 'hello\n'], stderr);
    assert.ok(!stderr.includes(good));
  }
  const { code, stderr } = await ran(['call', url, '/service/echo', '1', '--token', 'wrong']);
  assert.equal(code, 1);
  assert.match(stderr, /token_malformed/);
});

test('neither a token nor a key is in the log', async () => {
  await until(() => logged(server, 'session_closed').some(({ why }) => why === 'token_expired'), 'the log does not tell');
  const log = server.logs.map(({ message }) => message).join('\n');
  for (const token of tokens) for (const part of token.split('.').slice(1)) assert.ok(!part || !log.includes(part), 'a token');
  assert.ok(!log.includes(KEYS.HS256.jwk.k));
});
