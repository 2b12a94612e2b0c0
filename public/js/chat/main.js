// The chat: one room, one person, and what happens between them.
import { Composer } from './composer.js';
import { Connection } from './connection.js';
import { askName } from './join.js';
import { MessageLog } from './log.js';
import { newId, read } from './messages.js';
import { Outbox } from './outbox.js';
import { Presence, REFRESH } from './presence.js';
import { roomAt, roomChannel } from './rooms.js';
import { Side } from './side.js';
import * as status from './status.js';
import * as storage from './storage.js';
import { countUnread } from './unread.js';

/** Answers to one who joins are spread over this time for each person here: a crowd must not answer at once. */
const ANSWER_PER_PERSON = 20; // ms
const LATEST_ANSWER = 2_000; // ms

/** The ids of the last messages, to know those that come again. */
const MAX_REMEMBERED = 1_000;

const room = roomAt(location.pathname);
const channel = roomChannel(room);
const me = { from: storage.personId(), name: storage.name() };

document.getElementById('room').textContent = room;
const unread = countUnread(room);
const presence = new Presence();
const seen = new Set();
let connected = false;
let breaks = 0;
let missed = 0;

const log = new MessageLog({ onRetry: (id) => outbox.retry(id) });
const side = new Side({ room, rooms: storage.visit(room), onRename: rename });
const composer = new Composer({ onSend: write });
const connection = new Connection({
  channels: new Map([
    [channel, receive],
    // Where those who are here answer us alone.
    [`${channel}/${me.from}`, receive],
  ]),
  onState,
});
const outbox = new Outbox({
  send: (message) => connection.publish(channel, message),
  changed: (id, state) => log.mark(id, state),
  store: storage.unsent(room),
});

if (me.name === '') await ask();
start();

async function ask() {
  const name = await askName(me.name);
  if (name === null) return false;
  me.name = name;
  storage.keepName(name);
  return true;
}

function start() {
  showPeople();
  for (const message of outbox.restore()) log.message(message, 'pending');
  connection.start();
  setInterval(() => announce('here'), REFRESH);
  setInterval(sweep, 1_000);
  addEventListener('pagehide', () => connection.leave(channel, { kind: 'leave', ...me }));
  // The browser kept the page while it was left, but the server has let it go.
  addEventListener('pageshow', ({ persisted }) => persisted && location.reload());
  composer.focus();
}

async function rename() {
  if (!(await ask())) return;
  showPeople();
  announce('here');
}

function write(text) {
  const message = { kind: 'text', ...me, id: newId(), text, time: Date.now() };
  log.message(message, 'pending');
  outbox.add(message);
}

function announce(kind, to = channel) {
  if (connected) connection.publish(to, { kind, ...me });
}

function receive(data) {
  const now = Date.now();
  const message = read(data, now);
  if (message === null) return;
  if (message.from === me.from) receiveOwn(message);
  else if (message.kind === 'leave') presence.leave(message.from, now);
  else receiveFrom(message, now);
}

/** Ours come back from the room; those of a copy of this tab come too, as it is the same person. */
function receiveOwn(message) {
  if (message.kind === 'leave') announce('here'); // the copy has gone, we have not
  if (message.kind !== 'text') return;
  outbox.arrived(message.id);
}

function receiveFrom(message, now) {
  const news = presence.see(message, now);
  if (news?.arrived) log.note('* joined', news.arrived);
  if (news?.renamed) log.note('* is now *', ...news.renamed);
  showPeople();
  if (message.kind === 'join') answer(message.from);
  if (message.kind !== 'text' || !isNew(message.id)) return;
  if (!connected) missed += 1;
  unread();
  log.message(message);
}

function answer(newcomer) {
  const latest = Math.min(presence.people().length * ANSWER_PER_PERSON, LATEST_ANSWER);
  setTimeout(() => announce('here', `${channel}/${newcomer}`), Math.random() * latest);
}

function isNew(id) {
  if (seen.has(id)) return false;
  seen.add(id);
  if (seen.size > MAX_REMEMBERED) seen.delete(seen.values().next().value);
  return true;
}

function onState(state, { anew }) {
  connected = state === 'connected';
  if (connected) return onConnected(anew);
  outbox.close();
  breaks += 1;
  missed = 0;
  if (state === 'closed') status.show('closed', 'Disconnected by the server. Reload the page to try again.');
  else status.show('reconnecting', 'Reconnecting…');
}

function onConnected(anew) {
  presence.resume(Date.now());
  if (anew) announce('join');
  outbox.open();
  if (breaks === 0) return status.show('connected', 'Connected');
  status.showReconnected(missed);
  if (anew) log.note('The server has started anew. What others wrote in between may be missing.');
}

function sweep() {
  if (!connected) return; // nobody can tell us that they are here
  const names = presence.sweep(Date.now());
  for (const name of names) log.note('* left', name);
  if (names.length > 0) showPeople();
}

function showPeople() {
  side.people(me, presence.people());
}
