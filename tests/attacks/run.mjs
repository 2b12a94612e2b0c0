// npm run attacks [-- --short] [-- ROW…]: what one anonymous client can cost a server as shipped (docs/LIMITS.md), row
// by row.
import { parseArgs } from 'node:util';
import { buildWorker } from '../../scripts/lib/build.mjs';
import { main, Problem } from '../../scripts/lib/run.mjs';
import { attacks, carryOut } from './attacks.mjs';

await main(async () => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { short: { type: 'boolean', default: false } } });
  await buildWorker({ fixture: true });
  const rows = await attacks(positionals);
  console.log('| # | input | what it costs | seconds | what must hold | |\n|---|---|---|---:|---|---|');
  let failed = 0;
  for (const attack of rows) {
    const { cost, seconds, holds } = await carryOut(attack, values);
    if (!holds) failed += 1;
    console.log(`| ${[attack.row, attack.input, cost, seconds, attack.holds, holds ? 'ok' : '**not ok**'].join(' | ')} |`);
  }
  console.log(`\n${rows.length - failed} passed, ${failed} failed`);
  if (failed > 0) throw new Problem(`${failed} of ${rows.length} attacks cost more than they may`);
});
