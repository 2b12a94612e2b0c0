// The black-box conformance cases that are kept beside the project, against a fixture of their own.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';
import { tee } from './run.mjs';

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

/**
 * Runs every case for clients of each kind of home with each kind of links, and returns the runs' `{ code, stdout }`.
 * Under Node 22.
 */
export async function conformance() {
  const { startServer } = await import('./server.mjs');
  const runs = [];
  for (const { HOMES: homes, at, LINKS: links } of HOMES.flatMap((home) => LINKS.map((links) => ({ ...home, LINKS: links })))) {
    console.log(`\n── conformance at ${at}, HOMES=${homes}, LINKS=${links}`);
    const server = await startServer({ fixture: true, vars: { HOMES: homes, LINKS: links } });
    try {
      runs.push(await tee(process.execPath, [SUITE, `${server.url}${at}`]));
    } finally {
      await server.stop();
    }
  }
  return runs;
}
