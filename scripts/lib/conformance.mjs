// The black-box conformance cases that are kept beside the project, against a fixture of their own.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';
import { capture } from './run.mjs';

const SUITE = join(root, '..', 'shared', 'conformance', 'run.mjs');

/** Where clients may be at home: what they see must be the same everywhere. */
const HOMES = [
  { HOMES: 'root', at: '/cometd' },
  { HOMES: 'root', at: '/cometd/chat' },
  { HOMES: 'sharded:8', at: '/cometd' },
  { HOMES: 'regional:2', at: '/cometd' },
];

export const hasConformance = () => existsSync(SUITE);

/** Who holds the polls: with `always` all go over links, with `auto` those of a crowd. */
const LINKS = ['never', 'auto', 'always'];

/** The cases mostly wait, so that so many servers at a time are no load to speak of. */
const AT_A_TIME = 2;

/**
 * Runs every case for clients of each kind of home with each kind of links, and returns the runs' `{ code, stdout }`.
 * Under Node 22.
 */
export async function conformance() {
  const waiting = HOMES.flatMap((home) => LINKS.map((links) => ({ ...home, LINKS: links })));
  const runs = [];
  const worker = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) runs.push(await runOf(next));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, worker));
  return runs;
}

/** What it prints is shown when it has ended, as another runs beside it. */
async function runOf({ HOMES: homes, at, LINKS: links }) {
  const { startServer } = await import('./server.mjs');
  const server = await startServer({ fixture: true, vars: { HOMES: homes, LINKS: links } });
  try {
    const { ok, stdout, stderr } = await capture(process.execPath, [SUITE, `${server.url}${at}`]);
    console.log(`\n── conformance at ${at}, HOMES=${homes}, LINKS=${links}\n${stdout}${stderr}`);
    return { code: ok ? 0 : 1, stdout };
  } finally {
    await server.stop();
  }
}
