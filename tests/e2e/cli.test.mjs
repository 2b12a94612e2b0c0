// The command-line client, as a program of its own, against workerd.
import assert from 'node:assert/strict';
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as listen } from 'node:net';
import { tmpdir } from 'node:os';
import { join as inDir } from 'node:path';
import { after, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { heartbeat } from '../../cli/heartbeat.js';
import { Output, readable, toJson } from '../../cli/output.js';
import { FIXTURE_VARS } from '../../scripts/lib/fixture.mjs';
import { inRoot, readJson } from '../../scripts/lib/project.mjs';
import { capture } from '../../scripts/lib/run.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { join } from './support/bayeux.mjs';
import { bayeux, ended, ran } from './support/cli.mjs';
import { fayeServer } from './support/faye.mjs';
import { fixture, until } from './support/server.mjs';

const KEY = 'a-key-for-the-command-line';
const server = await fixture();
const url = `${server.url}/cometd`;
const TRANSPORTS = ['websocket', 'long-polling'];

const subscribed = async (args, options) => {
  const command = bayeux(['subscribe', ...args], options);
  await command.notes('subscribed to');
  return command;
};

for (const transport of TRANSPORTS) {
  test(`subscribe writes what publish publishes, and ends after --count (${transport})`, async () => {
    const bob = await subscribed([url, '/one/**', '--count', '2', '--transport', transport]);
    ended(await ran(['publish', url, '/one/demo', '{"text":"hi"}', '--transport', transport]), 0, /published 1 message on \/one\/demo/);
    ended(await ran(['publish', url, '/one/demo/deep', 'hello', '--transport', transport]), 0);
    assert.equal(await bob.ends(), 0);
    assert.match(bob.stdout, /^\d\d:\d\d:\d\d \/one\/demo \{"text":"hi"\}\n\d\d:\d\d:\d\d \/one\/demo\/deep hello\n$/);
    assert.match(bob.stderr, new RegExp(`\\(${transport}\\)`));
  });
}

test('with --json a line is the message as it came, once, however many patterns match', async () => {
  const bob = await subscribed([url, '/two/*', '/two/demo', '/two/demo', '--json', '-n', '2']);
  const alice = await join(url);
  await alice.send({ channel: '/two/demo', data: { a: [1, null] }, ext: { mark: 7 } });
  await alice.publish('/two/demo', 'end');
  assert.equal(await bob.ends(), 0);
  assert.deepEqual(bob.objects, [
    { channel: '/two/demo', data: { a: [1, null] }, ext: { mark: 7 } },
    { channel: '/two/demo', data: 'end' },
  ]);
});

test('publish takes each line of standard input, in order: JSON, or text where it is not', async () => {
  const bob = await subscribed([url, '/three', '--json', '-n', '1004']);
  const numbers = Array.from({ length: 1000 }, (_, index) => index);
  const lines = ['{"a":1}', '', 'not {json', '"quoted"\r', ...numbers, 'no end'];
  ended(await ran(['publish', url, '/three'], { input: lines.join('\n') }), 0, /published 1004 messages/);
  assert.equal(await bob.ends(), 0);
  assert.deepEqual(bob.objects.map(({ data }) => data), [{ a: 1 }, 'not {json', 'quoted', ...numbers, 'no end']);
});

test('publish --text sends JSON as text, and --json prints the replies', async () => {
  const bob = await subscribed([url, '/four', '--json', '-n', '1']);
  const { code, stdout } = await ran(['publish', url, '/four', '42', '--text', '--json']);
  assert.equal(code, 0);
  const reply = JSON.parse(stdout);
  assert.equal(reply.channel, '/four');
  assert.equal(reply.successful, true);
  await bob.ends();
  assert.equal(bob.objects[0].data, '42');
});

test('lines are published as they come, not when the input ends', async () => {
  const bob = await subscribed([url, '/five']);
  const alice = bayeux(['publish', url, '/five']);
  alice.type('first');
  await bob.writes('/five first');
  alice.type('second');
  await bob.writes('/five second');
  alice.child.stdin.end();
  assert.equal(await alice.ends(), 0);
});

for (const transport of TRANSPORTS) {
  test(`call writes the service's answer (${transport})`, async () => {
    const people = await ran(['call', url, '/service/echo', '{"a":[1]}', '--transport', transport]);
    ended(people, 0);
    assert.equal(people.stdout, '{\n  "a": [\n    1\n  ]\n}\n');
    const program = await ran(['call', url, '/service/echo', 'text', '--json', '--transport', transport]);
    assert.deepEqual(JSON.parse(program.stdout), { channel: '/service/echo', data: 'text' });
  });
}

test('a call times out if the service does not answer', async () => {
  ended(await ran(['call', url, '/service/nobody', '1', '--timeout', '1']), 3, /\/service\/nobody has not answered within 1 s/);
});

test('a refusal exits with 1 and the server’s error', async () => {
  ended(await ran(['publish', url, '/den/a', '1']), 1, /403:nope:publish_denied/);
  ended(await ran(['publish', url, '/den/a'], { input: '1\n2\n' }), 1, /403:nope:publish_denied/);
  ended(await ran(['subscribe', url, '/free', '/auth/a']), 1, /403:denied_by_security_policy:subscribe_denied/);
  ended(await ran(['call', url, '/service/veto', '1']), 1, /404::message_deleted/);
  ended(await ran(['subscribe', url, '/free', '--ext', '{"deny":true}']), 1, /403::handshake_denied/);
  ended(await ran(['subscribe', `${server.url}/nowhere`, '/free']), 1, /HTTP 40\d/);
  const huge = 'x'.repeat(2 * 1024 * 1024);
  for (const transport of TRANSPORTS) ended(await ran(['publish', url, '/free', '--transport', transport], { input: huge }), 1, /too big|HTTP 413/);
});

test('a command whose session the server ends exits with 1', async () => {
  ended(await ran(['call', url, '/service/kick', '1']), 1, /the server has ended the session/);
});

test('wrong usage exits with 2 and says what is wrong', async () => {
  for (const [args, complaint] of [
    [[], /a command is missing/],
    [['shout'], /no command shout/],
    [['constructor'], /no command constructor/],
    [['subscribe'], /URL of a server is missing/],
    [['subscribe', 'localhost:8787', '/a'], /not the URL of a server/],
    [['subscribe', url], /channel to subscribe to is missing/],
    [['subscribe', url, 'chat'], /chat is not the name of a channel/],
    [['subscribe', url, '/meta/connect'], /protocol's own/],
    [['subscribe', url, '/a', '--count', '0'], /--count takes a number from 1/],
    [['subscribe', url, '/a', '--timeout', 'soon'], /--timeout takes a number of seconds/],
    [['subscribe', url, '/a', '--transport', 'pigeon'], /"pigeon" is unknown; the transports are websocket and long-polling/],
    [['subscribe', url, '/a', '--ext', '[1]'], /--ext takes a JSON object/],
    [['subscribe', url, '/a', '--loud'], /Unknown option '--loud'/],
    [['publish', url], /channel to publish on is missing/],
    [['publish', url, '/a/*', '1'], /more than one channel/],
    [['publish', url, '/a', 'two', 'words'], /DATA is one argument/],
    [['call', url, '/a', '1'], /\/a is not a service/],
    [['chat', url, 'a', 'b'], /a ROOM is one argument/],
    [['chat', url, '--name', ' '], /--name takes a name/],
  ]) {
    const outcome = await ran(args);
    ended(outcome, 2, complaint);
    assert.equal(outcome.stdout, '', args.join(' '));
  }
});

test('there is help for all commands and each of them, and the version', async () => {
  const all = await ran(['--help']);
  ended(all, 0);
  for (const name of ['subscribe', 'publish', 'call', 'chat']) {
    assert.match(all.stdout, new RegExp(`^  ${name} URL`, 'm'));
    const { code, stdout, stderr } = await ran([name, '--help']);
    assert.equal(code, 0, stderr);
    assert.match(stdout, new RegExp(`^Usage: bayeux ${name} URL`));
    assert.match(stdout, /--transport LIST/);
  }
  assert.equal((await ran(['--version'])).stdout, `${(await readJson(inRoot('package.json'))).version}\n`);
});

test('npx runs the command in a clone', async () => {
  const { ok, stdout, stderr } = await capture('npx', ['--no-install', 'bayeux', '--version']);
  assert.ok(ok, stderr);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test('the packed package has all files that it needs', async () => {
  const folder = await mkdtemp(inDir(tmpdir(), 'bayeux-pack-'));
  after(() => rm(folder, { recursive: true, force: true }));
  const packed = await capture('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder]);
  assert.ok(packed.ok, packed.stderr);
  const [{ filename }] = JSON.parse(packed.stdout);
  const unpacked = await capture('tar', ['-xzf', inDir(folder, filename), '-C', folder]);
  assert.ok(unpacked.ok, unpacked.stderr);
  // What npm would install beside it: all that package-lock.json has neither for development nor for single platforms.
  const { packages } = await readJson(inRoot('package-lock.json'));
  for (const [path, { dev, optional, devOptional }] of Object.entries(packages)) {
    if (path === '' || dev || optional || devOptional) continue;
    await mkdir(inDir(folder, path), { recursive: true });
    await cp(inRoot(path), inDir(folder, path), { recursive: true });
  }
  const program = inDir(folder, 'package', (await readJson(inDir(folder, 'package', 'package.json'))).bin.bayeux);
  const outcome = await ran(['call', url, '/service/echo', '"packed"'], { program });
  ended(outcome, 0);
  assert.equal(outcome.stdout, 'packed\n');
  ended(await ran(['chat', url, 'packed', '--name', 'Ann'], { program, input: 'hello\n' }), 0);
});

test('the token and --ext go into the ext of the handshake, and no trace shows them', async () => {
  const faye = await fayeServer();
  const { code, stdout, stderr } = await ran(['publish', faye.url, '/a', '1', '--token', 'secret', '--ext', '{"room":7}', '--verbose']);
  assert.equal(code, 0, stderr);
  assert.doesNotMatch(stdout + stderr, /secret/);
  assert.deepEqual([faye.handshakes[0].ext.token, faye.handshakes[0].ext.room], ['secret', 7]);
  ended(await ran(['publish', faye.url, '/a', '1'], { env: { BAYEUX_TOKEN: 'hidden' } }), 0);
  assert.equal(faye.handshakes.at(-1).ext.token, 'hidden');
});

for (const transport of TRANSPORTS) {
  test(`Faye's server is served too (${transport})`, async () => {
    const faye = await fayeServer();
    const bob = await subscribed([faye.url, '/chat/*', '--json', '-n', '1', '--transport', transport]);
    ended(await ran(['publish', faye.url, '/chat/demo', 'hi', '--transport', transport]), 0);
    assert.equal(await bob.ends(), 0);
    assert.deepEqual(bob.objects.map(({ channel, data }) => [channel, data]), [['/chat/demo', 'hi']]);
  });
}

test('without a server it exits with 3', async () => {
  const closed = listen();
  await new Promise((resolve) => closed.listen(0, '127.0.0.1', resolve));
  const { port } = closed.address();
  await new Promise((resolve) => closed.close(resolve));
  for (const transport of TRANSPORTS) ended(await ran(['subscribe', `http://127.0.0.1:${port}/cometd`, '/a', '--transport', transport]), 3, /no connection to/);
});

test('if something else answers, or nothing, it exits with 3', async () => {
  const page = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
  const silent = listen(() => {}).listen(0, '127.0.0.1');
  after(() => [page.closeAllConnections(), page.close(), silent.close()]);
  const at = (listener) => `http://127.0.0.1:${listener.address().port}/cometd`;
  await until(() => page.listening && silent.listening, 'they do not listen');
  ended(await ran(['publish', at(page), '/a', '1']), 3, /is not a Bayeux server/);
  ended(await ran(['publish', at(silent), '/a', '1', '--timeout', '1']), 3, /no answer from .* within 1 s/);
});

test('subscribe with --count and --timeout ends if the messages do not come in time', async () => {
  ended(await ran(['subscribe', url, '/never', '-n', '1', '--timeout', '2']), 3, /fewer than 1 messages within 2 s/);
});

for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]]) {
  test(`${signal} disconnects and exits with ${code}`, async () => {
    const bob = await subscribed([url, '/six', '--verbose']);
    bob.child.kill(signal);
    assert.equal(await bob.ends(), code);
    assert.match(bob.stderr, /← \{"channel":"\/meta\/disconnect","id":"\d+","successful":true/);
  });
}

test('subscribe --since begins with the kept events, all or after a number, and goes on with new ones', async () => {
  // Each with a session of its own: one may be forgotten while a command starts.
  const publishes = async (n) => {
    const alice = await join(url);
    await alice.ok(alice.publish('/hist/cli', { n }));
  };
  for (const n of [1, 2, 3]) await publishes(n);
  const all = await subscribed([url, '/hist/cli', '--since', 'all', '--json', '-n', '4']);
  await until(() => all.objects.length === 3, () => `${all.stdout} ${all.stderr}`);
  await publishes(4);
  assert.equal(await all.ends(), 0);
  assert.deepEqual(all.objects.map(({ data }) => data), [{ n: 1 }, { n: 2 }, { n: 3 }, { n: 4 }], 'as it was published');
  const { replayId } = all.objects[1].ext.replay;
  const rest = await subscribed([url, '/hist/cli', '--since', `${replayId}`, '--json', '-n', '2']);
  assert.equal(await rest.ends(), 0);
  assert.deepEqual(rest.objects.map(({ data: { n } }) => n), [3, 4]);
  ended(await ran(['subscribe', url, '/hist/cli', '--since', '82']), 1, /400:\/hist\/cli,82:replay_id_not_kept/);
  ended(await ran(['subscribe', url, '/hist/cli', '--since', 'yesterday']), 2, /--since takes the number of an event or all/);
});

test('presence prints the members of a channel', async () => {
  const bob = await subscribed([url, '/room/cli', '--verbose']);
  await until(async () => (await ran(['presence', url, '/room/cli'])).stdout.startsWith('session:'), 'nobody is there');
  const { code, stdout } = await ran(['presence', url, '/room/cli', '--json']);
  assert.equal(code, 0);
  assert.equal(JSON.parse(stdout).count, 1);
  bob.child.kill('SIGINT');
  ended(await ran(['presence', url, '/elsewhere']), 1, /403:no_presence:presence_denied/);
});

test('history prints the kept events of a channel, with a key of the server API', async () => {
  const { url: site, stop } = await startServer({ fixture: true, vars: { ...FIXTURE_VARS, API_KEYS: KEY } });
  after(stop);
  const alice = await join(`${site}/cometd`);
  for (const n of [1, 2, 3]) await alice.publish('/hist/kept', { n });
  const args = ['history', `${site}/cometd`, '/hist/kept', '--json'];
  const numbers = ({ stdout }) => stdout.trim().split('\n').map((line) => JSON.parse(line).data.n);
  const env = { BAYEUX_KEY: KEY };
  assert.deepEqual(numbers(await ran(args, { env })), [1, 2, 3]);
  assert.deepEqual(numbers(await ran([...args, '-n', '2', '--key', KEY])), [1, 2]);
  ended(await ran(['history', `${site}/cometd`, '/hist/kept', '--since', '82'], { env }), 1, /400::replay_id_not_kept/);
  ended(await ran([...args, '--key', 'wrong']), 1, /401::api_key_invalid/);
  ended(await ran(args, { env: { BAYEUX_KEY: '' } }), 2, /BAYEUX_KEY/);
});

test('people in a chat see who joins and leaves, the messages, and the earlier messages', async () => {
  const ann = bayeux(['chat', url, 'tea', '--name', 'Ann']);
  await ann.notes('as Ann');
  const bob = bayeux(['chat', url, 'tea', '--name', 'Bob']);
  await ann.writes('* Bob joined');
  await bob.writes('* Ann is here');
  ann.type('hello \u001b[2J');
  await bob.writes('Ann: hello ␛[2J');
  const cara = bayeux(['chat', url, 'tea', '--name', 'Cara', '--json']);
  await cara.writes('"kind":"recalled"');
  assert.deepEqual(cara.objects.filter(({ kind }) => kind === 'recalled').map(({ name, text }) => [name, text]), [['Ann', 'hello \u001b[2J']]);
  cara.type('bye');
  await bob.writes('* Cara joined'); // who comes and goes within a second was never there
  cara.type('/quit');
  assert.equal(await cara.ends(), 0);
  await bob.writes('Cara: bye');
  await bob.writes('* Cara left');
  bob.type('/name Bert');
  await ann.writes('* Bob is now Bert');
  bob.child.stdin.end();
  assert.equal(await bob.ends(), 0);
  await ann.writes('* Bert left');
});

test('when the reader of its output closes, it disconnects and exits with 0', async () => {
  const bob = await subscribed([url, '/seven', '--verbose']);
  await ran(['publish', url, '/seven', '1']);
  await bob.writes('/seven 1');
  bob.child.stdout.destroy();
  await ran(['publish', url, '/seven', '2']);
  assert.equal(await bob.ends(), 0);
  assert.match(bob.stderr, /← \{"channel":"\/meta\/disconnect","id":"\d+","successful":true/);
});

/**
 * Work on a server of its own, which `again()` kills and starts on the same port; without `keep` it has forgotten all
 * then.
 */
async function withRestarts({ keep }, work) {
  const persistTo = await mkdtemp(inDir(tmpdir(), 'bayeux-cli-'));
  let current = await startServer({ fixture: true, persistTo: keep ? persistTo : undefined });
  const { port } = current;
  const stop = async () => {
    process.kill(current.pid, 'SIGKILL');
    await current.ended;
  };
  const start = async () => (current = await startServer({ fixture: true, port, persistTo: keep ? persistTo : undefined }));
  try {
    await work({ url: `${current.url}/cometd`, stop, start });
  } finally {
    await current.stop();
    await rm(persistTo, { recursive: true, force: true });
  }
}

for (const transport of TRANSPORTS) {
  test(`after a restart of the server the session goes on, and no event is missed (${transport})`, () =>
    withRestarts({ keep: true }, async ({ url, stop, start }) => {
      const bob = await subscribed([url, '/eight', '--json', '--transport', transport, '-n', '2']);
      ended(await ran(['publish', url, '/eight', 'before']), 0);
      await bob.writes('before');
      await stop();
      await bob.notes('connection lost');
      await start();
      ended(await ran(['publish', url, '/eight', 'after']), 0); // bob may still be away
      assert.equal(await bob.ends(), 0);
      assert.deepEqual(bob.objects.map(({ data }) => data), ['before', 'after']);
      assert.doesNotMatch(bob.stderr, /new session/);
    }));

  test(`after a server lost its storage, a new session has the same subscriptions (${transport})`, () =>
    withRestarts({ keep: false }, async ({ url, stop, start }) => {
      const bob = await subscribed([url, '/nine', '--transport', transport]);
      await stop();
      await bob.notes('connection lost');
      await start();
      await bob.notes('connected again, as a new session');
      ended(await ran(['publish', url, '/nine', 'after']), 0);
      await bob.writes('/nine after');
    }));
}

test('publish sends a message again if the server was down', () =>
  withRestarts({ keep: true }, async ({ url, stop, start }) => {
    const bob = await subscribed([url, '/ten']);
    const alice = bayeux(['publish', url, '/ten', '--timeout', '30']);
    alice.type('before');
    await bob.writes('/ten before');
    await stop();
    alice.type('meanwhile');
    alice.child.stdin.end();
    await alice.notes('connection lost');
    await start();
    assert.equal(await alice.ends(), 0, alice.stderr);
    await bob.writes('/ten meanwhile');
  }));

test('with --no-reconnect the first break ends the command', () =>
  withRestarts({ keep: true }, async ({ url, stop }) => {
    const bob = await subscribed([url, '/eleven', '--no-reconnect']);
    await stop();
    assert.equal(await bob.ends(), 3);
  }));

test('control characters that others send do not reach the terminal', async () => {
  const bob = await subscribed([url, '/twelve', '-n', '2']);
  const alice = await join(url);
  await alice.publish('/twelve', 'a\u001b[2Jb\u009bc\nd\u202e');
  await alice.publish('/twelve', { text: '\u001b[2J\u009b' });
  assert.equal(await bob.ends(), 0);
  assert.match(bob.stdout, /\/twelve a␛\[2Jb␡c\n    d\n.*\/twelve \{"text":"\\u001b\[2J\\u009b"\}\n$/);
  assert.equal(readable('\u0000\t'), '␀\t');
  assert.equal(toJson({ a: '\u009b\u007f\u202e' }), '{"a":"\\u009b\\u007f\\u202e"}');
});

test('colours are used on terminals that support them', () => {
  const written = (stream) => {
    const lines = [];
    new Output({ stdout: { write: (text) => lines.push(text), ...stream }, stderr: {} }).result('x', ({ bold, named }) => bold('x') + named('y'));
    return lines.join('');
  };
  assert.equal(written({ isTTY: true, hasColors: () => true }), '\u001b[1mx\u001b[0m\u001b[92my\u001b[0m\n');
  assert.equal(written({ isTTY: true, hasColors: () => false }), 'xy\n'); // NO_COLOR, or TERM=dumb
  assert.equal(written({}), 'xy\n');
});

test('a socket whose server has gone silent is closed', async () => {
  const servers = [true, false].map((autoPong) => new WebSocketServer({ port: 0, host: '127.0.0.1', autoPong }));
  after(() => servers.forEach((server) => server.close()));
  await until(() => servers.every((server) => server.address()), 'they do not listen');
  const Socket = heartbeat(100);
  const [answered, silent] = servers.map((server) => new Socket(`ws://127.0.0.1:${server.address().port}`));
  await new Promise((resolve) => silent.once('close', resolve));
  assert.equal(answered.readyState, Socket.OPEN);
  answered.terminate();
});
