// node scripts/test.mjs [PART…]: every test, or those of the named parts. Closes with one line, `N passed, N failed`.
import { main, Problem, report } from './lib/run.mjs';
import * as parts from './lib/test-parts.mjs';

await main(async () => {
  const names = process.argv.slice(2);
  const unknown = names.find((name) => !parts[name]);
  if (unknown) throw new Problem(`no part ${unknown}: there are ${Object.keys(parts).join(', ')}`);

  const total = { passed: 0, failed: 0 };
  const summary = [];
  for (const name of names.length > 0 ? names : ['native', 'wasm', 'endToEnd', 'dryRun', 'packages', 'documentation']) {
    console.log(`\n── ${name}`);
    const started = Date.now();
    const { passed, failed } = await outcome(parts[name]);
    total.passed += passed;
    total.failed += failed;
    summary.push(`${name}: ${passed} passed, ${failed} failed, in ${Math.round((Date.now() - started) / 1000)} s`);
  }
  console.log(`\n${summary.join('\n')}\n`);
  console.log(`${total.passed} passed, ${total.failed} failed`);
  if (total.failed > 0) process.exitCode = 1;
});

/** A part that was aborted, or that ran no test, has failed even if no single test failed. */
async function outcome(part) {
  try {
    const { code, passed, failed } = await part();
    if (failed === 0 && (code !== 0 || passed === 0)) {
      report(new Problem(passed === 0 ? 'ran no test' : `broke off with exit status ${code}`));
      return { passed, failed: 1 };
    }
    return { passed, failed };
  } catch (error) {
    report(error);
    return { passed: 0, failed: 1 };
  }
}
