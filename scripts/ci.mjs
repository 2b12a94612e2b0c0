// What .ci/run does once everything is set up: `npm run check` and `npm test`, then the conformance cases where they
// are beside this clone. Closes with one line that sums them.
import { conformance, hasConformance } from './lib/conformance.mjs';
import { main, tee } from './lib/run.mjs';

await main(async () => {
  console.log('── npm run check');
  const { code } = await tee('npm', ['run', '--silent', 'check']);
  const check = { passed: 0, failed: code === 0 ? 0 : 1 };

  console.log('\n── npm test');
  const tests = closingLine(await tee('npm', ['test', '--silent']));

  console.log('\n── advisories');
  const { code: audited } = await tee('npm', ['run', '--silent', 'audit']);
  const watch = { passed: 0, failed: audited === 0 ? 0 : 1 };

  const conforming = hasConformance() ? (await conformance()).map(closingLine) : [];

  const all = [check, tests, watch, ...conforming];
  const sum = (what) => all.reduce((total, part) => total + part[what], 0);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
  if (sum('failed') > 0) process.exitCode = 1;
});

/** The sum a runner closes with; one that does not has broken off, and counts as a failure. */
function closingLine({ code, stdout }) {
  const [, passed, failed] = ([...stdout.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1) ?? [0, 0, 0]).map(Number);
  return { passed, failed: failed === 0 && (code !== 0 || passed === 0) ? 1 : failed };
}
