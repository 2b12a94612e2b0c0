// Who is here, as far as messages tell: people say so when they come, now and then while they stay, and when they go.

/** How often each says that they are here. */
export const REFRESH = 40_000; // ms

/** Unseen for so long, somebody has vanished: browsers run a hidden tab's timers only once a minute. */
export const EXPIRY = 150_000; // ms

/** Whoever is back within this time after leaving has only reloaded the page. */
export const GRACE = 3_000; // ms

/** More than this nobody reads; a flood of invented people must not fill the memory. */
const MAX_PEOPLE = 500;

export class Presence {
  #people = new Map(); // id → { id, name, seen, left }
  #gone = new Set(); // the ids of those who were said to have left

  /** Somebody said something. Returns what is worth a note: `{ arrived: name }`, `{ renamed: [old, new] }` or null. */
  see({ from: id, name, kind }, now) {
    const known = this.#people.get(id);
    if (known) {
      const old = known.name;
      Object.assign(known, { name, seen: now, left: null });
      return old === name ? null : { renamed: [old, name] };
    }
    if (this.#people.size >= MAX_PEOPLE) return null;
    this.#people.set(id, { id, name, seen: now, left: null });
    // Who answers has been here before us, unless we have already seen them leave.
    const returns = this.#gone.delete(id);
    return kind === 'join' || returns ? { arrived: name } : null;
  }

  leave(id, now) {
    const person = this.#people.get(id);
    if (person) person.left ??= now;
  }

  /** After a break of our own everybody gets the time to say that they are still here. */
  resume(now) {
    for (const person of this.#people.values()) person.seen = now;
  }

  /** Takes out those who have left or vanished, and returns their names. */
  sweep(now) {
    const names = [];
    for (const { id, name, seen, left } of this.#people.values()) {
      if (now - seen < EXPIRY && (left === null || now - left < GRACE)) continue;
      this.#people.delete(id);
      if (this.#gone.size >= MAX_PEOPLE) this.#gone.clear();
      this.#gone.add(id);
      names.push(name);
    }
    return names;
  }

  /** Everybody else, by name. */
  people() {
    return [...this.#people.values()].sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
  }
}
