// bayeux chat: a room of the chat page, in a terminal.
import { userInfo } from 'node:os';
import { createInterface } from 'node:readline';
import { MAX_TEXT, tidyName } from '../../public/js/chat/messages.js';
import { roomName } from '../../public/js/chat/rooms.js';
import { Refused, WrongUsage } from '../failure.js';
import { told } from '../notes.js';
import { timeOfDay, visible } from '../output.js';
import { Room } from '../room.js';

export const usage = 'chat URL [ROOM]';
export const summary = 'joins a room of the chat page';
export const about = `Joins a room of the chat page (the lobby, without ROOM). Prints who joins, who leaves and all messages, and
sends each line of standard input. The end of the input, Ctrl-D, leaves the room. Commands begin with a slash:
/who lists the people, /name NEW, /quit. To send a text that begins with a slash, type two slashes.

With --json each line is an object: {"kind":"text","from":ID,"name":…,"id":…,"text":…,"time":MS}; other kinds
are recalled (sent before we joined), sent, refused, joined, here, left and renamed.`;

/** Of a room's texts and people: see Connection. */
export const since = 'all';

export const options = {
  name: { type: 'string', value: 'NAME', parse: name, help: 'your name in the room; by default your name on this machine' },
};

export function operands([room = '', ...more]) {
  if (more.length > 0) throw new WrongUsage('a ROOM is one argument: quote it');
  return [roomName(room)];
}

export async function run({ connection, output, patience, options, operands: [roomName], stdin, stdout }) {
  const terminal = stdin.isTTY === true && stdout.isTTY === true;
  const input = createInterface({ input: stdin, output: terminal ? stdout : undefined, terminal, prompt: '> ' });
  const screen = terminal ? new Screen(input, stdout) : null;
  let refused = 0;
  const tell = (news) => {
    if (news.kind === 'refused') refused += 1;
    screen?.clear();
    write(output, news, { typed: terminal });
    screen?.restore();
  };
  const room = new Room({ connection, room: roomName, name: options.name ?? (tidyName(login()) || 'Somebody'), tell });
  const typed = input[Symbol.asyncIterator](); // from now on no line is missed
  await connection.open(patience, room.channels);
  output.note(`in ${roomName} as ${room.name} (${connection.transport})${terminal ? '; /quit or Ctrl-D leaves' : ''}`);
  room.enter();
  screen?.restore();
  for await (const line of typed) {
    if (line === '/quit') break;
    obey(line, { room, output, tell });
    screen?.restore();
  }
  await room.settled();
  if (refused > 0) throw new Refused(`the server refused ${refused === 1 ? 'a text' : `${refused} texts`}`);
}

/** What one line of input is: a text, or what we are to do. */
function obey(line, { room, output, tell }) {
  const [, command, rest] = /^\/(?!\/)(\S*)\s*(.*)$/.exec(line) ?? [];
  if (command === undefined) return say(line.replace(/^\/\//, '/'), { room, output });
  if (command === 'who') return output.result({ kind: 'who', names: [room.name, ...room.people] }, () => `* here: ${[room.name, ...room.people].map(visible).join(', ')}`);
  if (command === 'name' && tidyName(rest) !== '') {
    const from = room.name;
    room.rename(tidyName(rest));
    return tell({ kind: 'renamed', from, name: room.name });
  }
  output.error('the commands are /who, /name NEW and /quit');
}

function say(text, { room, output }) {
  if (text.trim() === '') return;
  if (text.length > MAX_TEXT) return output.error(`not sent: a message has ${MAX_TEXT} characters at most`);
  room.write(text);
}

const NOTES = {
  joined: ({ name }) => `${name} joined`,
  here: ({ name }) => `${name} is here`,
  left: ({ name }) => `${name} left`,
  renamed: ({ from, name }) => `${from} is now ${name}`,
};

function write(output, news, { typed }) {
  if (['lost', 'back', 'missed'].includes(news.kind)) return output.note(told(news));
  if (news.kind === 'refused') output.error(`the server refused: ${news.text}`);
  if (NOTES[news.kind]) return output.result(news, ({ dim }) => dim(`* ${visible(NOTES[news.kind](news))}`));
  if (!output.json && (news.kind === 'refused' || (news.kind === 'sent' && typed))) return; // it stands there already
  output.result(news, ({ dim, named }) => `${dim(timeOfDay(news.time))} ${named(visible(news.name))}: ${visible(news.text)}`);
}

/** Keeps what is being typed below what comes meanwhile. */
class Screen {
  #input;
  #stdout;

  constructor(input, stdout) {
    this.#input = input;
    this.#stdout = stdout;
    // In a terminal that readline reads Ctrl-C is but a character.
    input.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  }

  clear() {
    this.#stdout.clearLine(0);
    this.#stdout.cursorTo(0);
  }

  restore() {
    this.#input.prompt(true);
  }
}

function login() {
  try {
    return userInfo().username;
  } catch {
    return ''; // a process without an account
  }
}

function name(text, option) {
  const tidy = tidyName(text);
  if (tidy === '') throw new WrongUsage(`${option} takes a name`);
  return tidy;
}
