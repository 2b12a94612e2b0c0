// Who is in the room, from the server's presence (docs/PRESENCE.md). A person has one or several sessions.
import { isId } from '../ids.js';
import { NAMELESS, tidyName } from './messages.js';

/** A person who comes back within this time has only reloaded the page. */
export const GRACE = 3_000; // ms

export class People {
  #people = new Map(); // id → { id, name, sessions, left }
  #count = null;
  #here = false; // whether the list is known, or we are in it
  #me;

  /** `me`, and everybody in the first list, gets no note. */
  constructor(me) {
    this.#me = me;
  }

  /** Returns the changes to show as notes, each `{ joined: name }` or `{ renamed: [old, new] }`. */
  told({ count, members, joins, leaves }, now) {
    const named = members ?? joins;
    this.#count = named ? null : count;
    if (!named) {
      this.#people.clear();
      return [];
    }
    if (members) this.#keep(new Set(sessions(members).map(({ session }) => session)), now);
    const own = sessions(named).find(({ info }) => this.#me !== undefined && info?.from === this.#me);
    const late = ({ session }) => this.#here || (own !== undefined && !members && number(session) > number(own.session));
    const news = sessions(named).map((entry) => ({ late: late(entry), ...this.#comes(entry) }));
    if (leaves) for (const { session } of sessions(leaves)) this.#goes(session, now);
    this.#here ||= own !== undefined || this.#me === undefined;
    return news.filter(({ late, joined, renamed }) => late && (joined || renamed)).map(({ late, ...each }) => each);
  }

  /** Removes the people who have left, and returns their names. */
  sweep(now) {
    const gone = [...this.#people.values()].filter(({ left }) => left !== null && now - left >= GRACE);
    for (const { id } of gone) this.#people.delete(id);
    return gone.filter(({ id }) => id !== this.#me).map(({ name }) => name);
  }

  /** The number of people, if they are too many to be named; otherwise null. */
  get count() {
    return this.#count;
  }

  /** All other people, sorted by name. */
  but(me) {
    const others = [...this.#people.values()].filter(({ id }) => id !== me);
    return others.sort((a, b) => a.name.localeCompare(b.name) || (a.id < b.id ? -1 : 1));
  }

  #comes({ session, info }) {
    const id = isId(info?.from) ? info.from : session;
    const name = (typeof info?.name === 'string' && tidyName(info.name)) || NAMELESS;
    const known = this.#people.get(id);
    if (!known) {
      this.#people.set(id, { id, name, sessions: new Set([session]), left: null });
      return id === this.#me ? null : { joined: name };
    }
    known.sessions.add(session);
    known.left = null;
    if (known.name === name) return null;
    const old = known.name;
    known.name = name;
    return id === this.#me ? null : { renamed: [old, name] };
  }

  #goes(session, now) {
    for (const person of this.#people.values())
      if (person.sessions.delete(session) && person.sessions.size === 0) person.left = now;
  }

  /** Replaces all sessions by these. */
  #keep(here, now) {
    for (const person of this.#people.values())
      for (const session of person.sessions) if (!here.has(session)) this.#goes(session, now);
  }
}

/** Later sessions have higher numbers, on all homes. */
const number = (session) => Number(session.split('.').at(-1));

/** All sessions of all users. */
const sessions = (users) => Object.values(users).flat();
