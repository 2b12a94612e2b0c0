// Two clients talk by the server that src/index.ts and wrangler.jsonc make.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, test } from 'node:test';
import { connect } from 'bayeux-edge/client';
import { createTestHarness } from 'wrangler';

// A secret of the tests' own: one in .dev.vars is not theirs to know.
const secrets = { TOKEN_KEYS: 'a secret of the tests, long enough' };
const server = createTestHarness({ workers: [{ configPath: 'wrangler.jsonc', secrets }] });
const { url } = await server.listen();
const clients = [];
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.close();
});

/** A token (JWT) that says who its bearer is, for a minute. */
function token(sub) {
  const claims = { sub, exp: Math.floor(Date.now() / 1000) + 60 };
  const signed = [{ alg: 'HS256', typ: 'JWT' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${signed}.${createHmac('sha256', secrets.TOKEN_KEYS).update(signed).digest('base64url')}`;
}

function join(name) {
  const client = connect(new URL('/cometd', url).href, { token: () => token(name) });
  clients.push(client);
  return client;
}

test('one client publishes, the other receives', { timeout: 30_000 }, async () => {
  const [alice, bob] = [join('alice'), join('bob')];
  const news = bob.subscribe('/news/**');
  await news.ready;
  await alice.publish('/news/today', { text: 'hello' });
  for await (const { channel, data } of news) {
    assert.deepEqual([channel, data], ['/news/today', { text: 'hello' }]);
    break;
  }
});
