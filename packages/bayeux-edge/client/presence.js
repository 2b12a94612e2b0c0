// Who is in a channel (docs/PRESENCE.md), as the server tells it on the channel's companion.

/** Where the server tells who is in a channel. */
export const presenceChannel = (channel) => `${channel}/$presence`;

/** What one watcher holds. All watchers of a channel share one roster. */
export class Presence {
  state = 'pending';
  #roster;
  #listener;
  #leave;
  #ready;

  constructor(roster, { listener, signal }, ready, leave) {
    this.channel = roster.channel;
    this.#roster = roster;
    this.#listener = listener;
    this.#leave = leave;
    this.#ready = ready.then(
      () => this.state === 'pending' && (this.state = 'watching'),
      (error) => {
        this.state = 'ended';
        throw error;
      },
    );
    this.#ready.catch(() => {}); // whoever waits is told
    if (signal?.aborted) queueMicrotask(() => this.cancel());
    else signal?.addEventListener('abort', () => this.cancel(), { once: true });
    // Who comes later is told at once what the others know.
    if (roster.isKnown) queueMicrotask(() => this.tell({ joined: roster.users, left: [] }));
  }

  /** Resolves when the server has taken it for the first time; rejects if it refuses. */
  get ready() {
    return this.#ready.then(() => {});
  }

  get count() {
    return this.#roster.count;
  }

  get members() {
    return this.#roster.members;
  }

  cancel() {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.#leave(this);
  }

  tell(change) {
    if (this.state !== 'ended') this.#listener?.(this, change);
  }
}

/** The members of one channel, kept up with what the server tells. */
export class Roster {
  /** User → session → info. None where the server names nobody. */
  #users = new Map();
  #watchers = new Set();
  /** How many users there are; null until the server has told. */
  count = null;
  #named = false;

  constructor(channel) {
    this.channel = channel;
  }

  get isKnown() {
    return this.count !== null;
  }

  get users() {
    return [...this.#users.keys()];
  }

  /** Null where there are too many to be named, or nothing was told yet. */
  get members() {
    if (!this.#named) return null;
    return [...this.#users].map(([user, sessions]) => ({
      user,
      sessions: [...sessions].map(([session, info]) => (info === undefined ? { session } : { session, info })),
    }));
  }

  join(watcher) {
    this.#watchers.add(watcher);
  }

  /** Whether that was the last one. */
  leave(watcher) {
    return this.#watchers.delete(watcher) && this.#watchers.size === 0;
  }

  told({ count, members, joins, leaves }) {
    const before = this.users;
    this.count = count;
    // What comes before everybody was named says how many there are, and no more.
    if (members || !joins || !this.#named) this.#users.clear();
    this.#named = Boolean(members) || (this.#named && Boolean(joins));
    if (this.#named) {
      // A page that is reloaded joins and leaves under the same user at once.
      for (const [user, sessions] of Object.entries(members ?? joins)) this.#come(user, sessions);
      for (const [user, sessions] of Object.entries(leaves ?? {})) this.#go(user, sessions);
    }
    const [here, there] = [new Set(this.users), new Set(before)];
    const change = { joined: [...here].filter((user) => !there.has(user)), left: before.filter((user) => !here.has(user)) };
    for (const watcher of [...this.#watchers]) watcher.tell(change);
  }

  #come(user, sessions) {
    if (!this.#users.has(user)) this.#users.set(user, new Map());
    for (const { session, info } of sessions) this.#users.get(user).set(session, info);
  }

  #go(user, sessions) {
    const known = this.#users.get(user);
    for (const { session } of sessions) known?.delete(session);
    if (known?.size === 0) this.#users.delete(user);
  }
}
