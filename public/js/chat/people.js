// Who is here, as the server tells it (docs/PRESENCE.md): sessions come and go, and people have one or several.
import { isId } from '../ids.js';
import { NAMELESS, tidyName } from './messages.js';

/** Whoever is back within this time after leaving has only reloaded the page. */
export const GRACE = 3_000; // ms

export class People {
  #people = new Map(); // id → { id, name, sessions, left }
  #count = null;
  #here = false; // whether we are among them, or were told of them
  #me;

  /** Of `me` there is no news, and none of who was here before. */
  constructor(me) {
    this.#me = me;
  }

  /** Returns what is worth a note, each one of `{ joined: name }` and `{ renamed: [old, new] }`. */
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

  /** Takes out those who have left, and returns their names. */
  sweep(now) {
    const gone = [...this.#people.values()].filter(({ left }) => left !== null && now - left >= GRACE);
    for (const { id } of gone) this.#people.delete(id);
    return gone.filter(({ id }) => id !== this.#me).map(({ name }) => name);
  }

  /** How many are here, where they are too many to be named; or null. */
  get count() {
    return this.#count;
  }

  /** Everybody but this one, by name. */
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

  /** Only these sessions are here. */
  #keep(here, now) {
    for (const person of this.#people.values())
      for (const session of person.sessions) if (!here.has(session)) this.#goes(session, now);
  }
}

/** Those that began later have a higher one, whatever home they are of. */
const number = (session) => Number(session.split('.').at(-1));

/** All sessions of all users. */
const sessions = (users) => Object.values(users).flat();
