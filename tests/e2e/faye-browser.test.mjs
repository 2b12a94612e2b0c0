// Faye's client in headless Chromium, on pages of the server's own origin, over each of its transports.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { after, describe, test } from 'node:test';
import { inRoot } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { join } from './support/bayeux.mjs';
import { browser } from './support/browser.mjs';
import { network } from './support/network.mjs';
import { clientIn, script } from './support/page.mjs';
import { fixture, until, withFixture } from './support/server.mjs';

const chromium = await browser();
const content = await script('faye-client.mjs');

/** A client on a page of this address, without the policy of the site's pages: they run no scripts but their own. */
async function open(address, options) {
  const page = await chromium.visit(`${address}/404.html`, { bypassCSP: true });
  await page.addScriptTag({ path: inRoot('node_modules', 'faye', 'client', 'faye-browser.js') });
  await page.addScriptTag({ content });
  return clientIn(page, 'FayeClient', { url: `${address}/cometd`, ...options });
}

/** Waits for as many messages, and compares. */
async function hears(client, expected, patience) {
  let heard;
  await until(async () => (heard = await client.heard()).length >= expected.length, () => `it heard ${JSON.stringify(heard)}`, patience);
  assert.deepEqual(heard, expected);
}

const server = await fixture();
const line = await network(server.port);

for (const transport of ['websocket', 'eventsource', 'long-polling', 'callback-polling'])
  describe(`Faye over ${transport}`, () => {
    const transports = [transport, 'callback-polling']; // one that gets through where no POST is

    test('talks with a client of another kind', async () => {
      const client = await open(server.url, { transports });
      const other = await join(`${server.url}/cometd`);
      await other.ok(other.subscribe('/from/faye'));
      await client.subscribe('/to/faye/*');
      assert.equal(await client.transport(), transport);
      const texts = ['one\\ntwo', 'ü \u2028', { deep: [1, null] }];
      for (const data of texts) await other.ok(other.publish('/to/faye/x', data));
      await hears(client, texts);
      await client.publish('/from/faye', 'hello');
      assert.deepEqual(await other.poll(), ['hello']);
      const clientId = await client.clientId();
      await client.disconnect();
      await until(async () => (await other.send({ channel: '/meta/unsubscribe', clientId, subscription: '/x' })).json[0].error === '402::session_unknown', 'its session stays');
    });

    test('goes on with its session after its connections broke', async () => {
      const client = await open(line.url, { transports });
      const other = await join(`${server.url}/cometd`);
      await client.subscribe('/broken');
      const clientId = await client.clientId();
      const heard = [];
      for (let turn = 1; turn <= 3; turn += 1) {
        await other.ok(other.publish('/broken', (heard[heard.length] = `${turn}`)));
        await hears(client, heard);
        assert.ok(line.cut() > 0);
        // A poll is made again at once.
        if (!transport.endsWith('polling')) await until(() => client.isDown(), 'it does not notice');
      }
      await other.ok(other.publish('/broken', (heard[heard.length] = 'after')));
      await hears(client, heard);
      assert.equal(await client.clientId(), clientId);
    });
  });

test('Faye chooses the best transport that the server offers', async () => {
  for (const [offered, transport] of [
    ['eventsource long-polling callback-polling', 'eventsource'],
    ['callback-polling long-polling', 'long-polling'],
  ])
    await withFixture({ CONNECTION_TYPES: offered }, async ({ url }) => {
      const client = await open(url);
      await client.subscribe('/chosen');
      await until(async () => (await client.transport()) === transport, 'it does not come to the best');
      await client.publish('/chosen', offered);
      await hears(client, [offered]);
      await client.disconnect();
    });
});

test('after a restart of the server Faye’s next stream has the events published meanwhile', async (t) => {
  const persistTo = await mkdtemp(path(tmpdir(), 'bayeux-edge-'));
  const options = { fixture: true, persistTo, vars: { DURABILITY: 'strict' } };
  let server = await startServer(options);
  t.after(async () => {
    await server.stop();
    await rm(persistTo, { recursive: true, force: true });
  });
  // A poll that it sends while it opens the stream takes the stream's place, until that is opened again after 2 s.
  // It is not to give the poll up before that.
  const client = await open(server.url, { transports: ['eventsource', 'long-polling'], retry: 3 });
  await client.subscribe('/lasting');
  const clientId = await client.clientId();
  await client.publish('/lasting', 'before');
  await hears(client, ['before']);
  await until(async () => (await client.connectsBy()) === 'eventsource', 'it goes on polling');
  process.kill(server.pid, 'SIGKILL');
  await server.ended;
  await until(() => client.isDown(), 'it does not notice');
  server = await startServer({ ...options, port: server.port });
  const other = await join(`${server.url}/cometd`);
  await other.ok(other.publish('/lasting', 'meanwhile'));
  await hears(client, ['before', 'meanwhile']);
  assert.equal(await client.clientId(), clientId);
});

test('Faye shakes hands again if the server has lost its session, and opens a new stream', async (t) => {
  // A client beside its stream connects as often as another's poll would end.
  const options = { fixture: true, vars: { TIMEOUT: '1000' } };
  let server = await startServer(options);
  t.after(() => server.stop());
  const client = await open(server.url, { transports: ['eventsource', 'long-polling'] });
  const listens = () => until(async () => (await client.transport()) === 'eventsource', 'it opens no stream');
  await client.subscribe('/renewed');
  await listens();
  const clientId = await client.clientId();
  await server.stop();
  server = await startServer({ ...options, port: server.port });
  await until(async () => (await client.clientId()) !== clientId, 'it does not shake hands');
  await listens();
  const other = await join(`${server.url}/cometd`);
  await until(async () => {
    await other.ok(other.publish('/renewed', 'again'));
    return (await client.heard()).length > 0;
  }, 'nothing comes');
});
