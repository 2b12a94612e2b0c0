// Rooms: from the address to a name that people read, and from the name to a channel.

export const DEFAULT_ROOM = 'lobby';

/** In code points. The longest channel, all of them outside of ASCII, stays below the server's 512 bytes. */
export const MAX_ROOM = 40;

/** The room that people mean by what they typed: neither capitals nor blanks tell rooms apart. */
export function roomName(typed) {
  const tidy = typed.normalize('NFC').toLowerCase().replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  const name = [...tidy.toWellFormed()].slice(0, MAX_ROOM).join('').trim();
  // '.' and '..' cannot be in an address: browsers resolve them away.
  return name === '' || name === '.' || name === '..' ? DEFAULT_ROOM : name;
}

export const roomPath = (room) => `/chat/${encodeURIComponent(room)}`;

export function roomAt(path) {
  const segment = path.slice('/chat/'.length);
  try {
    return roomName(decodeURIComponent(segment));
  } catch {
    return roomName(segment); // a stray percent sign
  }
}

/** Where it is told who is in a room, and who is typing there. */
export const presenceChannel = (channel) => `${channel}/$presence`;
export const typingChannel = (channel) => `${channel}/typing`;

/** The service that is told what people in rooms are called. */
export const NAME_SERVICE = '/service/chat/name';

/** Letters, digits, - and _ stay as they are; any other character becomes its number: `café` is `caf(e9)`. */
export const roomChannel = (room) =>
  `/chat/${room.replace(/[^A-Za-z0-9_-]/gu, (character) => `(${character.codePointAt(0).toString(16)})`)}`;
