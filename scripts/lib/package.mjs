// The npm package: what is in packages/bayeux-edge, with the built Worker, the types of the hooks contract and the
// command line.
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MODULES, outDir } from './build.mjs';
import { inRoot, readJson } from './project.mjs';
import { capture, Problem } from './run.mjs';

/** Where it is put together. */
export const PACKAGE = inRoot('build', 'package');

/** From where, and where to. The command line finds what it shares with the pages where it is in this clone. */
const PARTS = [
  ['packages/bayeux-edge', '.'],
  ['examples/hooks/src/contract.ts', 'contract.d.ts'],
  ...[...MODULES, 'index.js'].map((name) => [`${outDir(false)}/${name}`, `worker/${name}`]),
  [`${outDir(false)}/index_bg.wasm`, 'worker/index_bg.wasm'],
  ['cli', 'cli'],
  ['public/js/chat', 'public/js/chat'],
  ['public/js/ids.js', 'public/js/ids.js'],
  ['public/js/replay.js', 'public/js/replay.js'],
  ['LICENSE', 'LICENSE'],
];

/**
 * Of the tarball. A Worker is 3 MB at most on Cloudflare's free plan, and people fetch this before they have seen
 * anything.
 */
const LARGEST = 2e6;

export async function assemble() {
  await agreeOnVersions();
  await rm(PACKAGE, { recursive: true, force: true });
  for (const [from, to] of PARTS) await cp(inRoot(from), join(PACKAGE, to), { recursive: true });
  await writeFile(join(PACKAGE, 'integrity.json'), `${JSON.stringify(await sums(), null, 2)}\n`);
}

/** Makes the tarball, and looks whether it has what was put together, byte by byte. */
export async function packed() {
  const [{ filename, size, integrity }] = JSON.parse(await npm('pack', '--json', '--pack-destination', inRoot('build')));
  const file = inRoot('build', filename);
  if (size > LARGEST) throw new Problem(`${filename} has ${size} bytes, more than ${LARGEST}`);
  const unpacked = inRoot('build', 'unpacked');
  await rm(unpacked, { recursive: true, force: true });
  await mkdir(unpacked, { recursive: true });
  const { ok, stderr } = await capture('tar', ['-xzf', file, '-C', unpacked]);
  if (!ok) throw new Problem(`${filename} cannot be unpacked: ${stderr}`);
  const [put, got] = [await sums(), await sums(join(unpacked, 'package'))];
  for (const name of new Set([...Object.keys(put), ...Object.keys(got)]))
    if (put[name] !== got[name]) throw new Problem(`${filename}: ${name} is not what was put together`);
  await rm(unpacked, { recursive: true });
  return { file, bytes: size, integrity, files: Object.keys(got).length + 1 };
}

/**
 * The package, the crate and this clone have one version, and the package needs what the command line is tested with.
 */
async function agreeOnVersions() {
  const [own, clone, cargo] = [await readJson(inRoot('packages/bayeux-edge/package.json')), await readJson(inRoot('package.json')), await readFile(inRoot('Cargo.toml'), 'utf8')];
  const crate = /^version = "(.+)"$/m.exec(cargo)?.[1];
  if (new Set([own.version, clone.version, crate]).size > 1)
    throw new Problem(`versions differ: packages/bayeux-edge has ${own.version}, package.json ${clone.version}, Cargo.toml ${crate}`);
  for (const [name, version] of Object.entries(own.dependencies))
    if (clone.dependencies[name] !== version) throw new Problem(`packages/bayeux-edge needs ${name} ${version}, package.json ${clone.dependencies[name]}`);
}

/** SHA-256 of each file, by its name: whoever has the package can see that it is whole. */
async function sums(folder = PACKAGE) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name).slice(folder.length + 1))
    .filter((name) => name !== 'integrity.json')
    .sort();
  const sum = async (name) => createHash('sha256').update(await readFile(join(folder, name))).digest('hex');
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await sum(name)])));
}

async function npm(...args) {
  const { ok, stdout, stderr } = await capture('npm', args, { cwd: PACKAGE });
  if (!ok) throw new Problem(`npm ${args.join(' ')}: ${stderr}`);
  return stdout;
}
