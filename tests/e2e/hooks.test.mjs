// An application in another Worker: the example in examples/hooks, and a Worker that is late, wrong or down.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { after, describe, test } from 'node:test';
import { build } from 'esbuild';
import { inRoot } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { Client, HANDSHAKE, events, join, post } from './support/bayeux.mjs';
import { logged, until } from './support/server.mjs';

const folder = await mkdtemp(path(tmpdir(), 'bayeux-hooks-'));
const example = path(folder, 'index.mjs');
await build({ entryPoints: [inRoot('examples/hooks/src/index.ts')], bundle: true, format: 'esm', outfile: example, logLevel: 'error' });

const beside = (script) => ({ services: { HOOKS: 'hooks' }, beside: [{ name: 'hooks', script }] });
const vars = { HOOKS_FOR: 'handshake subscribe publish service event' };
const server = await startServer({ fixture: true, vars, ...beside(example) });
const unwell = await startServer({ fixture: true, vars: { HOOKS_TIMEOUT: '300', MAX_INTERVAL: '20000' }, ...beside(inRoot('tests/e2e/support/unwell-hooks.js')) });
after(async () => {
  await Promise.all([server.stop(), unwell.stop()]);
  await rm(folder, { recursive: true });
});
const cometd = `${server.url}/cometd`;
const member = (user) => join(cometd, { handshake: { ext: { user, password: 'sesame' } } });
const error = (response) => response.then(({ json }) => json[0].error);

describe('the example', () => {
  test('lets members in, and guests, and nobody with a wrong password', async () => {
    const { json } = await post(cometd, [{ ...HANDSHAKE, ext: { user: 'eve', password: 'guess' } }]);
    assert.deepEqual([json[0].successful, json[0].error, json[0].ext], [false, '401::wrong_password', { loginAt: '/login' }]);
    const [alice, guest] = await Promise.all([member('alice'), join(cometd)]);
    assert.equal(await alice.call('/service/greet'), 'Hello, alice!');
    assert.equal(await guest.call('/service/greet'), 'Hello, stranger!');
    assert.equal(await error(guest.publish('/service/nothing', 1)), '404::service_unknown');
    assert.equal(await guest.call('/service/echo', 7), 7, 'what the application here has is its own');
  });

  test('keeps the members’ rooms for members, and adds the sender to messages', async () => {
    const [alice, bob, guest] = await Promise.all([member('alice'), member('bob'), join(cometd)]);
    assert.equal(await error(guest.subscribe(['/open', '/members/tea'])), '403::members_only');
    assert.equal(await error(guest.publish('/members/tea', 'hi')), '403:denied_by_security_policy:publish_denied');
    await bob.ok(bob.subscribe('/members/tea'));
    await bob.poll({ advice: { timeout: 0 } });
    const held = bob.poll();
    assert.equal(await error(alice.publish('/members/tea', 'buy spam')), '404::message_deleted');
    await alice.ok(alice.publish('/members/tea', 'hi'));
    assert.deepEqual(await held, [{ from: 'alice', said: 'hi' }]);
  });

  test('acts on service messages and on events', async () => {
    const { json } = await post(cometd, [HANDSHAKE]);
    const alice = new Client(cometd, json[0].clientId);
    const welcome = () => alice.poll({ advice: { timeout: 100 } });
    assert.deepEqual(await until(async () => (await welcome()).at(0), 'nobody says welcome'), 'Good to see you.');
    await alice.ok(alice.subscribe('/shouts'));
    const held = alice.poll();
    await alice.ok(alice.publish('/service/shout', 'HEY'));
    assert.deepEqual(await held, ['HEY']);
  });

  test('decides a hundred messages of many clients in their order', async () => {
    const [alice, bob] = await Promise.all([member('alice'), member('bob')]);
    await bob.ok(bob.subscribe('/order'));
    await bob.poll({ advice: { timeout: 0 } });
    const numbers = Array.from({ length: 100 }, (_, n) => n);
    const { json } = await alice.send(...numbers.map((data) => ({ channel: '/order', data })));
    assert.ok(json.every(({ successful }) => successful));
    const heard = [];
    while (heard.length < 100) heard.push(...(await bob.poll()));
    assert.deepEqual(heard, numbers);
  });
});

describe('a hooks Worker', () => {
  const url = `${unwell.url}/cometd`;
  for (const how of ['late', 'throws', 'status', 'wrong', 'short'])
    test(`that fails (${how}) allows nothing, and clients get an error in time`, async () => {
      const [alice, bob] = await Promise.all([join(url), join(url)]);
      assert.deepEqual(events(await bob.ok(bob.send({ channel: '/meta/subscribe', subscription: '/a', data: 'well' }))), []);
      const started = performance.now();
      assert.equal(await error(alice.publish('/a', how)), '503::hooks_unavailable');
      assert.equal(await error(alice.publish('/service/x', how)), '503::service_unavailable');
      const { json } = await post(url, [{ ...HANDSHAKE, ext: { how } }]);
      assert.deepEqual([json[0].error, json[0].advice], ['503::hooks_unavailable', { interval: 10_000 }]);
      assert.ok(performance.now() - started < 3500, 'long before it answers');
      assert.equal((await alice.publish('/a', 'well')).json[0].successful, true);
      assert.deepEqual(await bob.poll(), ['well'], 'and nothing else');
      await until(() => logged(unwell, 'hooks_failed').length > 0, 'nothing was logged');
    });
});

test('no clientId is in what a hooks Worker could log', () => {
  for (const { message } of [...server.logs, ...unwell.logs]) assert.doesNotMatch(message, /clientId/);
});
