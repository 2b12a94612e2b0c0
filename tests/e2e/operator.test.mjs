// The tools of an operator: the commands that use the server API, and the lines of the log.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, test } from 'node:test';
import { startServer } from '../../scripts/lib/server.mjs';
import { join } from './support/bayeux.mjs';
import { ended, ran } from './support/cli.mjs';
import { logged, until } from './support/server.mjs';

const [ADMIN, READS] = ['the-key-of-who-runs-it', 'the-key-of-who-looks'];
const server = await startServer({
  fixture: true,
  vars: { API_KEYS: `admin:ops:${ADMIN} read:screen:${READS}`, LOG_LEVEL: 'debug', TAIL_EVENTS: '50', MAX_INTERVAL: '60000', ACCESS_RULES: 'anyone * /open/**; role=staff * /closed/**; anyone publish /service/**' },
});
after(() => server.stop());
const url = `${server.url}/cometd`;
const env = { BAYEUX_URL: url, BAYEUX_KEY: ADMIN, TOKEN_SECRET: undefined };

/** Runs a command that must succeed: what it writes. */
async function written(args, more) {
  const command = await ran(args, { env: { ...env, ...more } });
  ended(command, 0);
  return command.stdout;
}

const objects = (text) => text.trim().split('\n').filter(Boolean).map((line) => JSON.parse(line));

test('clients, channels and trees are listed for people, programs and shells, with the URL in the environment or on the line', async () => {
  const alice = await join(url);
  await alice.ok(alice.subscribe('/open/news'));
  const [client] = objects(await written(['clients', '--format', 'json']));
  assert.deepEqual([client.subscriptions, client.transport], [1, 'long-polling']);
  const table = await written(['clients', url], { BAYEUX_URL: '' });
  assert.match(table.split('\n')[0], /^client +since +active +transport .*channels +queued$/);
  assert.ok(table.split('\n')[1].startsWith(client.client));
  assert.equal(await written(['clients', '--format', 'names']), `${client.client}\n`);
  assert.match(await written(['clients', client.client]), /channels +\/open\/news\n/);
  assert.match(await written(['channels']), /^channel +subscribers\n\/open\/news +1\n$/);
  assert.deepEqual(objects(await written(['channels', '--all', '--json'])), [{ channel: '/open/news', subscribers: 1, tree: '/' }]);
  assert.equal((await written(['trees', '--format', 'names'])).split('\n')[0], '/');
  const stats = JSON.parse(await written(['stats', '--json']));
  assert.deepEqual([stats.home, stats.sessions], ['/', { 'long-polling': 1 }]);
  assert.match(await written(['stats']), /^home +\/\n(.*\n)*since +\d{4}-\d\d-\d\dT/m);
  const all = objects(await written(['stats', '--all', '--json']));
  assert.deepEqual(all.find(({ home }) => home === '/')?.sessions, { 'long-polling': 1 });
  assert.match(await written(['stats', '--all']), /^home +since +sessions .*refused\n\/ /);
  ended(await ran(['kick', client.client], { env }), 0, /ended the session of \d+/);
  assert.equal(await alice.lives(), false);
});

test('a refusal shows the server’s error, and names what is missing', async () => {
  ended(await ran(['kick', '1'], { env }), 1, /404::session_unknown/);
  ended(await ran(['kick', '1'], { env: { ...env, BAYEUX_KEY: READS } }), 1, /403:admin:api_key_scope_missing/);
  ended(await ran(['clients', '--key', 'a-wrong-key-of-nobody'], { env }), 1, /401::api_key_invalid/);
  ended(await ran(['clients', '--tree', 'a/*'], { env }), 1, /400::tree_invalid/);
  ended(await ran(['clients', url], { env: { ...env, BAYEUX_KEY: '' } }), 2, /BAYEUX_KEY/);
  ended(await ran(['clients'], { env: { ...env, BAYEUX_URL: '' } }), 2, /BAYEUX_URL/);
  ended(await ran(['clients', '--format', 'xml'], { env }), 2, /table, json, names/);
  ended(await ran(['clients', 'http://127.0.0.1:1/cometd'], { env }), 3, /no connection/);
});

test('token signs its claims with the secret of the environment', async () => {
  const secret = 'a-secret-of-thirty-two-bytes-yes';
  const token = (await written(['token', 'alice', '--claims', '{"room":7}', '--expires', '60'], { TOKEN_SECRET: secret })).trim();
  const [head, claims, signature] = token.split('.');
  assert.equal(signature, createHmac('sha256', secret).update(`${head}.${claims}`).digest('base64url'));
  const { sub, room, iat, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  assert.deepEqual([sub, room, exp - iat], ['alice', 7, 60]);
});

test('log lines about a session name it; a refused message is logged at once, with channel, reason and cf-ray', async () => {
  const bob = await join(url, { headers: { 'cf-ray': '8f0c2d1e5b7a1234-FRA' } });
  const [{ client }] = objects(await written(['clients', '--json'])).slice(-1);
  const opened = await until(() => logged(server, 'session_opened').find((line) => line.client === client), 'no line has its name');
  assert.deepEqual([opened.home, opened.transport, opened.ray], ['/', 'none', '8f0c2d1e5b7a1234-FRA']);
  for (let n = 0; n < 30; n += 1) await bob.publish('/closed/one', n);
  const denied = () => logged(server, 'message_refused').filter(({ error }) => error.endsWith('publish_denied'));
  const lines = await until(() => denied().length > 0 && denied(), 'nothing says why');
  assert.equal(lines.length, 1, 'the others are a sum');
  const [{ level, channel, error, client: whose, transport, reason, rule }] = lines;
  assert.deepEqual([reason, rule], ['denied_by_access_rules', 'role=staff * /closed/**'], 'which rule it is that others have');
  assert.deepEqual([level, channel, error, whose, transport], ['info', '/closed/one', '403:denied_by_access_rules:publish_denied', client, 'long-polling']);
  await bob.subscribe('/secret');
  const subscribing = await until(() => logged(server, 'message_refused').find(({ subscription }) => subscription === '"/secret"'), 'another kind has its own line');
  assert.equal(subscribing.subscription, '"/secret"');
});

test('the log line of a failed request has the panic and its place', async () => {
  const bob = await join(url);
  await bob.publish('/service/panic', 1);
  const line = await until(() => logged(server, 'request_failed')[0], 'no line');
  assert.match(line.panic, /panicked at src\/fixture\.rs:\d+:\d+.*the panic that/s);
});

test('with a read key tail prints events, and a client is shown with its refused messages', async () => {
  const alice = await join(url);
  const saying = setInterval(() => alice.publish('/open/said', { n: 1 }), 200);
  try {
    const args = ['tail', '/open/*', '--count', '2'];
    assert.deepEqual(objects(await written([...args, '--format', 'json'], { BAYEUX_KEY: READS })), Array(2).fill({ channel: '/open/said', data: { n: 1 } }));
    assert.match(await written(args), /^(\d\d:\d\d:\d\d \/open\/said \{"n":1\}\n){2}$/);
  } finally {
    clearInterval(saying);
  }
  ended(await ran(['tail', '/**'], { env }), 1, /400::channel_invalid/);
  ended(await ran(['tail'], { env }), 2, /channel is missing/);
  await alice.publish('/closed/x', 1);
  const [{ client }] = objects(await written(['clients', '--json'])).slice(-1);
  assert.match(await written(['clients', client]), /refusals +\d+s ago \/closed\/x 403:denied_by_access_rules:publish_denied \(others by: role=staff \* \/closed\/\*\*\)/);
});
