// `npm run serve` and `npm run fixture` as commands: their options, and that they leave nothing behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';

test('a fixture listens on a free port and serves the site and /cometd', async (t) => {
  const { url } = await fixture(t);
  const page = await fetch(url);
  assert.equal(page.status, 200);
  assert.match(page.headers.get('content-type'), /text\/html/);
  const bayeux = await fetch(`${url}/cometd`, { method: 'POST', body: '[]' });
  assert.doesNotMatch(bayeux.headers.get('content-type') ?? '', /text\/html/);
});

test('two fixtures run side by side', async (t) => {
  const [one, other] = await Promise.all([fixture(t), fixture(t)]);
  assert.notEqual(one.url, other.url);
  for (const { url } of [one, other]) assert.equal((await fetch(url)).status, 200);
});

test('the given port is used, and free again after a SIGTERM', async (t) => {
  const { url, child } = await fixture(t);
  const { port } = new URL(url);
  child.kill('SIGTERM');
  assert.deepEqual(await ended(child), { code: 0, signal: null });
  assert.equal((await fixture(t, ['--port', port])).url, url);
});

test('--var sets an option of the server, and the last one of a name wins', async (t) => {
  const handshake = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '[{"channel":"/meta/handshake"}]',
  };
  const [wrong, mended] = await Promise.all([
    fixture(t, ['--var', 'TIMEOUT:soon']),
    fixture(t, ['--var', 'TIMEOUT:soon', '--var', 'TIMEOUT:4000']),
  ]);
  assert.match(await (await fetch(`${wrong.url}/cometd`, handshake)).text(), /TIMEOUT.*soon/);
  assert.doesNotMatch(await (await fetch(`${mended.url}/cometd`, handshake)).text(), /soon/);
});

test('a wrong option is refused with one sentence', async (t) => {
  for (const [args, sentence] of [
    [['--port', 'many'], /--port many: a number/],
    [['--var', 'TIMEOUT'], /--var TIMEOUT: NAME:VALUE/],
  ]) {
    const { child, output } = command(t, args);
    assert.equal((await ended(child)).code, 1);
    assert.match(output(), sentence);
  }
});

test('the server ends when the process that started it is killed', async (t) => {
  const starter = spawn(process.execPath, ['-e', STARTER], { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => starter.kill('SIGKILL'));
  const url = await ready(starter.stdout);
  starter.kill('SIGKILL');
  await until(() => refused(url), 'the server still answers');
});

test('a workerd that was killed can be started again on its port and with its storage', async (t) => {
  const persistTo = await mkdtemp(join(tmpdir(), 'bayeux-edge-'));
  t.after(() => rm(persistTo, { recursive: true, force: true }));
  const first = await startServer({ fixture: true, persistTo });
  process.kill(first.pid, 'SIGKILL');
  await first.ended;
  const second = await startServer({ fixture: true, persistTo, port: first.port });
  t.after(() => second.stop());
  assert.notEqual(second.pid, first.pid);
  assert.equal((await fetch(second.url)).status, 200);
  await second.stop();
  assert.throws(() => process.kill(second.pid, 0), { code: 'ESRCH' });
});

const STARTER = `require('node:child_process').spawn('npm', ['run', '--silent', 'fixture'], { stdio: 'inherit' })`;

/** A running fixture that is gone after the test. */
async function fixture(t, args = []) {
  const { child } = command(t, args);
  return { child, url: await ready(child.stdout) };
}

function command(t, args) {
  const child = spawn(process.execPath, ['scripts/serve.mjs', '--fixture', ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const gone = ended(child);
  t.after(() => child.kill('SIGTERM') && gone);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more) => (text += more));
  return { child, output: () => text };
}

/** The URL of the line with which the command says that it accepts requests. */
function ready(stdout) {
  return new Promise((resolve, reject) => {
    let text = '';
    stdout.setEncoding('utf8').on('data', (more) => {
      text += more;
      const line = /^Ready on (http:\S+)$/m.exec(text);
      if (line) resolve(line[1]);
    });
    stdout.on('end', () => reject(new Error(`it ended without being ready: ${text}`)));
  });
}

const ended = (child) => new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));

const refused = (url) =>
  fetch(url).then(
    () => false,
    () => true,
  );

async function until(condition, complaint) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await sleep(100)) if (await condition()) return;
  assert.fail(complaint);
}
