// Maps the page's address to a room's name, and the name to a channel.

export const DEFAULT_ROOM = 'lobby';

/** In code points. Even if none of them is ASCII, the channel stays below the server's 512 bytes. */
export const MAX_ROOM = 40;

/** The room's name from what the user typed. Case and spaces do not distinguish rooms. */
export function roomName(typed) {
  const tidy = typed.normalize('NFC').toLowerCase().replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  const name = [...tidy.toWellFormed()].slice(0, MAX_ROOM).join('').trim();
  // An address cannot have '.' and '..' as segments: browsers resolve them.
  return name === '' || name === '.' || name === '..' ? DEFAULT_ROOM : name;
}

export const roomPath = (room) => `/chat/${encodeURIComponent(room)}`;

export function roomAt(path) {
  const segment = path.slice('/chat/'.length);
  try {
    return roomName(decodeURIComponent(segment));
  } catch {
    return roomName(segment); // not percent-encoded
  }
}

/** The channels with a room's presence, and with who is typing. */
export const presenceChannel = (channel) => `${channel}/$presence`;
export const typingChannel = (channel) => `${channel}/typing`;

/** The service that gets people's names. */
export const NAME_SERVICE = '/service/chat/name';

/** Letters, digits, - and _ stay as they are; any other character becomes its number: `café` is `caf(e9)`. */
export const roomChannel = (room) =>
  `/chat/${room.replace(/[^A-Za-z0-9_-]/gu, (character) => `(${character.codePointAt(0).toString(16)})`)}`;
