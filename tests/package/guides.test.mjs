// The snippets of the guides, unchanged, run or compiled if their language is installed. Those of docs/CLIENTS.md:
// tests/e2e/client-snippets.test.mjs; those in Rust: `cargo test --doc`.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { node22 } from '../../scripts/lib/npm.mjs';
import { PACKAGE } from '../../scripts/lib/package.mjs';
import { read } from '../../scripts/lib/markdown.mjs';
import { inRoot } from '../../scripts/lib/project.mjs';
import { startServer } from '../../scripts/lib/server.mjs';
import { browser } from '../e2e/support/browser.mjs';
import { command, project, started } from './support.mjs';

/** No program may take longer: it has hung then. */
const PATIENCE = 60_000; // ms

const KEY = 'a-key-of-sixteen-characters-or-more';
const SECRET = 'a-secret-of-thirty-two-bytes-or-more';

const server = await startServer({ vars: { TREES: '/**', API_KEYS: KEY } });
const closed = await startServer({ vars: { TREES: '/**', TOKEN_KEYS: SECRET } });
// In this clone, so that the clients are found as in any project that has installed them.
const place = await mkdtemp(inRoot('node_modules', '.guides-'));
await mkdir(join(place, 'node_modules'));
await symlink(PACKAGE, join(place, 'node_modules', 'bayeux-edge'));
after(() => Promise.all([server.stop(), closed.stop(), rm(place, { recursive: true })]));

/** The snippet of a page that has this in it. */
async function snippet(page, language, word = '') {
  const { snippets } = read(await readFile(inRoot('docs', `${page}.md`), 'utf8'));
  const found = snippets.find(({ language: its, code }) => its === language && code.includes(word));
  assert.ok(found, `docs/${page}.md has no snippet with ${word}`);
  return found.code;
}

/** Runs a program until it has written what is wanted, and resolves with all that it wrote by then. */
async function says(wanted, code, { run = node22(), file = 'program.mjs', env = {}, at = server } = {}) {
  const folder = await mkdtemp(join(place, 'run-'));
  await writeFile(join(folder, file), code.replaceAll('http://localhost:8787', at.url).replaceAll(`connect('/cometd'`, `connect('${at.url}/cometd'`));
  const child = spawn(run, [join(folder, file)], { env: { ...process.env, BAYEUX_KEY: KEY, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const timer = setTimeout(() => child.kill(), PATIENCE);
  const said = new Promise((resolve) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
        if (wanted.test(output)) resolve();
      });
    child.once('close', resolve);
  });
  await said;
  clearTimeout(timer);
  child.kill();
  assert.match(output, wanted);
  return output;
}

/** What a page on cometd.js has before its snippets. */
const cometd = ({ url }) => `
import { CometD } from 'cometd';
import { adapt } from 'cometd-nodejs-client';
adapt();
const cometd = new CometD();
cometd.configure({ url: '${url}/cometd', logLevel: 'warn' });
`;
const SHAKEN = 'await new Promise((resolve) => cometd.handshake(resolve));\n';
const faye = ({ url }, name) => `import Faye from 'faye';\nconst ${name} = new Faye.Client('${url}/cometd');\n`;

/** What the page's own server would give out. */
const withToken = (token) => `
const elsewhere = fetch;
globalThis.fetch = (url, ...more) => (url === '/token' ? Promise.resolve(new Response('${token}')) : elsewhere(url, ...more));
`;

const python = spawnSync('python3', ['--version']).status === 0;
const jwt = python && spawnSync('python3', ['-c', 'import jwt']).status === 0;

describe('backends', () => {
  const accepted = /\[\{"channel":"\/news(\/today)?","successful":true\}\]/;

  test('in Node', async () => says(accepted, `${await snippet('BACKENDS', 'js')}console.log(JSON.stringify(replies));`));

  test('in Python', { skip: !python && 'no Python here' }, async () =>
    says(accepted, `${await snippet('BACKENDS', 'python')}print(json.dumps(replies, separators=(",", ":")))\n`, { run: 'python3', file: 'program.py' }));

  test('in another Worker', async () =>
    says(accepted, `
      const BAYEUX = { fetch: (url, ...more) => fetch(url.replace('https://bayeux', '${server.url}'), ...more) };
      const env = { BAYEUX, BAYEUX_KEY: process.env.BAYEUX_KEY };
      const response = ${await snippet('API', 'js', 'env.BAYEUX')}
      console.log(await response.text());`));
});

test('rooms: a new member gets the kept messages, new ones and the list of members', async () => {
  const [comeIn, people, say] = [await snippet('ROOMS', 'js', 'connect('), await snippet('ROOMS', 'js', '$presence'), await snippet('ROOMS', 'js', 'client.publish')];
  const output = await says(/hello\n(.*\n)*1 \[|1 \[(.*\n)*hello\n/, comeIn + people + say);
  assert.equal(output.match(/hello/g).length, 1);
  await says(/hello\nhello\n/, comeIn + say);
});

describe('history: a new client receives the kept events', async () => {
  const remembers = await snippet('HISTORY', 'js', 'Replay');
  const storage = `
    const storage = new Map();
    globalThis.localStorage = { getItem: (name) => storage.get(name) ?? null, setItem: (name, value) => storage.set(name, value) };\n`;
  const only = (mine, other) => remembers.split('\n').filter((line) => line.startsWith(mine) || !line.startsWith(other)).join('\n');
  const [OF_COMETD, OF_FAYE] = ['cometd.registerExtension', 'client.addExtension'];

  test('by cometd.js', () =>
    says(/^before\n/, `${cometd(server)}${storage}${only(OF_COMETD, OF_FAYE)}${SHAKEN}
      cometd.publish('/chat/history', 'before', () => cometd.subscribe('/chat/history', ({ data }) => console.log(data)));`));

  test('by Faye', () =>
    says(/^before\n/, `${faye(server, 'client')}${storage}${only(OF_FAYE, OF_COMETD)}
      await client.publish('/chat/history', 'before');
      client.subscribe('/chat/history', (data) => console.log(data));`));
});

test('trees: a publish repeated with its key is delivered once', async () => {
  const output = await says(/off/, `${cometd(server)}${faye(server, 'faye')}${SHAKEN}
    const key = 'once';
    await new Promise((resolve) => cometd.subscribe('/lamp', ({ data }) => console.log(data), resolve));
    for (let time = 0; time < 2; time += 1) { ${await snippet('TREES', 'js')} }
    await faye.publish('/lamp', 'off');`);
  assert.deepEqual(output.trim().split('\n'), ['on', 'off']);
});

describe('a token of your own login', () => {
  const opens = async (token) => {
    const client = `
      client.subscribe('/news/own', ({ data }) => console.log(data));
      await client.publish('/news/own', 'hello');`;
    await says(/hello/, withToken(token) + (await snippet('LOGIN', 'js', 'connect(')) + client, { at: closed });
    const told = `cometd.addListener('/meta/handshake', ({ successful, error }) => console.log(successful, error));\n`;
    await says(/^true/, cometd(closed) + withToken(token) + told + (await snippet('LOGIN', 'js', 'cometd.handshake')));
    await says(/^true/, `${cometd(closed)}${told}const token = '${token}';\n${await snippet('ACCESS', 'js', 'cometd.handshake')}`);
    await says(/^true/, `${cometd(closed)}${told}const currentToken = () => '${token}';\n${await snippet('ACCESS', 'js', 'currentToken')}cometd.handshake();`);
    const extension = (await snippet('FROM-FAYE', 'js')).replace("'a token'", `'${token}'`);
    assert.ok(extension.includes(token));
    await says(/subscribed/, `${faye(closed, 'client')}${extension}await client.subscribe('/news/own', () => {});\nconsole.log('subscribed');`);
  };

  test('signed in Node', async () => {
    const token = await says(/\.\S+\n/, `${await snippet('LOGIN', 'js', 'createHmac')}console.log(token('${SECRET}', 'alice', { role: 'staff' }));`);
    await opens(token.trim());
  });

  test('signed in Python', { skip: !jwt && 'no PyJWT here' }, async () => {
    const token = await says(/\.\S+\n/, `${await snippet('LOGIN', 'python')}print(token("${SECRET}", "alice", role="staff"))\n`, { run: 'python3', file: 'program.py' });
    await opens(token.trim());
  });

  test('signed with another key opens no session', async () => {
    const signed = [{ alg: 'HS256', typ: 'JWT' }, { sub: 'eve', exp: Math.floor(Date.now() / 1000) + 60 }].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
    const token = `${signed}.${createHmac('sha256', 'another secret of thirty-two bytes').update(signed).digest('base64url')}`;
    await assert.rejects(opens(token));
  });
});

test('the first service, in TypeScript: its types compile, and it answers a page', async () => {
  const minimal = await project('templates/minimal');
  const source = (name, code) => writeFile(join(minimal, 'src', name), code);
  await source('index.ts', await snippet('FIRST-SERVICE', 'ts'));
  await source('rooms.ts', await snippet('ROOMS', 'ts'));
  // The application that docs/PACKAGE.md shows has a database.
  await source('env.d.ts', 'interface Env {\n  DB: D1Database;\n}\n');
  await source('package.ts', await snippet('PACKAGE', 'ts', 'SubscribeCall'));
  await source('route.ts', `import { bayeux } from 'bayeux-edge';\n${await snippet('PACKAGE', 'ts', '/time')}`);
  await source('channels.ts', `import { covers, isChannel, isPattern, overlaps, params } from 'bayeux-edge';\n${await snippet('PACKAGE', 'ts', 'covers(')}`);
  const types = await command(minimal, {}, 'npm', 'run', '--silent', 'check');
  assert.equal(types.code, 0, types.output);
  const at = await started(minimal);
  await says(/^Hello, Ada!/, cometd(at) + SHAKEN + (await snippet('FIRST-SERVICE', 'js')));
});

describe('a project with the code of two guides', async () => {
  const key = 'the-key-of-who-repairs';
  const minimal = await project('templates/minimal');
  const config = join(minimal, 'wrangler.jsonc');
  await writeFile(config, (await readFile(config, 'utf8')).replace('"src/index.ts"', '"src/restore.js"'));
  await writeFile(join(minimal, '.dev.vars'), `RESTORE_KEY=${key}\n`);
  await writeFile(join(minimal, 'src', 'restore.js'), `${await snippet('OPERATIONS', 'js')}
    import { BayeuxApplication, fail } from 'bayeux-edge';
    // The same as the Rust beside the call in docs/APPLICATION.md.
    export class Application extends BayeuxApplication {
      remote = { divide: ({ data: [a, b] }) => (b === 0 ? fail({ reason: 'by zero' }) : a / b) };
    }`);
  const at = await started(minimal);

  test('a remote call returns its result', async () =>
    says(/^true 3\n/, cometd(at) + SHAKEN + (await snippet('APPLICATION', 'js', 'remoteCall'))));

  test('a restore with the key reaches the object, and workerd answers that it cannot do it', async () => {
    const restore = (headers) => fetch(`${at.url}/restore?tree=/chat&time=2026-11-28T12:00:00Z`, { headers });
    assert.equal((await restore({})).status, 404);
    assert.equal((await restore({ authorization: 'Bearer undefined' })).status, 404);
    const response = await restore({ authorization: `Bearer ${key}` });
    assert.equal(response.status, 500);
    assert.match((await response.text()) + at.output(), /does not implement point-in-time recovery/);
  });
});

test('operations: the history of a channel is exported', async () => {
  await says(/accepted/, `${cometd(server)}${SHAKEN}cometd.publish('/chat/demo', 'worth a backup', () => console.log('accepted'));`);
  await says(/"data":"worth a backup"/, await snippet('OPERATIONS', 'sh', 'curl'), { run: 'sh', file: 'program.sh', env: { BAYEUX_URL: `${server.url}/cometd` } });
});

describe('React', async () => {
  const visitors = await browser();

  test('a room begins with its history, once in each window', async () => {
    const react = await project('examples/react');
    const source = (name, code) => writeFile(join(react, 'page', name), code);
    const room = await snippet('REACT', 'tsx', 'export function Room');
    // What the sentence below it says.
    const [, options] = /`useMessages\(channel, (\{[^`]*replay: 'all'[^`]*\})\)`/.exec(await readFile(inRoot('docs', 'REACT.md'), 'utf8'));
    await source('Room.tsx', room.replace('{ limit: 50 }', options));
    assert.notEqual(room.replace('{ limit: 50 }', options), room);
    await source('main.tsx', await snippet('REACT', 'tsx', 'createRoot'));
    await source('package-client.ts', await snippet('PACKAGE', 'ts', "from 'bayeux-edge/client'"));
    await source('package-react.tsx', `${await snippet('PACKAGE', 'tsx')}\nexport { App, useConnectionState };\n`);
    await writeFile(join(react, '.dev.vars'), 'HISTORY="/chat/* 10 1h"\n');
    const types = await command(react, {}, 'npm', 'run', '--silent', 'check');
    assert.equal(types.code, 0, types.output);

    const { url } = await started(react);
    const visit = async () => {
      const page = await visitors.visit(url);
      await page.getByRole('status').filter({ hasText: /^connected$/ }).waitFor();
      return page;
    };
    const say = async (page, text) => {
      await page.getByLabel('Your message').fill(text);
      await page.getByRole('button', { name: 'Send' }).click();
    };
    const heard = async (page, ...texts) => {
      await page.getByRole('listitem').filter({ hasText: texts.at(-1) }).waitFor();
      assert.deepEqual(await page.getByRole('listitem').allTextContents(), texts);
    };
    const alice = await visit();
    await say(alice, 'first');
    await heard(alice, 'first');
    const bob = await visit();
    await heard(bob, 'first');
    await say(bob, 'second');
    for (const page of [alice, bob]) await heard(page, 'first', 'second');
    await alice.reload();
    await heard(alice, 'first', 'second');
  });
});
