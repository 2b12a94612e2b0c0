// What the browser keeps for the chat.
import { newId } from '../ids.js';
import { list, read, write } from '../kept.js';

const MAX_RECENT = 8;

/** What somebody was called here lately, or ''. */
export const name = () => read(() => localStorage.name, '') ?? '';

export const keepName = (value) => write(() => (localStorage.name = value));

/** This tab's person: the same after a reload and in the next room, another one in another tab. */
export function person() {
  const known = read(() => sessionStorage.person, '');
  const from = known || newId();
  write(() => (sessionStorage.person = from));
  return { from, name: known ? name() : '' };
}

/** Adds a room to those visited lately, and returns them. */
export function visit(room) {
  const rooms = [room, ...list(() => localStorage.rooms).filter((other) => typeof other === 'string' && other !== room)];
  rooms.length = Math.min(rooms.length, MAX_RECENT);
  write(() => (localStorage.rooms = JSON.stringify(rooms)));
  return rooms;
}

/** The unsent texts of a room, for a reload. */
export const unsent = (room) => ({
  load: () => list(() => sessionStorage.getItem(`unsent ${room}`)),
  save: (messages) => write(() => sessionStorage.setItem(`unsent ${room}`, JSON.stringify(messages))),
});
