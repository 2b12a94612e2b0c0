// Which texts are known: what was sent again, or is told again after a break, is shown once.

/** As many as a room keeps, several times over. */
const MAX_KNOWN = 2_000;

export class Memory {
  #known = new Set(); // ids

  /** False if this text is known already. */
  remember({ id }) {
    if (this.#known.has(id)) return false;
    this.#known.add(id);
    if (this.#known.size > MAX_KNOWN) this.#known.delete(this.#known.values().next().value);
    return true;
  }
}
