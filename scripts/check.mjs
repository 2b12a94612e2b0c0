// node scripts/check.mjs: the syntax of scripts and pages, the width of prose, links, snippets and sums of the
// documentation, format, lints (native and wasm32, with and without the fixture) and Rust's documentation, warnings as
// errors.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tooWide } from './lib/columns.mjs';
import { inRoot } from './lib/project.mjs';
import { capture, main, Problem, run } from './lib/run.mjs';
import { buildStd, wasmToolchain } from './lib/toolchain.mjs';

const DENY = ['--', '-D', 'warnings'];

await main(async () => {
  await checkScripts();
  await checkColumns();
  await run(process.execPath, [inRoot('scripts', 'check-docs.mjs')]);
  await run(process.execPath, [inRoot('scripts', 'scale.mjs')]);
  await run('cargo', ['fmt', '--check']);
  await run('cargo', ['clippy', '--locked', '--all-targets', '--all-features', ...DENY]);

  const { cargo, env } = await wasmToolchain();
  const clippy = (...args) =>
    run(cargo, ['clippy', '--locked', '--release', ...buildStd('test'), ...args, ...DENY], { env });
  await clippy('--lib');
  await clippy('--lib', '--tests', '--features', 'fixture');

  // For the target that all of it is compiled for; private items are documented too, so links to them hold.
  const doc = ['doc', '--locked', '--release', ...buildStd(), '--no-deps', '--document-private-items'];
  await run(cargo, doc, { env: { ...env, RUSTDOCFLAGS: '-D warnings -A rustdoc::private-intra-doc-links' } });
});

async function checkScripts() {
  for (const name of await files('*.mjs', '*.js')) await run(process.execPath, ['--check', name]);
}

async function checkColumns() {
  const wide = [];
  for (const name of await files())
    for (const line of tooWide(name, await readFile(inRoot(name), 'utf8'))) wide.push(`${name}:${line}`);
  if (wide.length > 0) throw new Problem(`Comments and Markdown have at most 120 columns:\n  ${wide.join('\n  ')}`);
}

async function files(...patterns) {
  const { stdout } = await capture('git', ['ls-files', '--cached', '--others', '--exclude-standard', ...patterns]);
  return stdout.trim().split('\n').filter((name) => existsSync(inRoot(name)));
}
