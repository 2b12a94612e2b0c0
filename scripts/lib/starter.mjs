// Notices when whoever started this process has gone, be it by SIGKILL.
import { readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { capture } from './run.mjs';

const EVERY = 500;

/** Calls `gone` once the process that started this one has ended; run by npm, that is the one that started npm. */
export async function whenStarterEnds(gone) {
  const line = await lineage();
  const timer = setInterval(async () => {
    for (const { pid, parent } of line) {
      if ((await parentOf(pid)) === parent) continue;
      clearInterval(timer);
      return gone();
    }
  }, EVERY);
  timer.unref();
}

/** This process and those between it and its starter, each with its parent. */
async function lineage() {
  const line = [{ pid: process.pid, parent: await parentOf(process.pid) }];
  if (!process.env.npm_lifecycle_event) return line;
  // node ← sh (perhaps) ← npm ← the starter
  for (let { parent: pid } = line[0]; pid > 1; pid = line.at(-1).parent) {
    line.push({ pid, parent: await parentOf(pid) });
    if (/\bnpm\b/.test(await commandOf(pid))) return line;
  }
  return line.slice(0, 1);
}

const proc = existsSync('/proc/self/stat');

/** The parent's process id, or null for a process that is no more. */
async function parentOf(pid) {
  const stat = proc ? await readOrNull(`/proc/${pid}/stat`) : null;
  // "pid (name) state ppid …", and the name may have spaces and brackets
  if (proc)
    return (
      stat &&
      Number(
        stat
          .slice(stat.lastIndexOf(')') + 1)
          .trim()
          .split(' ')[1],
      )
    );
  return Number((await capture('ps', ['-o', 'ppid=', '-p', String(pid)])).stdout) || null;
}

async function commandOf(pid) {
  if (proc) return ((await readOrNull(`/proc/${pid}/cmdline`)) ?? '').replaceAll('\0', ' ');
  return (await capture('ps', ['-o', 'args=', '-p', String(pid)])).stdout;
}

async function readOrNull(path) {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
}
