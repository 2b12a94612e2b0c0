// CometD's own server, where Java and Maven are.
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { inRoot } from '../../scripts/lib/project.mjs';
import { capture, exited, Problem, run, start } from '../../scripts/lib/run.mjs';

export const title = 'CometD (Java)';
export const adapters = { lp: 'bayeux', ws: 'bayeux' };

const folder = inRoot('bench', 'servers', 'cometd');
const classes = inRoot('bench', 'servers', 'cometd', 'target', 'classes');
const classpath = inRoot('bench', 'servers', 'cometd', 'target', 'classpath');

/** Whether it can be measured here. */
export const isThere = async () => {
  const asked = await Promise.all(['java', 'mvn'].map((name) => capture('which', [name]).catch(() => ({ ok: false }))));
  return asked.every(({ ok }) => ok);
};

export async function startServer() {
  if (!existsSync(classpath)) {
    const build = ['-q', '-B', '-ntp', 'compile', 'dependency:build-classpath', `-Dmdep.outputFile=${classpath}`, '-DincludeScope=runtime'];
    await run('mvn', ['-f', folder, ...build]);
  }
  const libraries = (await readFile(classpath, 'utf8')).trim();
  const child = start('java', ['-cp', [classes, libraries].join(delimiter), 'Server'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = exited(child);
  const failed = ended.then(({ code, signal }) => {
    throw new Problem(`CometD did not start: Java ended with ${signal ?? `exit status ${code}`}`);
  });
  const url = await Promise.race([firstLine(child.stdout), failed]);
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

async function firstLine(stream) {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) {
    text += chunk;
    if (text.includes('\n')) return text.split('\n', 1)[0];
  }
}
