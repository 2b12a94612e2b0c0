// Two clients in a room of the server that src/index.ts and wrangler.jsonc make.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { connect } from 'bayeux-edge/client';
import { createTestHarness } from 'wrangler';

const server = createTestHarness({ workers: [{ configPath: 'wrangler.jsonc' }] });
const { url } = await server.listen();
const clients = [];
after(async () => {
  await Promise.all(clients.map((client) => client.close()));
  await server.close();
});

function join() {
  const client = connect(new URL('/cometd', url).href);
  clients.push(client);
  return client;
}

const LIMIT = { timeout: 30_000 };

test('a text reaches the room, with the time at which the server took it', LIMIT, async () => {
  const [alice, bob] = [join(), join()];
  const room = bob.subscribe('/chat/test');
  await room.ready;
  await alice.publish('/chat/test', { name: 'Alice', text: 'hello', time: 'never' });
  const { data } = await first(room);
  assert.deepEqual([data.name, data.text, typeof data.time], ['Alice', 'hello', 'number']);
});

test('who comes later hears what was said', LIMIT, async () => {
  const alice = join();
  for (const text of ['one', 'two']) await alice.publish('/chat/history', { name: 'Alice', text });
  const room = join().subscribe('/chat/history', { replay: 'all' });
  const heard = [];
  for await (const { data } of room) if (heard.push(data.text) === 2) break;
  assert.deepEqual(heard, ['one', 'two']);
});

test('what is no text is refused', LIMIT, async () => {
  const refused = { name: 'Refused', error: '400::text_invalid' };
  await assert.rejects(join().publish('/chat/test', { text: 'nobody says this' }), refused);
  await assert.rejects(join().publish('/chat/test', { name: 'Alice', text: 'long'.repeat(1000) }), refused);
});

test('dice are rolled for all to see', LIMIT, async () => {
  const alice = join();
  const room = alice.subscribe('/chat/dice');
  await room.ready;
  const { rolled } = await alice.call('dice', { room: 'dice', name: 'Alice' });
  assert.ok(rolled >= 1 && rolled <= 6);
  const { data } = await first(room);
  assert.equal(data.text, `Alice rolled a ${rolled}.`);
});

test('the page is there', LIMIT, async () => {
  assert.match(await (await server.fetch('/')).text(), /<title>Chat<\/title>/);
});

async function first(messages) {
  for await (const message of messages) return message;
}
