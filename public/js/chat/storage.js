// The chat's data in the browser's storage.
import { newId } from '../ids.js';
import { list, read, write } from '../kept.js';

const MAX_RECENT = 8;

/** The user's last name, or ''. */
export const name = () => read(() => localStorage.name, '') ?? '';

export const keepName = (value) => write(() => (localStorage.name = value));

/** The person of this tab: the same after a reload and in other rooms. Another tab is another person with this name. */
export function person() {
  const from = read(() => sessionStorage.person, '') || newId();
  write(() => (sessionStorage.person = from));
  return { from, name: name() };
}

/** Adds a room to the last visited rooms, and returns them. */
export function visit(room) {
  const rooms = [room, ...list(() => localStorage.rooms).filter((other) => typeof other === 'string' && other !== room)];
  rooms.length = Math.min(rooms.length, MAX_RECENT);
  write(() => (localStorage.rooms = JSON.stringify(rooms)));
  return rooms;
}

/** The unsent messages of a room. */
export const unsent = (room) => ({
  load: () => list(() => sessionStorage.getItem(`unsent ${room}`)),
  save: (messages) => write(() => sessionStorage.setItem(`unsent ${room}`, JSON.stringify(messages))),
});

/** The draft of a room. */
export const draft = (room) => ({
  load: () => read(() => sessionStorage.getItem(`draft ${room}`), '') ?? '',
  save: (text) => write(() => (text === '' ? sessionStorage.removeItem(`draft ${room}`) : sessionStorage.setItem(`draft ${room}`, text))),
});
