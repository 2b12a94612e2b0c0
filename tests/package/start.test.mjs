// `npm start` and a compile error: rustc's message is shown once, the last good build goes on serving, and the repaired
// one is served. The compiler is a stand-in, in a copy of this clone, so that this takes seconds.
import assert from 'node:assert/strict';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as path } from 'node:path';
import { after, test } from 'node:test';
import { outDir } from '../../scripts/lib/build.mjs';
import { inRoot } from '../../scripts/lib/project.mjs';
import { until } from '../e2e/support/server.mjs';
import { join } from '../e2e/support/bayeux.mjs';
import { started } from './support.mjs';

const clone = await mkdtemp(path(tmpdir(), 'bayeux-clone-'));
after(() => rm(clone, { recursive: true, force: true }));
for (const name of ['scripts', 'src', 'public', 'Cargo.toml', 'Cargo.lock', 'wrangler.toml', 'package.json', 'package-lock.json'])
  await cp(inRoot(name), path(clone, name), { recursive: true });
await symlink(inRoot('node_modules'), path(clone, 'node_modules'));
await mkdir(path(clone, '.tools/bin'), { recursive: true });

const compiler = path(clone, '.tools/bin/worker-build');
const built = inRoot(outDir(false));
await writeFile(
  compiler,
  `#!/bin/sh
echo "$@" >> ${clone}/asked
if grep -q 'a mistake' ${clone}/src/app.rs; then echo 'error[E0425]: a mistake in src/app.rs'; exit 1; fi
cp ${built}/index.js ${built}/index_bg.wasm build/dev/
`,
);
await chmod(compiler, 0o755);
const scripts = path(clone, 'package.json');
await writeFile(scripts, (await readFile(scripts, 'utf8')).replace(/"prestart": .*\n/, ''));

const app = path(clone, 'src/app.rs');
const asked = async () => (await readFile(path(clone, 'asked'), 'utf8')).trim().split('\n');

test('a compile error is shown once, and the last good build goes on serving', async () => {
  const { url, output } = await started(clone, { PATH: process.env.PATH }); // the Rust that is there is looked for
  const serves = async () => (await join(`${url}/cometd`)).call('/service/echo', 'there');
  assert.equal(await serves(), 'there');
  const good = await readFile(app, 'utf8');
  await writeFile(app, `${good}\n// a mistake\n`);
  await until(() => output().includes('the last good build goes on serving'), output, 60_000);
  assert.equal(await serves(), 'there');
  assert.equal(output().match(/error\[E0425\]/g).length, 1);
  const tries = (await asked()).length;
  await writeFile(app, `${good}\n// mended\n`);
  await until(async () => (await asked()).length > tries, output, 60_000);
  assert.equal(await until(() => serves().catch(() => false), output, 30_000), 'there');
  assert.ok((await asked()).every((args) => args.startsWith('--dev ')));
});
