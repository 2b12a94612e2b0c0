// The example of a hooks Worker as in docs/HOOKS.md: `wrangler dev` with both Workers, and with one after the other.
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { after, test } from 'node:test';
import { build } from 'esbuild';
import { inRoot } from '../../scripts/lib/project.mjs';
import { HANDSHAKE, join, post } from './support/bayeux.mjs';
import { until } from './support/server.mjs';
import { wranglerDev } from './support/wrangler-dev.mjs';

const EXAMPLE = inRoot('examples', 'hooks', 'wrangler.toml');

const folder = await mkdtemp(path(tmpdir(), 'bayeux-hooks-dev-'));
after(() => rm(folder, { recursive: true, force: true }));

/** wrangler.toml with the lines that the guide has to add, in a folder where nobody trips over it. */
async function configured() {
  const guide = await readFile(inRoot('docs', 'HOOKS.md'), 'utf8');
  const [, lines] = /```toml\n(# wrangler\.toml of this server\n[^`]+)```/.exec(guide);
  const config = path(folder, 'wrangler.toml');
  const own = await readFile(inRoot('wrangler.toml'), 'utf8');
  const placed = own.replace(/^(main|directory|watch_dir) = "(.+)"$/gm, (_, name, where) => `${name} = ${JSON.stringify(inRoot(where))}`);
  const opened = placed.replace(/^TREES = ".+"$/m, 'TREES = "/chat /members /open"');
  assert.notEqual(opened, placed, 'the shipped TREES, which the guide has people extend');
  await writeFile(config, `${opened}\n${lines}`);
  return config;
}

const shakeHands = async (url, ext) => (await post(`${url}/cometd`, [{ ...HANDSHAKE, ext }])).json[0];

test('wrangler dev runs the server and the example together', async (t) => {
  const { url, stop } = await wranglerDev([await configured(), EXAMPLE], path(folder, 'together'));
  t.after(stop);
  const { error, ext } = await shakeHands(url, { user: 'eve', password: 'guess' });
  assert.deepEqual([error, ext], ['401::wrong_password', { loginAt: '/login' }]);
  const [alice, guest] = await Promise.all([join(`${url}/cometd`, { handshake: { ext: { user: 'alice', password: 'sesame' } } }), join(`${url}/cometd`)]);
  assert.equal(await alice.call('/service/greet'), 'Hello, alice!');
  assert.equal(await guest.call('/service/greet'), 'Hello, stranger!');
  for (const name of ['/members/tea', '/members/*', '/members/**', '/members/tea/**', ['/open', '/members/tea']])
    assert.equal((await guest.subscribe(name)).json[0].error, '403::members_only', String(name));
  await alice.ok(alice.subscribe('/members/tea'));
  const { json } = await alice.publish('/members/tea', 'hi');
  assert.deepEqual(json.find(({ data }) => data)?.data, { from: 'alice', said: 'hi' });
});

test('the example tells which names a pattern covers, and which overlap it', async () => {
  const { outputFiles } = await build({ entryPoints: [inRoot('examples', 'hooks', 'src', 'channels.ts')], format: 'esm', write: false });
  const { covers, overlaps } = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  for (const [pattern, covered, apart] of [
    ['/a/**', ['/a/**', '/a/*', '/a/b', '/a/b/c', '/a/b/**'], ['/a', '/ab', '/b/a', '/b/**']],
    ['/a/*', ['/a/*', '/a/b'], ['/a', '/a/b/c', '/a/b/*', '/a/b/**', '/ab']],
    ['/a/b', ['/a/b'], ['/a', '/a/bc', '/a/b/c', '/a/b/*']],
    ['/**', ['/**', '/*', '/a', '/a/b/**'], []],
  ]) {
    for (const name of covered) assert.ok(covers(pattern, name) && overlaps(pattern, name) && overlaps(name, pattern), `${pattern} ${name}`);
    for (const name of apart) assert.ok(!covers(pattern, name) && !overlaps(pattern, name) && !overlaps(name, pattern), `${pattern} ${name}`);
  }
  assert.ok(!covers('/a/*', '/a/**') && overlaps('/a/*', '/a/**'));
});

test('handshakes are refused while the hooks Worker is down, and accepted when it is up', async (t) => {
  const place = path(folder, 'apart');
  const server = await wranglerDev([await configured()], place);
  t.after(server.stop);
  const refused = async () => (await shakeHands(server.url)).error === '503::hooks_unavailable';
  const { successful, error, advice } = await shakeHands(server.url);
  assert.deepEqual([successful, error, advice], [false, '503::hooks_unavailable', { interval: 10_000 }]);
  const hooks = await wranglerDev([EXAMPLE], place);
  t.after(hooks.stop);
  await until(async () => (await shakeHands(server.url)).successful, 'it is not found', 30_000);
  const alice = await join(`${server.url}/cometd`, { handshake: { ext: { user: 'alice', password: 'sesame' } } });
  assert.equal(await alice.call('/service/greet'), 'Hello, alice!');
  await hooks.stop();
  await until(refused, 'the handshake is let through', 30_000);
});
