// Repeatable randomness: everything random in a run comes from its seed.

/** mulberry32, 32 bits of state (Tommy Ettinger, public domain). */
export class Random {
  #state;

  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  between(least, most) {
    return least + this.next() * (most - least);
  }

  chance(part) {
    return this.next() < part;
  }

  pick(list) {
    return list[Math.floor(this.next() * list.length)];
  }

  /** Another one, so that who asks when does not change what the others get. */
  fork() {
    return new Random(this.next() * 2 ** 32);
  }
}
