// Runs other programs. Every script's failures come through here, so that they name the command that failed.
import { spawn } from 'node:child_process';
import { root } from './project.mjs';

/** A problem that its message explains: shown without a stack trace. */
export class Problem extends Error {}

/** Runs a command whose output the user sees; rejects unless it exits with 0. */
export async function run(command, args, options = {}) {
  const { code, signal } = await exited(start(command, args, { stdio: 'inherit', ...options }));
  if (code !== 0) throw new Problem(`${[command, ...args].join(' ')}\n  ended with ${signal ?? `exit status ${code}`}`);
}

/** Runs a command and returns `{ ok, stdout, stderr }`; a command that cannot be started is not `ok`. */
export async function capture(command, args, options = {}) {
  const child = start(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)];
  try {
    const { code } = await exited(child);
    return { ok: code === 0, stdout: await stdout, stderr: await stderr };
  } catch (error) {
    return { ok: false, stdout: '', stderr: error.message };
  }
}

/** Runs a command whose output is shown and also returned, for the runners whose closing line is read. */
export const tee = (command, args, options = {}) => shown(start(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options }));

/** What a started command prints, which the user sees too, once it has ended: `{ code, stdout }`. */
export async function shown(child) {
  child.stdout.pipe(process.stdout, { end: false });
  child.stderr.pipe(process.stderr, { end: false });
  const output = collect(child.stdout);
  const { code } = await exited(child);
  return { code, stdout: await output };
}

export const start = (command, args, options) => spawn(command, args, { cwd: root, ...options });

export const exited = (child) =>
  new Promise((resolve, reject) => {
    child.once('error', (error) =>
      reject(new Problem(`cannot run ${child.spawnfile ?? 'a command'}: ${error.message}`)),
    );
    child.once('close', (code, signal) => resolve({ code, signal }));
  });

/** Runs a script's main function: a Problem is told in a sentence, anything else with its stack. */
export async function main(work) {
  try {
    await work();
  } catch (error) {
    report(error);
    process.exit(1);
  }
}

export const report = (error) => console.error(error instanceof Problem ? `\n✘ ${error.message}` : error);

async function collect(stream) {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}
