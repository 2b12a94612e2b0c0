// The server API on workerd: over HTTP and through a service binding, checked against its OpenAPI description.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Validator } from '@seriousme/openapi-schema-validator';
import { inRoot } from '../../scripts/lib/project.mjs';
import { SERVER, startServer } from '../../scripts/lib/server.mjs';
import { ApiCaller, promised } from './support/api.mjs';
import { join, post } from './support/bayeux.mjs';
import { request } from './support/http.mjs';
import { logged, until, withFixture } from './support/server.mjs';
import { Socket } from './support/websocket.mjs';

const [READS, SPEAKS] = ['the-key-of-who-only-reads', 'the-key-of-who-only-speaks'];
const [OLD, NEW] = ['the-key-that-is-to-go-soon', 'bmV3LWtleS1uZXcta2V5LW5ldw=='];
const server = await startServer({
  fixture: true,
  vars: { API_KEYS: `${OLD} ${NEW} read:grafana:${READS} publish:backend:${SPEAKS}`, HISTORY: '/hist/* 10', PRESENCE: '/room/*', TAIL_EVENTS: '10', MAX_MESSAGE_SIZE: '2000', MAX_MESSAGES_PER_BATCH: '20', LOG_LEVEL: 'debug' },
  beside: [{ name: 'caller', script: inRoot('tests/e2e/support/api-caller.js'), vars: { BAYEUX_KEY: NEW }, services: { BAYEUX: SERVER } }],
});
after(() => server.stop());
const { url } = server;
const cometd = `${url}/cometd`;
const { json: description } = await request(`${cometd}/api/openapi.json`, { method: 'GET' });
const api = new ApiCaller(`${cometd}/api`, NEW, description);

/** The clientIds that were in use. */
const secrets = [];

/** A client, and its name in the API. */
async function named(tree) {
  const before = await names(tree);
  const client = await join(tree ? `${cometd}/${tree}` : cometd);
  secrets.push(client.clientId);
  const name = (await names(tree)).find((name) => !before.includes(name));
  return { client, name };
}

const names = async (tree) => (await api.get('/clients', { limit: 1000, ...(tree && { tree }) })).clients.map(({ client }) => client);
const error = ({ status, json: [{ successful, error }] }) => [status, successful, error];

test('the description is valid OpenAPI 3.1', async () => {
  const { valid, errors } = await new Validator().validate(structuredClone(description));
  assert.ok(valid, JSON.stringify(errors));
  assert.equal(description.openapi, '3.1.0');
});

test('without API_KEYS there is no API, and no home at its path', async () => {
  await withFixture({}, async ({ url }) => {
    for (const path of ['', '/', '/openapi.json', '/publish', '/clients', '/handshake']) {
      const answer = await request(`${url}/cometd/api${path}`, { headers: { authorization: 'Bearer ' }, body: '[{"channel":"/meta/handshake"}]' });
      assert.deepEqual(error(answer), [404, false, '404::no_such_home'], path);
    }
  });
  const handshake = { channel: '/meta/handshake', version: '1.0', supportedConnectionTypes: ['long-polling'] };
  assert.equal((await post(`${cometd}/api`, [handshake])).status, 401);
});

test('each of several keys is accepted and nothing else is, and the refusals of an address are logged once', async () => {
  const wrong = `${NEW.slice(0, -1)}x`;
  for (const key of [OLD, NEW]) await api.with(key).get('/clients');
  for (const [key, name] of [[undefined, 'missing'], [wrong, 'invalid'], ['', 'missing'], [`${OLD} ${NEW}`, 'invalid']])
    for (const [method, path] of [['GET', '/clients'], ['GET', '/channels'], ['GET', '/trees'], ['GET', '/stats'], ['GET', '/metrics'], ['GET', '/history'], ['GET', '/presence'], ['GET', '/tail'], ['POST', '/publish'], ['GET', '/clients/1'], ['DELETE', '/clients/1']]) {
      const answer = await api.with(key).call(method, path, { ...(method === 'POST' && { body: '[{"channel":"/a","data":1}]' }) });
      assert.deepEqual(error(answer), [401, false, `401::api_key_${name}`]);
      assert.equal(answer.headers['www-authenticate'], 'Bearer');
    }
  assert.equal(logged(server, 'api_refused').length, 1, 'a line for each');
});

test('a key allows the calls of its scope, and the log has its name', async () => {
  const [reads, speaks] = [api.with(READS), api.with(SPEAKS)];
  for (const path of ['/clients', '/channels', '/trees', '/stats', '/metrics', '/history', '/presence', '/tail', '/clients/1'])
    assert.deepEqual(error(await speaks.call('GET', path)), [403, false, '403:read:api_key_scope_missing'], path);
  assert.deepEqual(error(await reads.publish([{ channel: '/a', data: 1 }])), [403, false, '403:publish:api_key_scope_missing']);
  assert.deepEqual(error(await reads.call('DELETE', '/clients/1')), [403, false, '403:admin:api_key_scope_missing']);
  await reads.get('/clients');
  assert.equal((await speaks.publish([{ channel: '/a', data: 1 }])).status, 200);
  await until(() => logged(server, 'api_called').some(({ key, method, path }) => key === 'grafana' && method === 'GET' && path === '/cometd/api/clients'), 'it is not called by its name');
  await until(() => logged(server, 'api_called').some(({ key, method }) => key === 'backend' && method === 'POST'), 'it is not called by its name');
});

test('a client is listed with its transport and times, and its address only for a key of scope admin', async () => {
  const client = await join(cometd, { headers: { 'cf-connecting-ip': '192.0.2.77' } });
  secrets.push(client.clientId);
  const find = async (api) => (await api.get('/clients', { limit: 1000 })).clients.at(-1);
  const [all, some] = [await find(api), await find(api.with(READS))];
  assert.deepEqual([all.transport, all.address, some.client, some.address], ['long-polling', '192.0.2.77', all.client, undefined]);
  assert.ok(all.since <= all.lastActivity && Date.now() - all.since < 60_000, JSON.stringify(all));
  assert.equal((await api.get('/clients', { tree: '*', limit: 1000 })).clients.find(({ client }) => client === all.client).address, '192.0.2.77');
});

test('the first refused call is logged with its address', () =>
  withFixture({ API_KEYS: NEW }, async (server) => {
    for (const address of ['192.0.2.7', '192.0.2.8']) await new ApiCaller(`${server.url}/cometd/api`, 'a-wrong-key-of-nobody', description).with('a-wrong-key-of-nobody', address).call('GET', '/clients');
    const lines = await until(() => logged(server, 'api_refused').length > 0 && logged(server, 'api_refused'), 'nothing was logged');
    assert.deepEqual(lines.map(({ address }) => address), ['192.0.2.7']);
  }));

test('an address that guesses keys is refused for a while, even with a correct key', async () => {
  const [guesser, owner] = [api.with('a-guess-of-a-key', '192.0.2.8'), api.with(NEW, '192.0.2.8')];
  const statuses = [];
  for (let guess = 0; guess < 30; guess += 1) statuses.push((await guesser.call('GET', '/clients')).status);
  assert.deepEqual([statuses[0], statuses.at(-1)], [401, 429]);
  for (const [method, path] of [['GET', '/clients'], ['GET', '/channels'], ['GET', '/trees'], ['GET', '/stats'], ['GET', '/metrics'], ['GET', '/history'], ['GET', '/presence'], ['GET', '/tail'], ['POST', '/publish'], ['GET', '/clients/1'], ['DELETE', '/clients/1']]) {
    const answer = await owner.call(method, path, { ...(method === 'POST' && { body: '[{"channel":"/a","data":1}]' }) });
    assert.deepEqual(error(answer), [429, false, '429::too_many_keys']);
    assert.ok(Number(answer.headers['retry-after']) > 0);
  }
  await api.with(NEW, '192.0.2.9').get('/clients');
});

/** A client on a socket that waits for events, and its name in the API. */
async function namedOnSocket() {
  const before = await names();
  const socket = await Socket.open(cometd);
  const clientId = await socket.join();
  secrets.push(clientId);
  await socket.ask({ channel: '/meta/subscribe', clientId, subscription: '/news/*' });
  socket.send([{ channel: '/meta/connect', clientId, connectionType: 'websocket' }]);
  const name = (await names()).find((name) => !before.includes(name));
  await until(async () => (await api.get(`/clients/${name}`)).connected, 'its connect is never held');
  return { socket, name };
}

test('a message reaches its subscribers over polls and sockets, and a push one client alone', async () => {
  const [{ client: alice, name }, { client: bob }] = [await named(), await named()];
  for (const client of [alice, bob]) await client.ok(client.subscribe('/news/*'));
  const { socket, name: onSocket } = await namedOnSocket();
  const heard = [alice, bob].map((client) => client.poll());
  const data = { text: 'naïve 🎈', large: '18446744073709551616' };
  assert.deepEqual((await api.publish({ channel: '/news/today', data, id: 'a1' })).json, [{ channel: '/news/today', id: 'a1', successful: true }]);
  assert.deepEqual(await Promise.all(heard), [[data], [data]]);
  assert.deepEqual(await socket.next(), [{ channel: '/news/today', data }]);
  const pushed = alice.poll();
  const { json } = await api.publish([
    { channel: '/inbox', data: 'psst', client: name },
    { channel: '/inbox', data: 'psst', client: '1' },
    { channel: '/news/*', data: 1 },
    { channel: '/service/veto', data: 1 },
    { channel: '/service/echo', data: 'echo' },
  ]);
  assert.deepEqual(json, [
    { channel: '/service/echo', data: 'echo' },
    { channel: '/inbox', successful: true },
    { channel: '/inbox', successful: false, error: '402::session_unknown' },
    { channel: '/news/*', successful: false, error: '405::channel_invalid' },
    { channel: '/service/veto', successful: false, error: '404::message_deleted' },
    { channel: '/service/echo', successful: true },
  ]);
  assert.deepEqual(await pushed, ['psst']);
  assert.deepEqual(await bob.poll({ advice: { timeout: 0 } }), []);
  await api.publish({ channel: '/inbox', data: 'psst', client: onSocket });
  assert.deepEqual(await socket.next(), [{ channel: '/inbox', data: 'psst' }]);
  assert.equal((await api.call('DELETE', `/clients/${onSocket}`)).status, 204);
  const farewell = await socket.next();
  assert.deepEqual(farewell.map(({ channel, advice }) => [channel, advice?.reconnect]), [['/meta/disconnect', undefined], ['/meta/connect', 'none']]);
  socket.raw.close();
});

test('the policy applies to clients, not to callers with a key', async () => {
  const { client: alice, name } = await named();
  assert.equal((await alice.publish('/auth/x', 1)).json[0].successful, false);
  assert.deepEqual((await api.publish({ channel: '/auth/x', data: 1 })).json, [{ channel: '/auth/x', successful: true }]);
  assert.deepEqual((await api.publish({ channel: '/auth/x', data: 1, client: name })).json, [{ channel: '/auth/x', successful: true }]);
  assert.deepEqual(await alice.poll(), [1]);
});

test('each call is answered by one home', async () => {
  const { client: alice, name } = await named('rooms');
  await alice.ok(alice.subscribe('/rooms/tea'));
  assert.ok(!(await names()).includes(name));
  for (const tree of ['rooms', '/rooms']) assert.deepEqual(await names(tree), [name]);
  assert.deepEqual(await api.get('/channels', { tree: 'rooms' }), { channels: [{ channel: '/rooms/tea', subscribers: 1 }] });
  const held = alice.poll();
  await api.publish({ channel: '/rooms/tea', data: 'from the API' }, { tree: 'rooms' });
  assert.deepEqual(await held, ['from the API']);
  await api.publish({ channel: '/rooms/tea', data: 'by way of the root' });
  assert.deepEqual(await alice.poll(), ['by way of the root']);
  assert.equal((await api.call('DELETE', `/clients/${name}`, { query: { tree: 'rooms' } })).status, 204);
  assert.equal(await alice.lives(), false);
});

test('clients and channels are listed in pages', async () => {
  const crowd = [await named(), await named(), await named()];
  for (const { client } of crowd) await client.ok(client.subscribe(['/pages/**', `/pages/${client === crowd[0].client}`]));
  const paged = async (path, list) => {
    const entries = [];
    for (let after; ; ) {
      const page = await api.get(path, { limit: 2, ...(after && { after }) });
      entries.push(...page[list]);
      if (!page.next) return entries;
      after = page.next;
    }
  };
  for (const [path, list] of [['/clients', 'clients'], ['/channels', 'channels']])
    assert.deepEqual(await paged(path, list), (await api.get(path, { limit: 1000 }))[list]);
  const channels = (await api.get('/channels', { limit: 1000 })).channels.filter(({ channel }) => channel.startsWith('/pages/'));
  assert.deepEqual(channels, [{ channel: '/pages/**', subscribers: 3 }, { channel: '/pages/false', subscribers: 2 }, { channel: '/pages/true', subscribers: 1 }]);
  const [{ name }] = crowd;
  const shown = { client: name, transport: 'long-polling', connected: false, subscriptions: 2, queued: 0 };
  const untimed = ({ since, lastActivity, ...rest }) => (assert.ok(since <= lastActivity), rest);
  assert.deepEqual(untimed((await api.get('/clients', { limit: 1000 })).clients.find(({ client }) => client === name)), shown);
  assert.deepEqual(untimed(await api.get(`/clients/${name}`)), { ...shown, channels: ['/pages/**', '/pages/true'] });
});

test('clients and channels of all homes are listed in pages, each with its home', () =>
  withFixture({ API_KEYS: NEW, HOMES: 'sharded:4', MAX_INTERVAL: '60000' }, async ({ url }) => {
    const all = new ApiCaller(`${url}/cometd/api`, NEW, description);
    const clients = await Promise.all(
      Array.from({ length: 12 }, (_, n) => join(`${url}/cometd`, { headers: { 'cf-connecting-ip': `192.0.2.${n}` } })),
    );
    const gardener = await join(`${url}/cometd/garden`);
    clients.push(gardener);
    // The root knows of a tree once something was published there, and then while somebody listens.
    await gardener.ok(gardener.subscribe('/garden/gate'));
    assert.ok(!(await all.get('/trees')).trees.some(({ tree }) => tree === '/garden'));
    await gardener.ok(gardener.publish('/garden/gate', 1));
    for (const client of clients) await client.ok(client.subscribe(['/garden/gate', '/**']));
    const paged = async (path, list, limit) => {
      const entries = [];
      for (let after; ; ) {
        const page = await all.get(path, { tree: '*', limit, ...(after && { after }) });
        entries.push(...page[list]);
        if (!page.next) return entries;
        after = page.next;
      }
    };
    const everybody = await paged('/clients', 'clients', 1000);
    // `s00` to `s03` are the shards' clientIds, `t…` the tree's.
    const homes = clients.map(({ clientId }) => (clientId.startsWith('s') ? `@${Number(clientId.slice(1, 3))}` : '/garden'));
    assert.ok(new Set(homes).size >= 4, `they came to ${homes}`);
    assert.deepEqual(everybody.map(({ tree }) => tree).sort(), homes.sort());
    for (const limit of [1, 3, 7]) assert.deepEqual(await paged('/clients', 'clients', limit), everybody, `${limit} a page`);
    const subscribed = Object.entries(Object.groupBy(homes, (home) => home)).flatMap(([tree, { length }]) =>
      ['/**', '/garden/gate'].map((channel) => ({ channel, subscribers: length, tree })),
    );
    const byPlace = (one, other) => (one.tree + one.channel < other.tree + other.channel ? -1 : 1);
    assert.deepEqual((await paged('/channels', 'channels', 2)).sort(byPlace), subscribed.sort(byPlace));

    const { client, tree } = everybody.find(({ tree }) => tree.startsWith('@'));
    assert.equal((await all.get(`/clients/${client}`, { tree })).subscriptions, 2);
    assert.equal((await all.call('DELETE', `/clients/${client}`, { query: { tree } })).status, 204);
    assert.equal((await paged('/clients', 'clients', 1000)).length, clients.length - 1);
    for (const query of [{ after: '17000' }, { after: '@0,x' }, { limit: 0 }]) assert.equal((await all.call('GET', '/clients', { query: { tree: '*', ...query } })).status, 400);
    assert.equal((await all.with('wrong').call('GET', '/clients', { query: { tree: '*' } })).status, 401);
  }));

test('the trees in use are listed, the root first, whatever home the call names', async () => {
  const { client: alice } = await named();
  await alice.ok(alice.subscribe(['/leaves/green', '/roots/deep']));
  const listed = async () => (await api.get('/trees', { tree: 'chat', limit: 1000 })).trees.map(({ tree }) => tree);
  const before = await listed();
  for (const tree of ['/leaves', '/roots']) assert.ok(!before.includes(tree), 'nothing was published there');
  for (const channel of ['/leaves/green', '/roots/deep']) await alice.ok(alice.publish(channel, 1));
  const { trees } = await api.get('/trees', { tree: 'chat', limit: 1000 });
  const all = trees.map(({ tree }) => tree);
  assert.equal(all[0], '/');
  for (const tree of ['/leaves', '/roots']) assert.ok(all.includes(tree), all.join());
  assert.deepEqual(await api.get('/trees', { limit: 1 }), { trees: [{ tree: '/' }], next: '/' });
  assert.deepEqual((await api.get('/trees', { after: '/leaves' })).trees.slice(0, 1), trees.slice(all.indexOf('/leaves') + 1).slice(0, 1));
  assert.equal((await api.call('GET', '/trees', { query: { after: 'x*' } })).status, 400);
});

test('a home with subscribers is no client of the owner, and cannot be reached as one', async () => {
  const { client: alice } = await named();
  await alice.ok(alice.subscribe('/owned/one'));
  assert.deepEqual(await api.get('/clients', { tree: 'owned' }), { clients: [] });
  assert.deepEqual(await api.get('/channels', { tree: 'owned' }), { channels: [] });
  await api.publish({ channel: '/owned/one', data: 1 }, { tree: 'owned' });
  assert.deepEqual(await alice.poll(), [1]);
});

test('the stats of a home come as JSON, its metrics as text', async () => {
  for (const path of ['/stats', '/metrics']) {
    assert.equal((await api.call('GET', path)).status, 200);
    assert.deepEqual(error(await api.call('GET', path, { query: { tree: 'a/*' } })), [400, false, '400::tree_invalid']);
  }
});

test('a client that the API disconnects gets a disconnect', async () => {
  const { client: alice, name } = await named();
  const held = alice.connect();
  await until(async () => (await api.get(`/clients/${name}`)).connected, 'its connect is never held');
  assert.equal((await api.call('DELETE', `/clients/${name}`)).status, 204);
  assert.deepEqual((await held).json.map(({ channel, successful, advice }) => [channel, successful, advice?.reconnect]), [
    ['/meta/disconnect', true, undefined],
    ['/meta/connect', true, 'none'],
  ]);
  assert.deepEqual(error(await api.call('DELETE', `/clients/${name}`)), [404, false, '404::session_unknown']);
});

test('an invalid call is refused as a whole, with the limits of clients', async () => {
  const message = { channel: '/a', data: 1 };
  for (const [body, expected] of [
    ['{', [400, false, '400::json_invalid']],
    ['[]', [400, false, '400::batch_empty']],
    [JSON.stringify(Array(21).fill(message)), [413, false, '413::batch_too_large']],
    [JSON.stringify({ ...message, data: 'x'.repeat(2000) }), [413, false, '413::request_too_large']],
    [[JSON.stringify({ ...message, data: 'x'.repeat(2000) })], [413, false, '413::request_too_large']],
  ])
    assert.deepEqual(error(await api.call('POST', '/publish', { body })), expected);
  assert.equal((await api.publish(Array(20).fill(message))).json.length, 20);
  for (const [path, query] of [['/clients', { limit: 0 }], ['/clients', { after: 'x' }], ['/channels', { after: 'x' }], ['/clients/1', { tree: '*' }]])
    assert.equal((await api.call('GET', path, { query })).status, 400);
  for (const [method, path] of [['DELETE', '/clients/1'], ['POST', '/publish']]) assert.equal((await api.call(method, path, { query: { tree: '*' } })).status, 400);
  for (const [method, path, status, allow] of [['GET', '', 404], ['GET', '/nothing', 404], ['PUT', '/publish', 405, 'POST'], ['OPTIONS', '/clients', 405, 'GET'], ['POST', '/clients/1', 405, 'GET, DELETE']]) {
    const answer = await request(`${cometd}/api${path}`, { method, headers: { authorization: `Bearer ${NEW}`, origin: 'https://page.example' } });
    assert.deepEqual([answer.status, answer.headers.allow, answer.headers['access-control-allow-origin']], [status, allow, undefined]);
  }
});

test('the owner of a channel answers history and presence at every address', async () => {
  const { client: alice } = await named();
  await alice.ok(alice.subscribe('/room/api'));
  for (const n of [1, 2, 3]) await alice.publish('/hist/api', { n });
  const first = await api.get('/history', { channel: '/hist/api', limit: 2 });
  const rest = await api.get('/history', { channel: '/hist/api', after: first.next });
  assert.deepEqual([...first.events, ...rest.events].map(({ data }) => data.n), [1, 2, 3]);
  assert.equal(rest.next, undefined);
  const { count, members } = await until(async () => {
    const told = await api.get('/presence', { channel: '/room/api' });
    return told.count === 1 && told;
  }, 'nobody is there');
  assert.deepEqual([count, Object.values(members).length], [1, 1]);
  assert.deepEqual(error(await api.call('GET', '/history', { query: { channel: '/hist/api', after: 82 } })), [400, false, '400::replay_id_not_kept']);
  assert.deepEqual(error(await api.call('GET', '/presence', { query: { channel: '/room/*' } })), [400, false, '400::channel_invalid']);
  for (const path of ['/history', '/presence']) assert.equal((await api.call('GET', path, { query: { channel: 'x' } })).status, 400);
  assert.deepEqual(error(await api.call('GET', '/presence', { query: { channel: '/none' } })), [404, false, '404::no_presence']);
});

test('a tail has the events since the last call, and is off by default', async () => {
  const { client: alice, name } = await named();
  const page = (after) => api.get('/tail', { channel: '/said/*', ...(after && { after }) });
  const first = await page();
  await alice.ok(alice.publish('/said/a', 1));
  const second = await page(first.next);
  assert.deepEqual(second.events, [{ channel: '/said/a', data: 1 }]);
  assert.deepEqual(error(await api.call('GET', '/tail', { query: { channel: '/**' } })), [400, false, '400::channel_invalid']);
  assert.equal((await api.with().call('GET', '/tail')).status, 401);
  await alice.publish('/said/*', 1);
  assert.equal((await api.get(`/clients/${name}`)).refusals[0].channel, '/said/*');
  await withFixture({ API_KEYS: NEW }, async ({ url }) => {
    const off = await api.at(`${url}/cometd/api`).call('GET', '/tail', { query: { channel: '/said/*' } });
    assert.deepEqual(error(off), [404, false, '404::no_tail']);
  });
});

test('another Worker has the same API through a service binding', async () => {
  const caller = new ApiCaller(server.urls.caller, undefined, description);
  const { client: alice, name } = await named();
  await alice.ok(alice.subscribe('/bound'));
  const held = alice.poll();
  assert.deepEqual((await caller.publish([{ channel: '/bound', data: 1 }])).json, [{ channel: '/bound', successful: true }]);
  assert.deepEqual(await held, [1]);
  assert.ok((await caller.get('/clients', { limit: 1000 })).clients.some(({ client }) => client === name));
  assert.equal((await caller.call('DELETE', `/clients/${name}`)).status, 204);
  assert.equal((await caller.call('GET', `/clients/${name}`)).status, 404);
  assert.equal(await alice.lives(), false);
});

test('the tests above saw every path and every answer of the description', async () => {
  await api.with(undefined).call('GET', '/openapi.json');
  assert.equal((await api.call('GET', '/clients/1')).status, 404);
  assert.equal((await api.publish({ channel: '/service/panic', data: 1 })).json[0].error, '500::internal_error');
  // A fault of the server's own cannot be brought about from outside.
  const unforced = (answer) => / 50[03]$/.test(answer);
  assert.deepEqual(promised(description).filter((answer) => !api.seen.has(answer) && !unforced(answer)), []);
});

test('neither keys nor clientIds are in anything that was logged', () => {
  assert.ok(secrets.length > 5 && server.logs.length > 5);
  for (const { message } of server.logs) for (const secret of [OLD, NEW, READS, SPEAKS, NEW.slice(0, -1), ...secrets]) assert.ok(!message.includes(secret), message);
});
