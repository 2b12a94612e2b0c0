// The black-box conformance cases that are kept beside the project, against a fixture of their own.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './project.mjs';
import { tee } from './run.mjs';

const SUITE = join(root, '..', 'shared', 'conformance', 'run.mjs');

export const hasConformance = () => existsSync(SUITE);

/** Runs every case and returns `{ code, stdout }`. Under Node 22. */
export async function conformance() {
  const { startServer } = await import('./server.mjs');
  const server = await startServer({ fixture: true });
  try {
    return await tee(process.execPath, [SUITE, `${server.url}/cometd`]);
  } finally {
    await server.stop();
  }
}
