// Faye's Node server, in a process of its own.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { inRoot } from '../../scripts/lib/project.mjs';
import { exited, Problem } from '../../scripts/lib/run.mjs';

export const title = 'Faye';
export const adapters = { lp: 'bayeux', cb: 'bayeux', es: 'bayeux', ws: 'bayeux' };

export async function startServer() {
  const child = fork(inRoot('bench', 'servers', 'faye', 'server.mjs')); // ends itself when this process has gone
  const ended = exited(child);
  const failed = ended.then(({ code, signal }) => {
    throw new Problem(`Faye did not start: Node ended with ${signal ?? `exit status ${code}`}`);
  });
  const [{ url }] = await Promise.race([once(child, 'message'), failed]);
  return {
    url,
    pid: child.pid,
    ended,
    async stop() {
      child.kill('SIGKILL'); // it keeps nothing
      await ended;
    },
  };
}
