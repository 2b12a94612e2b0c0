// All attacks of rows/, each against its own server.
import { readdir } from 'node:fs/promises';
import { World } from './world.mjs';

/** No attack takes longer: what it has done until then is its cost. */
const LONGEST = 180_000; // ms

/** Those of the rows that are named, or all: `{ row, input, holds, vars, attack(world, short) }`. */
export async function attacks(named = []) {
  const files = (await readdir(new URL('rows/', import.meta.url))).filter((name) => name.endsWith('.mjs')).sort();
  const all = (await Promise.all(files.map((name) => import(`./rows/${name}`)))).flatMap((file) => file.default);
  return all.filter(({ row }) => named.length === 0 || named.includes(row));
}

/** Its cost in words, how long it took, and whether what must hold does. An attack that is cut short holds nothing. */
export async function carryOut({ options, vars, attack }, { short = false } = {}) {
  const given = (await options?.()) ?? {};
  const world = await World.start({ ...given, vars: { ...vars, ...given.vars } });
  const started = performance.now();
  let timer;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, LONGEST, { cost: `no end within ${LONGEST / 1000} s`, holds: false })));
  try {
    const failed = (error) => ({ cost: `failed: ${error.message}`, holds: false });
    const outcome = await Promise.race([attack(world, short).catch(failed), late]);
    return { ...outcome, seconds: Math.round((performance.now() - started) / 1000) };
  } finally {
    clearTimeout(timer);
    await world.stop();
  }
}
