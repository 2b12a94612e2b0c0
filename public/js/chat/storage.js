// What the browser keeps for the chat.
import { newId } from '../ids.js';
import { list, read, write } from '../kept.js';

const MAX_RECENT = 8;

/** What somebody was called here lately, or ''. */
export const name = () => read(() => localStorage.name, '') ?? '';

export const keepName = (value) => write(() => (localStorage.name = value));

/** This tab's person: the same after a reload and in the next room. Another tab's is another one, of the same name. */
export function person() {
  const from = read(() => sessionStorage.person, '') || newId();
  write(() => (sessionStorage.person = from));
  return { from, name: name() };
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

/** What is being written in a room, for a reload. */
export const draft = (room) => ({
  load: () => read(() => sessionStorage.getItem(`draft ${room}`), '') ?? '',
  save: (text) => write(() => (text === '' ? sessionStorage.removeItem(`draft ${room}`) : sessionStorage.setItem(`draft ${room}`, text))),
});
