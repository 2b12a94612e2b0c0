// Ends a process, or by a negative number a process group, when this one has gone, however it went.
import { spawn } from 'node:child_process';

/** A small shell that waits for the end of its input, which comes when this process ends. Returns what calls it off. */
export function guard(pid) {
  const shell = spawn('/bin/sh', ['-c', 'read -r never; kill -KILL "$0"', String(pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true, // a Ctrl-C in the terminal is not for it
  });
  shell.unref();
  shell.stdin.unref();
  return () => shell.kill('SIGKILL');
}
