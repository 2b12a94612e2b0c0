// A machine that is slower: the server has one core, and shares it with processes that do nothing but use it. Linux.
import { availableParallelism } from 'node:os';
import { guard } from '../../scripts/lib/guard.mjs';
import { exited, run, start } from '../../scripts/lib/run.mjs';

/**
 * Has all threads of a process on one core, with so many others that it gets a part of `1 / times`. The generator keeps
 * the other cores to itself. Returns `{ ballast, stop() }`: the other processes' ids.
 */
export async function slowDown(pid, times) {
  const core = availableParallelism() - 1;
  await run('taskset', ['-a', '-p', '-c', String(core), String(pid)], { stdio: 'ignore' });
  const others = Array.from({ length: times - 1 }, () => start('taskset', ['-c', String(core), process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' }));
  const callsOff = others.map((child) => guard(child.pid));
  return {
    ballast: others.map((child) => child.pid),
    async stop() {
      for (const child of others) child.kill('SIGKILL');
      await Promise.all(others.map(exited));
      callsOff.forEach((callOff) => callOff());
    },
  };
}
