// An application in TypeScript in the same Worker: its calls, and the effect of its answers.
import assert from 'node:assert/strict';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join as path } from 'node:path';
import { test } from 'node:test';
import { Client, HANDSHAKE, events, join, post } from '../e2e/support/bayeux.mjs';
import { until } from '../e2e/support/server.mjs';
import { inRoot } from '../../scripts/lib/project.mjs';
import { command, project, started } from './support.mjs';

const place = await project('templates/minimal');
await cp(inRoot('tests/package/application.ts'), path(place, 'src/index.ts'));
const config = path(place, 'wrangler.jsonc');
await writeFile(config, (await readFile(config, 'utf8')).replace('"vars": {', '"vars": { "PASSWORD": "sesame", "LINKS": "always", "LOG_LEVEL": "debug",'));
const { url, output } = await started(place);
const cometd = `${url}/realtime/v1`;

const member = (user) => join(cometd, { handshake: { ext: { user, password: 'sesame' } } });
const error = async (response) => (await response).json[0].error;

/** What a service replies, all of it. */
async function replies(client, service, data = null) {
  const messages = await client.ok(client.publish(`/service/${service}`, data));
  return events(messages).filter(({ channel }) => channel === `/service/${service}`).map((event) => event.data);
}

test('its types compile', async () => {
  const { code, output: said } = await command(place, {}, 'npm', 'run', '--silent', 'check');
  assert.equal(code, 0, said);
});

test('it accepts clients, sets their attributes, and refuses with its own errors', async () => {
  const { json } = await post(cometd, [{ ...HANDSHAKE, ext: { user: 'eve', password: 'guess' } }]);
  assert.deepEqual([json[0].successful, json[0].error, json[0].ext], [false, '401::wrong_password', { loginAt: '/login' }]);
  const [alice, guest] = await Promise.all([member('alice'), join(cometd)]);
  for (const name of ['/members/tea', '/**', '/members/*']) assert.equal(await error(guest.subscribe(name)), '403:denied_by_security_policy:subscribe_denied', name);
  await alice.ok(alice.subscribe(['/members/tea', '/rooms/*', '/log']));
  await guest.ok(guest.publish('/rooms/blue', 'hi'));
  const heard = [];
  while (heard.length < 2) heard.push(...(await alice.poll({ advice: { timeout: 1000 } })).filter((data) => data !== 'Good to see you.'));
  assert.deepEqual(heard, [{ room: 'blue', from: 'a guest', text: 'hi' }, 'blue']);
});

test('a method that throws or returns no answer fails its own message only', async () => {
  const guest = await join(cometd);
  const { json } = await guest.send(...['fine', 'throw', 'nothing', 'spam', 'fine'].map((data) => ({ channel: '/any', data })));
  assert.deepEqual(json.map((reply) => reply.error), [undefined, '503::hooks_unavailable', '503::hooks_unavailable', '403:denied_by_security_policy:publish_denied', undefined]);
  await until(() => /as it was asked to/.test(output()) && /publish must return/.test(output()), 'the log does not say why');
});

test('services answer with one value, several or none, or with an error', async () => {
  const guest = await join(cometd);
  assert.deepEqual(await replies(guest, 'echo', { a: 1 }), [{ a: 1 }], 'it is the one here that answers');
  assert.deepEqual(await replies(guest, 'count'), [1, 2]);
  assert.deepEqual(await replies(guest, 'none'), []);
  assert.deepEqual(await replies(guest, 'null'), [null]);
  assert.deepEqual(await replies(guest, 'late', 20), ['sesame'.length]);
  assert.deepEqual(await replies(guest, 'whatever'), ['there is no whatever']);
  assert.equal(await error(guest.publish('/service/missing', 1)), '404::no_such_thing');
});

test('remote calls return a result, or fail', async () => {
  const { connect, Failed } = await import(path(place, 'node_modules/bayeux-edge/client/node.js'));
  const client = connect(cometd);
  try {
    assert.deepEqual(await Promise.all([client.call('divide', [6, 2]), client.call('divide', [8, 2])]), [3, 4]);
    assert.equal(await client.call('nothing'), null);
    assert.equal(await client.call('logged'), 3);
    await assert.rejects(client.call('divide', [1, 0]), (error) => error instanceof Failed && error.data === 'no quotient');
    await assert.rejects(client.call('missing'), { name: 'Refused', code: 404 });
  } finally {
    await client.close();
  }
});

test('it gets events without any configuration', async () => {
  const { json } = await post(cometd, [HANDSHAKE]);
  const guest = new Client(cometd, json[0].clientId);
  assert.equal(await until(async () => (await guest.poll({ advice: { timeout: 100 } })).at(0), 'nobody says welcome'), 'Good to see you.');
});

test('it decides a hundred messages in one request, in their order', async () => {
  const [alice, bob] = await Promise.all([join(cometd), join(cometd)]);
  await bob.ok(bob.subscribe('/order'));
  await bob.poll({ advice: { timeout: 0 } });
  const numbers = Array.from({ length: 100 }, (_, n) => n);
  const { json } = await alice.send(...numbers.map((data) => ({ channel: '/order', data })));
  assert.ok(json.every(({ successful }) => successful));
  const heard = [];
  while (heard.length < 100) heard.push(...(await bob.poll()).filter(Number.isInteger));
  assert.deepEqual(heard, numbers);
});

test('the server is at its configured path, beside the project’s own routes', async () => {
  assert.equal(await (await fetch(`${url}/time`)).json(), 1);
  for (const elsewhere of ['/cometd', '/realtime/v11', '/realtime']) assert.equal((await fetch(url + elsewhere)).status, 404, elsewhere);
  const client = await join(`${cometd}/chat`);
  assert.deepEqual(await replies(client, 'echo', 1), [1], 'a tree of its own');
});

test('its polls wait in the Worker with LINKS', async () => {
  const [alice, bob] = await Promise.all([join(cometd), join(cometd)]);
  await bob.ok(bob.subscribe('/linked'));
  const held = bob.poll();
  await alice.ok(alice.publish('/linked', 'hi'));
  assert.deepEqual(await held, ['hi']);
  assert.match(output(), /link_opened/);
});
