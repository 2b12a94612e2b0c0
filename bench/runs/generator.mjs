// One run: a fresh server, and the load generator in a process of its own.
import { readFile } from 'node:fs/promises';
import { guard } from '../../scripts/lib/guard.mjs';
import { inRoot } from '../../scripts/lib/project.mjs';
import { exited, Problem, start } from '../../scripts/lib/run.mjs';
import { asArguments } from '../load/options.mjs';
import { slowDown } from './slow.mjs';

const SPARE_FILES = 200; // besides the clients' sockets
const FILES = { ws: 2 }; // of one client, where it is not 1: workerd has each WebSocket's socket open twice

/**
 * Returns the line that the generator printed; its `subs` are less than the load's where open files are short. Whatever
 * happens, server and generator have ended then. `slow`: the server has one core, or a part of one; 0 leaves it as it
 * is.
 */
export async function runLoad({ title, startServer, adapters }, { slow = 0, ...load }, interrupted) {
  const possible = await within(FILES[load.transport] ?? 1, load);
  interrupted.throwIfAborted();
  const server = await startServer();
  const crashed = new AbortController();
  server.ended.then(() => crashed.abort(new Problem(`${title} ended under the load`)));
  try {
    const signal = AbortSignal.any([interrupted, crashed.signal]);
    signal.throwIfAborted();
    const slowed = slow > 0 ? await slowDown(server.pid, slow) : null;
    try {
      return await generate({ ...possible, ...(slowed && { ballast: slowed.ballast.join() }), adapter: adapters[load.transport], url: server.url, pid: server.pid, allowerr: 1 }, signal);
    } finally {
      await slowed?.stop();
    }
  } finally {
    await server.stop();
  }
}

async function generate(load, signal) {
  const args = [inRoot('bench', 'load.mjs'), ...asArguments(load)];
  const child = start(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const callOff = guard(child.pid);
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  try {
    const [line, { code }] = await Promise.all([child.stdout.setEncoding('utf8').toArray(), exited(child)]);
    signal.throwIfAborted();
    const result = code === 0 && JSON.parse(line.join(''));
    if (!result) throw new Problem(`the load generator ended with exit status ${code}: ${line.join('')}\n  node ${args.join(' ')}`);
    return result;
  } finally {
    signal.removeEventListener('abort', kill);
    callOff();
  }
}

/**
 * As many clients as the limit of open files allows. Node takes the hard limit for itself, and passes it on to the
 * processes that it starts.
 */
async function within(files, load) {
  const limits = await readFile('/proc/self/limits', 'latin1');
  const most = Number(/^Max open files +(\d+)/m.exec(limits)?.[1] ?? Infinity); // or "unlimited"
  return { ...load, subs: Math.min(load.subs, Math.floor((most - SPARE_FILES) / files)) };
}
