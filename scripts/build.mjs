// node scripts/build.mjs [--fixture]: the Worker into build/ and cometd.js into public/vendor/. wrangler runs it too
// (wrangler.toml's [build]).
import { parseArgs } from 'node:util';
import { buildWorker } from './lib/build.mjs';
import { main } from './lib/run.mjs';
import { vendorCometd } from './lib/vendor.mjs';

const { fixture } = parseArgs({ options: { fixture: { type: 'boolean', default: false } } }).values;

await main(async () => {
  await vendorCometd();
  await buildWorker({ fixture });
});
