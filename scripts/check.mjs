// node scripts/check.mjs: the syntax of scripts and pages, links, snippets and sums of the documentation, format, lints (native and wasm32,
// with and without the fixture) and Rust's documentation, warnings as errors.
import { existsSync } from 'node:fs';
import { inRoot } from './lib/project.mjs';
import { capture, main, run } from './lib/run.mjs';
import { buildStd, wasmToolchain } from './lib/toolchain.mjs';

const DENY = ['--', '-D', 'warnings'];

await main(async () => {
  await checkScripts();
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
  const { stdout } = await capture('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.mjs', '*.js']);
  for (const name of stdout
    .trim()
    .split('\n')
    .filter((name) => existsSync(inRoot(name))))
    await run(process.execPath, ['--check', name]);
}
