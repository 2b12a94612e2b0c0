// The Worker, built by worker-build: for the world into build/, with the conformance fixture into build/fixture/, and
// for development, which takes seconds after an edit where the world's takes a minute, into build/dev/.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { withLock } from './lock.mjs';
import { inRoot, root } from './project.mjs';
import { Problem, run } from './run.mjs';
import { forWorkerBuild, wasmToolchain } from './toolchain.mjs';

/** The module to start, beside those of the build. */
export const MAIN = 'main.js';

/** What stands beside it as it is written. */
export const MODULES = [MAIN, ...['links', 'event_stream', 'held_request', 'home', 'link', 'pending', 'routes'].map((name) => `links/${name}.js`)];

/** Where a build lands. */
export const outDir = (fixture, dev = false) => (fixture ? 'build/fixture' : dev ? 'build/dev' : 'build');

/** Builds unless the last build had the same inputs. */
export async function buildWorker({ fixture = false, dev = false } = {}) {
  const out = outDir(fixture, dev);
  await mkdir(inRoot(out), { recursive: true });
  // One build at a time: they share cargo's target directory, and so the compiled dependencies.
  await withLock(inRoot('build', '.lock'), async () => {
    const inputs = await hashOfInputs();
    const stamp = inRoot(out, '.inputs');
    if (existsSync(inRoot(out, 'index_bg.wasm')) && existsSync(stamp) && (await readFile(stamp, 'utf8')) === inputs)
      return;
    const workerBuild = inRoot('.tools', 'bin', 'worker-build');
    if (!existsSync(workerBuild)) throw new Problem('worker-build is not installed.\n  Run: npm run setup');
    const features = fixture ? ['--features', 'fixture'] : [];
    await run(workerBuild, [dev ? '--dev' : '--release', '--panic-unwind', '--out-dir', out, ...features], {
      env: forWorkerBuild(await wasmToolchain()),
    });
    await mkdir(inRoot(out, 'links'), { recursive: true });
    for (const name of MODULES) await copyFile(inRoot('src', 'cloudflare', 'worker', name), inRoot(out, name));
    await writeFile(stamp, inputs);
  });
}

async function hashOfInputs() {
  const hash = createHash('sha256');
  const sources = (await readdir(inRoot('src'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
  const how = [
    'Cargo.toml',
    'Cargo.lock',
    'scripts/lib/build.mjs',
    'scripts/lib/toolchain.mjs',
    'scripts/lib/versions.mjs',
  ];
  for (const path of [...sources, ...how.map((name) => inRoot(name))])
    hash.update(path.slice(root.length)).update(await readFile(path));
  return hash.digest('hex');
}
