// Node's test runner, which must come to an end whatever its tests do.
import { setTimeout as sleep } from 'node:timers/promises';
import { guard } from './guard.mjs';
import { node22, withNode22 } from './npm.mjs';
import { shown, start } from './run.mjs';

/** A file of tests, or one of them, that takes longer will never end. */
const HUNG = 10 * 60 * 1000; // ms

/** How the last of the runner's sums begins. */
const SUMS = '\nℹ duration_ms ';

/** From the runner's sums until its process has ended, which takes no time unless it waits for a test's process. */
const FAREWELL = 60_000; // ms

/**
 * Runs these files, so many at a time, and returns `{ code, stdout }`.
 *
 * A file that takes longer than `hung` fails. The runner then sends it a SIGTERM and waits for its end, which never
 * comes where the file's process is blocked. So once the runner has written its sums and does not end, all processes of
 * the tests are killed.
 */
export async function nodeTests(files, { concurrency = 1, hung = HUNG, farewell = FAREWELL } = {}) {
  const options = [`--test-concurrency=${concurrency}`, `--test-timeout=${hung}`, '--test-reporter=spec'];
  // A process group of its own, which ends with this process.
  const child = start(node22(), ['--test', ...options, ...files], { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: withNode22() });
  const callOff = guard(-child.pid);
  const output = shown(child);
  let last = '';
  const watch = async (chunk) => {
    const text = last + chunk;
    last = text.slice(-SUMS.length);
    if (!text.includes(SUMS)) return;
    child.stdout.off('data', watch);
    await sleep(farewell, undefined, { ref: false });
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  child.stdout.on('data', watch);
  try {
    return await output;
  } finally {
    callOff();
  }
}
