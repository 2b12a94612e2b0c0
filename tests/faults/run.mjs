// npm run faults [-- --kills 20 --clients 200 --seed N --durability strict]: the fault test of docs/DURABILITY.md.
import { parseArgs } from 'node:util';
import { buildWorker } from '../../scripts/lib/build.mjs';
import { main, Problem } from '../../scripts/lib/run.mjs';
import { faults } from './faults.mjs';

await main(async () => {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string', default: '20' },
      clients: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
      durability: { type: 'string', default: 'strict' },
    },
  });
  const [kills, clients, seed] = ['kills', 'clients', 'seed'].map((name) => number(name, values[name]));
  await buildWorker({ fixture: true });
  console.log(`seed ${seed}`);
  const say = (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
  const { problems, ...outcome } = await faults({ kills, clients, seed, vars: { DURABILITY: values.durability }, say });
  console.log(JSON.stringify({ seed, ...outcome }));
  for (const problem of problems.slice(0, 50)) console.log(`✘ ${problem}`);
  if (problems.length > 0) throw new Problem(`${problems.length} problems; again with: npm run faults -- --kills ${kills} --clients ${clients} --seed ${seed}`);
  console.log('Nothing was lost, nothing came twice, and nobody had to shake hands again.');
});

function number(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Problem(`--${name} ${text}: a whole number`);
  return value;
}
