// node scripts/setup.mjs [--browser | --npm]: installs what is missing, all at once; nothing to do takes a moment.
// --npm: only npm's packages. Everything lands in this clone, or where a package manager keeps what it installs.
import { parseArgs } from 'node:util';
import { setUpBrowser } from './lib/browser.mjs';
import { setUpCargoTools } from './lib/cargo-tools.mjs';
import { setUpNpm } from './lib/npm.mjs';
import { main, report } from './lib/run.mjs';
import { setUpToolchain } from './lib/toolchain.mjs';

const { browser, npm } = parseArgs({ options: { browser: { type: 'boolean', default: false }, npm: { type: 'boolean', default: false } } }).values;

async function step(what, work) {
  const started = Date.now();
  console.log(`• installing ${what}`);
  const result = await work();
  if (result !== false) console.log(`✔ ${what} (${Math.round((Date.now() - started) / 1000)} s)`);
  return result;
}

await main(async () => {
  const parts = [
    setUpNpm(step).then(() => browser && setUpBrowser(step)),
    !npm && setUpToolchain(step).then(() => setUpCargoTools(step)),
  ];
  // Let the other installations finish, then report every problem.
  const problems = (await Promise.allSettled(parts)).filter(({ status }) => status === 'rejected');
  for (const { reason } of problems) report(reason);
  if (problems.length > 0) process.exitCode = 1;
});
