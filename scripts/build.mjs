// node scripts/build.mjs [--fixture]: the Worker into build/ and cometd.js into public/vendor/. wrangler runs it too
// (wrangler.toml's [build]), for `npm start` at every change in src/, and then the Worker is built for development.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildWorker, MAIN, outDir } from './lib/build.mjs';
import { DEVELOPMENT } from './lib/development.mjs';
import { inRoot } from './lib/project.mjs';
import { main, Problem } from './lib/run.mjs';
import { vendor } from './lib/vendor.mjs';

const { fixture } = parseArgs({ options: { fixture: { type: 'boolean', default: false } } }).values;

const dev = !fixture && process.env[DEVELOPMENT] === 'true';

await main(async () => {
  await vendor();
  try {
    await buildWorker({ fixture, dev });
  } catch (error) {
    // rustc has printed the error. If this script failed, wrangler would hold all requests until the code is fixed.
    if (!dev || !(error instanceof Problem) || !existsSync(inRoot(outDir(false, true), MAIN))) throw error;
    console.error('✘ not built: the last good build goes on serving');
  }
});
