// The parts of `npm test`. Each runs one test runner and reads how many passed and failed from its closing lines.
import { readdir } from 'node:fs/promises';
import { buildWorker } from './build.mjs';
import { inPackage, node22, withNode22 } from './npm.mjs';
import { nodeTests } from './node-tests.mjs';
import { assemble, packed } from './package.mjs';
import { inRoot } from './project.mjs';
import { tee } from './run.mjs';
import { buildStd, TARGET, wasmToolchain } from './toolchain.mjs';
import { vendor } from './vendor.mjs';

/** The protocol, natively, with the machine's own Rust. */
export async function native() {
  return fromCargo(await tee('cargo', ['test', '--locked', '--no-fail-fast']));
}

/** The platform's modules and tests/wasm, in Node, compiled as the Worker is. */
export async function wasm() {
  const { cargo, env } = await wasmToolchain();
  const runner = {
    [`CARGO_TARGET_${TARGET.toUpperCase().replaceAll('-', '_')}_RUNNER`]: inRoot(
      '.tools',
      'bin',
      'wasm-bindgen-test-runner',
    ),
  };
  return fromCargo(
    await tee(cargo, ['test', '--locked', '--release', ...buildStd('test'), '--lib', '--test', 'wasm'], {
      env: { ...env, ...runner },
    }),
  );
}

/** Real clients and a real browser against the release build on workerd. */
export async function endToEnd() {
  await vendor();
  await buildWorker();
  await buildWorker({ fixture: true });
  // Two files at a time: each runs a server, and some a browser, on what may be two cores.
  return fromNode('tests/e2e', 2);
}

/** The npm package, the templates and the examples, as somebody has them who has no Rust. */
export async function packages() {
  await vendor();
  await buildWorker();
  await assemble();
  await packed();
  return fromNode('tests/package', 1);
}

/** What would be deployed is complete: one test. */
export async function dryRun() {
  const { code } = await tee(
    node22(),
    [inPackage('wrangler', 'bin', 'wrangler.js'), 'deploy', '--dry-run', '--outdir', '.wrangler/dry-run'],
    {
      env: { ...withNode22(), WRANGLER_SEND_METRICS: 'false' },
    },
  );
  return { code, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
}

/** The documentation builds as a site, and no link in it is dead: one test. */
export async function documentation() {
  const { code } = await tee(node22(), [inRoot('scripts', 'docs.mjs')], { env: withNode22() });
  return { code, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1 };
}

/** Runs the tests of a folder in Node, so many files at a time. What hangs fails. */
async function fromNode(folder, concurrency) {
  const files = (await readdir(inRoot(folder))).filter((name) => name.endsWith('.test.mjs')).map((name) => `${folder}/${name}`);
  const { code, stdout } = await nodeTests(files, { concurrency });
  const count = (what) => Number(new RegExp(`^ℹ ${what} (\\d+)$`, 'm').exec(stdout)?.[1] ?? 0);
  return { code, passed: count('pass'), failed: count('fail') + count('cancelled') };
}

/** libtest and wasm-bindgen-test-runner close alike, once for each test program. */
function fromCargo({ code, stdout }) {
  const results = [...stdout.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)];
  const sum = (group) => results.reduce((total, result) => total + Number(result[group]), 0);
  return { code, passed: sum(1), failed: sum(2) };
}
