// npm run faults [-- memory | restore] [-- --kills 20 --clients 200 --seed N --durability strict --links]: the fault
// test of docs/DURABILITY.md. With --links all polls and streams wait in the Worker, with --no-links none.
import { parseArgs } from 'node:util';
import { buildWorker } from '../../scripts/lib/build.mjs';
import { main, Problem } from '../../scripts/lib/run.mjs';
import { faults } from './faults.mjs';
import { memory } from './memory.mjs';
import { restore } from './restore.mjs';

/** Bytes: buffers and tables that double. A byte for each message would be a million. */
const NOISE = 500_000;

await main(async () => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    allowNegative: true,
    options: {
      kills: { type: 'string', default: '20' },
      clients: { type: 'string', default: '200' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
      durability: { type: 'string', default: 'strict' },
      links: { type: 'boolean' },
    },
  });
  const [kills, clients, seed] = ['kills', 'clients', 'seed'].map((name) => number(name, values[name]));
  await buildWorker({ fixture: true });
  const links = { true: 'always', false: 'never' }[values.links] ?? 'auto';
  const say = (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
  if (positionals.includes('restore')) return console.log(JSON.stringify(await restore()));
  if (positionals.includes('memory')) {
    const measured = await memory({ say });
    const [first, last] = [measured[0], measured.at(-1)].map(({ wasm, javaScript }) => wasm + javaScript);
    if (last - first > NOISE) throw new Problem('the memory grows with the messages');
    return;
  }
  console.log(`seed ${seed}`);
  const { problems, ...outcome } = await faults({ kills, clients, seed, durability: values.durability, links, untilIdle: true, say });
  console.log(JSON.stringify({ seed, ...outcome }));
  for (const problem of problems.slice(0, 50)) console.log(`✘ ${problem}`);
  if (problems.length > 0) throw new Problem(`${problems.length} problems; again with: npm run faults -- --kills ${kills} --clients ${clients} --seed ${seed}${{ always: ' --links', never: ' --no-links' }[links] ?? ''}`);
  console.log('Nothing was lost, nothing came twice, and nobody had to shake hands again.');
});

function number(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) throw new Problem(`--${name} ${text}: a whole number`);
  return value;
}
