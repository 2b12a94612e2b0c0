// The chat page in a real browser when the network, the server or a message fails.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { browser, Chatter } from './support/browser.mjs';
import { network } from './support/network.mjs';

const chromium = await browser();

for (const [transport, types] of [['websocket', {}], ['long-polling', { CONNECTION_TYPES: 'long-polling' }]])
  describe(`over ${transport}`, () => {
    /** A server that is gone after the test. */
    async function start(t, { port, persistTo, vars } = {}) {
      const server = await startServer({ port, persistTo, vars: { ...types, ...vars } });
      t.after(() => server.stop());
      return server;
    }

    const enter = async (address, name) => {
      const chatter = await Chatter.join(chromium, address, name);
      assert.equal(chatter.transport, transport);
      return chatter;
    };

    test('a break of the network loses nothing, and the missed messages arrive', async (t) => {
      const server = await start(t);
      const ada = await enter(`${server.url}/chat/break`, 'Ada');
      const bob = await enter(`${server.url}/chat/break`, 'Bob');
      await ada.sees('Ada', 'Bob');
      await bob.page.context().setOffline(true);
      await bob.status('Reconnecting');
      await ada.say('are you there?');
      await ada.say('hello?');
      await bob.say('one moment');
      await bob.waits('one moment');
      await bob.page.context().setOffline(false);
      await bob.status('Reconnected, 2 missed messages');
      await ada.hears('one moment');
      await bob.arrives('one moment');
      assert.deepEqual(await bob.texts(), ['are you there?', 'hello?', 'one moment']);
    });

    test('a refused message is marked, and can be discarded', async (t) => {
      const server = await start(t, { vars: { MAX_MESSAGE_SIZE: '1000' } });
      const ada = await enter(`${server.url}/chat/strict`, 'Ada');
      await ada.say('x'.repeat(2000));
      await ada.log.getByText('Not sent').waitFor();
      await ada.status('onnected'); // a socket was closed for it
      await ada.log.getByRole('button', { name: 'Try again' }).click();
      await ada.log.getByText('Not sent').waitFor();
      await ada.log.getByRole('button', { name: 'Discard' }).click();
      assert.deepEqual(await ada.texts(), []);
      await ada.page.reload();
      await ada.say('short');
      await ada.arrives('short');
      assert.deepEqual(await ada.texts(), ['short']);
    });

    test('after a restart of the server they reconnect by themselves, with the messages written meanwhile', async (t) => {
      const first = await start(t);
      const address = `${first.url}/chat/restart`;
      const [ada, bob, eve] = await Promise.all(['Ada', 'Bob', 'Eve'].map((name) => enter(address, name)));
      await Promise.all([ada.sees('Ada', 'Bob', 'Eve'), bob.sees('Bob', 'Ada', 'Eve'), eve.sees('Eve', 'Ada', 'Bob')]);
      await ada.say('before');
      await Promise.all([bob.hears('before'), eve.hears('before')]);

      await first.stop();
      await Promise.all([ada, bob, eve].map((person) => person.status('Reconnecting')));
      await ada.say('from Ada, meanwhile');
      await bob.say('from Bob, meanwhile');
      await bob.waits('from Bob, meanwhile');

      await start(t, { port: first.port });
      await Promise.all([ada, bob, eve].map((person) => person.status('Reconnected')));
      const told = ['before', 'from Ada, meanwhile', 'from Bob, meanwhile'];
      for (const person of [ada, bob, eve]) {
        for (const text of told) await person.hears(text);
      }
      const order = await eve.texts();
      assert.deepEqual([...order].sort(), told);
      for (const person of [ada, bob]) assert.deepEqual(await person.texts(), order);
      await bob.say('after');
      await Promise.all([ada.hears('after'), eve.hears('after')]);
      await Promise.all([ada.sees('Ada', 'Bob', 'Eve'), bob.sees('Bob', 'Ada', 'Eve'), eve.sees('Eve', 'Ada', 'Bob')]);
    });

    test('a client with an ended session gets the messages that it missed', async (t) => {
      const first = await start(t);
      const [ada, bob] = await Promise.all(['Ada', 'Bob'].map((name) => enter(`${first.url}/chat/forgotten`, name)));
      await ada.sees('Ada', 'Bob');
      await bob.page.context().setOffline(true);
      await bob.status('Reconnecting');
      await first.stop();
      await start(t, { port: first.port });
      await ada.status('Reconnected');
      await ada.say('all new');
      await ada.arrives('all new');
      await bob.page.context().setOffline(false);
      await bob.status('Reconnected, 1 missed message');
      assert.deepEqual(await bob.texts(), ['all new']);
    });

    test('a client that sleeps through an eviction and a restart misses nothing, and has the same order as the others', async (t) => {
      const persistTo = await mkdtemp(join(tmpdir(), 'bayeux-edge-chat-'));
      t.after(() => rm(persistTo, { recursive: true, force: true }));
      const first = await start(t, { persistTo });
      const address = `${first.url}/chat/asleep`;
      const ada = await enter(address, 'Ada');
      for (const text of ['one', 'two']) {
        await ada.say(text);
        await ada.arrives(text);
      }
      const bob = await enter(address, 'Bob');
      await bob.hears('two');
      await bob.page.context().setOffline(true);
      await bob.status('Reconnecting');
      await ada.say('three');
      await ada.arrives('three');

      await first.evict('/chat', 'close');
      await ada.say('four');
      await ada.arrives('four');
      await first.stop();
      await ada.status('Reconnecting');
      await start(t, { port: first.port, persistTo });
      await ada.status('Reconnected');
      await ada.say('five');
      await ada.arrives('five');

      await bob.page.context().setOffline(false);
      await bob.status('Reconnected, 3 missed messages');
      const said = ['one', 'two', 'three', 'four', 'five'];
      for (const person of [ada, bob, await enter(address, 'Eve')]) {
        await person.hears('five');
        assert.deepEqual(await person.texts(), said);
      }
    });

    test('a page that was opened while the server is down joins when it is up', async (t) => {
      const way = await gate(await start(t));
      const ada = await enter(`${way.url}/chat/early`, 'Ada');
      way.close();
      await ada.page.reload();
      await ada.status('Reconnecting');
      await ada.say('is anybody here?');
      await ada.waits('is anybody here?');
      way.open();
      await ada.status('onnected');
      await ada.arrives('is anybody here?');
    });

    test('unsent messages survive a reload', async (t) => {
      const server = await start(t);
      const way = await gate(server);
      const ada = await enter(`${way.url}/chat/unsent`, 'Ada');
      const bob = await enter(`${server.url}/chat/unsent`, 'Bob');
      way.close();
      await ada.say('one');
      await ada.say('two');
      await ada.waits('two');
      way.open();
      await ada.page.reload();
      await bob.hears('two');
      assert.deepEqual(await bob.texts(), ['one', 'two']);
      await ada.arrives('one');
      await ada.arrives('two');
    });
  });

/** A way to a server that can be closed and opened: closed to Bayeux, while the pages themselves still come through. */
async function gate({ port }) {
  let closed = false;
  const line = await network(port, ({ up, bytes }) => closed && up && /^(GET|POST) \/cometd/.test(bytes) && { arrives: 0, end: 'reset' });
  return {
    url: line.url,
    close() {
      closed = true;
      line.cut();
    },
    open: () => void (closed = false),
  };
}
