// Two clients talk by the server that src/index.ts and wrangler.jsonc make.
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

test('what one publishes the other receives', { timeout: 30_000 }, async () => {
  const [alice, bob] = [join(), join()];
  const news = bob.subscribe('/news/**');
  await news.ready;
  await alice.publish('/news/today', { text: 'hello' });
  for await (const { channel, data } of news) {
    assert.deepEqual([channel, data], ['/news/today', { text: 'hello' }]);
    break;
  }
});
