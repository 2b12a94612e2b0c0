// Two clients in a room of the server that src/index.ts and wrangler.jsonc make.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connect } from 'bayeux-edge/client';
import { createTestHarness } from 'wrangler';

// Secrets of the tests' own: a login in .dev.vars is not theirs to know.
const secrets = { TOKEN_KEYS: 'a secret of the tests, long enough', USERS: 'alice:a-long-password bob:another-long-one' };
const server = createTestHarness({ workers: [{ configPath: 'wrangler.jsonc', secrets }] });
const { url } = await server.listen();
const clients = [];
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.close();
});

const logIn = (login) => server.fetch('/token', { headers: { authorization: `Basic ${btoa(login)}` } });

const tokens = Object.fromEntries(
  await Promise.all(secrets.USERS.split(' ').map(async (login) => [login.split(':')[0], await (await logIn(login)).text()])),
);

function join(name) {
  const client = connect(new URL('/cometd', url).href, { token: () => tokens[name] });
  clients.push(client);
  return client;
}

const LIMIT = { timeout: 30_000 };

test('a message reaches the room, with the name of the login and the time of the server', LIMIT, async () => {
  const [alice, bob] = [join('alice'), join('bob')];
  const room = bob.subscribe('/chat/test');
  await room.ready;
  await alice.publish('/chat/test', { name: 'Bob', text: 'hello', time: 'never' });
  const { data } = await first(room);
  assert.deepEqual([data.name, data.text, typeof data.time], ['alice', 'hello', 'number']);
});

test('a later client gets the earlier messages', LIMIT, async () => {
  const alice = join('alice');
  for (const text of ['one', 'two']) await alice.publish('/chat/history', { text });
  const room = join('bob').subscribe('/chat/history', { replay: 'all' });
  const heard = [];
  for await (const { data } of room) if (heard.push(data.text) === 2) break;
  assert.deepEqual(heard, ['one', 'two']);
});

test('an invalid text is refused', LIMIT, async () => {
  const refused = { name: 'Refused', error: '400::text_invalid' };
  const alice = join('alice');
  for (const text of [' ', 7, 'long'.repeat(1000)]) await assert.rejects(alice.publish('/chat/test', { text }), refused);
});

test('a client without a valid password is refused', LIMIT, async () => {
  assert.equal((await logIn('alice:a-guess')).status, 401);
  await assert.rejects(join('nobody').ready, { message: /token_missing/ });
});

test('rolled dice are shown to all', LIMIT, async () => {
  const alice = join('alice');
  const room = alice.subscribe('/chat/dice');
  await room.ready;
  const { rolled } = await alice.call('dice', { room: 'dice' });
  assert.ok(rolled >= 1 && rolled <= 6);
  const { data } = await first(room);
  assert.equal(data.text, `alice rolled a ${rolled}.`);
});

test('the page is served', LIMIT, async () => {
  assert.match(await (await server.fetch('/')).text(), /<title>Chat<\/title>/);
});

async function first(messages) {
  for await (const message of messages) return message;
}
