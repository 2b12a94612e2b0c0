// Projects of a user who does not have this repository: a copied template, with the package from its tarball.
import { spawn } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { after } from 'node:test';
import { guard } from '../../scripts/lib/guard.mjs';
import { node22 } from '../../scripts/lib/npm.mjs';
import { inRoot, readJson } from '../../scripts/lib/project.mjs';

const { version } = await readJson(inRoot('packages/bayeux-edge/package.json'));

/** What `npm run package` made. */
export const TARBALL = inRoot('build', `bayeux-edge-${version}.tgz`);

/** What this clone has installed already: the same version comes from npm's cache, where there is no network. */
const PINNED = ['wrangler', 'esbuild', 'typescript', 'react', 'react-dom', '@types/react', '@types/react-dom'];

/** Without Rust, and with the Node.js that wrangler needs. */
export const STRANGER = {
  ...process.env,
  NODE_TEST_CONTEXT: undefined, // with it `node --test` would run nothing
  PATH: [dirname(node22()), ...process.env.PATH.split(delimiter).filter((folder) => !/cargo|rustup/.test(folder))].join(delimiter),
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  CI: 'true',
};

/** A copy of a folder of this repository with everything installed, for the tests of a file. */
export async function project(folder) {
  const place = await mkdtemp(join(tmpdir(), 'bayeux-project-'));
  after(() => rm(place, { recursive: true, force: true }));
  await cp(inRoot(folder), place, { recursive: true, filter: (name) => !/node_modules|\.wrangler/.test(name.slice(inRoot().length)) });
  const description = await readJson(join(place, 'package.json'));
  for (const kind of ['dependencies', 'devDependencies'])
    for (const name of Object.keys(description[kind] ?? {}))
      if (name === 'bayeux-edge') description[kind][name] = `file:${TARBALL}`;
      else if (PINNED.includes(name)) description[kind][name] = await installed(name);
  await writeFile(join(place, 'package.json'), JSON.stringify(description, null, 2));
  const { code, output } = await command(place, {}, 'npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', '--loglevel=error');
  if (code !== 0) throw new Error(`npm install in a copy of ${folder}: ${output}`);
  return place;
}

async function installed(name) {
  const path = createRequire(inRoot('package.json')).resolve.paths(name)[0];
  return (await readJson(join(path, name, 'package.json'))).version;
}

/** Runs a command in a folder, as a stranger would, with more in its environment. Resolves with `{ code, output }`. */
export async function command(place, env, name, ...args) {
  const child = spawn(name, args, { cwd: place, env: { ...STRANGER, WRANGLER_LOG_PATH: join(tmpdir(), 'bayeux-wrangler-logs'), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { code, output };
}

/**
 * `npm start` in a folder, on a free port, until the tests of the file are over. Resolves with `{ url, output() }` when
 * it is ready.
 */
export async function started(place, env = {}) {
  const child = spawn('npm', ['start', '--', '--port', '0', '--inspector-port', '0', '--show-interactive-dev-session=false'], {
    cwd: place,
    env: { ...STRANGER, WRANGLER_LOG_PATH: join(tmpdir(), 'bayeux-wrangler-logs'), WRANGLER_REGISTRY_PATH: join(place, '.wrangler', 'registry'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group, with workerd and all else that it starts
  });
  const callOff = guard(-child.pid);
  const ended = new Promise((resolve) => child.once('close', resolve));
  after(async () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    await ended;
    callOff();
  });
  let text = '';
  const url = await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (more) => {
        text += more;
        const line = /Ready on (http:\S+)/.exec(text);
        if (line) resolve(line[1]);
      });
    ended.then(() => reject(new Error(`npm start ended: ${text}`)));
  });
  return { url, output: () => text };
}
