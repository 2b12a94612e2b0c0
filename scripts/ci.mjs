// What .ci/run does once everything is set up: `npm run check` and `npm test`, then the conformance cases where they
// are beside this clone. Closes with one line that sums them.
import { conformance, hasConformance } from './lib/conformance.mjs';
import { main, tee } from './lib/run.mjs';

/** Of one part's errors. */
const MOST_LINES = 80;

await main(async () => {
  console.log('── npm run check');
  const { code } = await tee('npm', ['run', '--silent', 'check']);
  const check = { passed: 0, failed: code === 0 ? 0 : 1 };

  console.log('\n── npm test');
  const tested = await tee('npm', ['test', '--silent']);
  const tests = closingLine(tested);

  console.log('\n── advisories');
  const { code: audited } = await tee('npm', ['run', '--silent', 'audit']);
  const watch = { passed: 0, failed: audited === 0 ? 0 : 1 };

  const conforming = hasConformance() ? (await conformance()).map(closingLine) : [];

  const failing = failures(tested.stdout);
  if (failing.length > 0) console.log(`\n── what failed in npm test\n${failing.join('\n')}`);
  const all = [check, tests, watch, ...conforming];
  const sum = (what) => all.reduce((total, part) => total + part[what], 0);
  console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
  if (sum('failed') > 0) process.exitCode = 1;
});

/**
 * The errors of failing tests, as Node's and Cargo's runners list them, once more at the end of a long log. Each list
 * ends where the next part of the tests begins.
 */
function failures(stdout) {
  const lists = stdout.split(/^── /m).map((part) => part.split('\n'));
  return lists.flatMap((lines) => {
    const from = lines.findIndex((line) => line === '✖ failing tests:' || line === 'failures:');
    return from < 0 ? [] : lines.slice(from, from + MOST_LINES);
  });
}

/** A runner's last line with its sums. A runner without this line was aborted, and counts as a failure. */
function closingLine({ code, stdout }) {
  const [, passed, failed] = ([...stdout.matchAll(/^(\d+) passed, (\d+) failed/gm)].at(-1) ?? [0, 0, 0]).map(Number);
  return { passed, failed: failed === 0 && (code !== 0 || passed === 0) ? 1 : failed };
}
