// Random failures of a network (network.mjs), the same for the same seed.

/** Mulberry32: numbers from 0 to 1, by a seed of 32 bits. */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Each piece that is on its way meets with a mishap of one in `rarity`: it is lost, or only its beginning arrives, or
 * all of it does, and then the connection ends, with RST or FIN. `counts` tells how often each came.
 */
export function mishaps(chance, rarity) {
  const counts = {};
  const pick = (choices) => choices[Math.floor(chance() * choices.length)];
  return {
    counts,
    mishap({ up, bytes: { length } }) {
      if (chance() * rarity >= 1) return undefined;
      const [part, arrives] = pick([['nothing', 0], ['half', Math.ceil(length / 2)], ['all', length]]);
      const end = pick(['reset', 'finish']);
      const name = `${part} ${up ? 'up' : 'down'}, ${end}`;
      counts[name] = (counts[name] ?? 0) + 1;
      return { arrives, end };
    },
  };
}
