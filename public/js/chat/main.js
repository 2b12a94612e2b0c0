// The chat: one room, one person, and what happens between them.
import { Connection } from '../connection.js';
import { newId } from '../ids.js';
import * as status from '../status.js';
import { Composer } from './composer.js';
import { askName } from './join.js';
import { MessageLog } from './log.js';
import { Memory } from './memory.js';
import { read } from './messages.js';
import { Outbox } from './outbox.js';
import { Presence, REFRESH } from './presence.js';
import { roomAt, roomChannel } from './rooms.js';
import { Side } from './side.js';
import * as storage from './storage.js';
import { countUnread } from './unread.js';

/** Answers to one who joins are spread over this time for each person here: a crowd must not answer at once. */
const ANSWER_PER_PERSON = 20; // ms
const LATEST_ANSWER = 2_000; // ms

/** Of those who answer, how many are asked what was said: one of them may have come just now, too. */
const MAX_ASKED = 3;

const room = roomAt(location.pathname);
const channel = roomChannel(room);
const me = storage.person();

document.getElementById('room').textContent = room;
const unread = countUnread(room);
const presence = new Presence();
const memory = new Memory();
let connected = false;
let breaks = 0;
let missed = 0;
let toAsk = 0;

const log = new MessageLog({ onRetry: (id) => outbox.retry(id), onDiscard: (id) => outbox.discard(id) });
const side = new Side({ room, rooms: storage.visit(room), onRename: rename });
const composer = new Composer({ onSend: write });
const connection = new Connection({
  channels: new Map([
    [channel, receive],
    // Where those who are here answer us alone.
    [privately(me.from), receive],
  ]),
  onState,
  farewell: () => [{ channel, data: { kind: 'leave', ...me } }],
});
const outbox = new Outbox({
  send: async (message) => (await connection.publish(channel, message, { key: message.id })).outcome,
  changed: onProgress,
  store: storage.unsent(room),
});

if (me.name === '') await ask();
start();

async function ask() {
  const name = await askName({ suggestion: me.name || storage.name(), mayCancel: me.name !== '' });
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

function onProgress(message, state) {
  if (state === 'sent') memory.remember(message);
  log.mark(message.id, state);
}

function announce(kind, to = channel) {
  if (connected) connection.publish(to, { kind, ...me });
}

function receive(data) {
  const now = Date.now();
  const message = read(data, now);
  if (message === null) return;
  if (message.from === null) receiveText(message);
  else if (message.from === me.from) receiveOwn(message);
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
  if (message.kind === 'text') receiveText(message);
  else if (message.kind === 'join') answer(message.from);
  else if (message.kind === 'here') askOnce(message.from);
  else if (message.kind === 'ask') tell(message.from);
  else if (message.kind === 'recall') recall(message.texts);
}

function receiveText(message) {
  if (!memory.remember(message)) return;
  unread();
  if (connected) return log.message(message);
  missed += 1;
  log.recall(message);
}

function answer(newcomer) {
  const latest = Math.min(presence.people().length * ANSWER_PER_PERSON, LATEST_ANSWER);
  setTimeout(() => announce('here', privately(newcomer)), Math.random() * latest);
}

/** After a join those who answer are asked, too, what was said before: the server keeps none of it. */
function askOnce(person) {
  if (toAsk === 0) return;
  toAsk -= 1;
  announce('ask', privately(person));
}

function tell(person) {
  connection.publish(privately(person), { kind: 'recall', ...me, texts: memory.latest() });
}

function recall(texts) {
  for (const message of texts) outbox.arrived(message.id); // it was sent, although we were not told
  const news = texts.filter((message) => memory.remember(message));
  for (const message of news) log.recall(message, message.from === me.from ? 'sent' : undefined);
  if (breaks === 0) return;
  missed += news.length;
  status.showReconnected(missed);
}

function onState(state, { anew }) {
  connected = state === 'connected';
  if (connected) return onConnected(anew);
  outbox.close();
  breaks += 1;
  missed = 0;
  status.show(state);
}

function onConnected(anew) {
  presence.resume(Date.now());
  if (anew) {
    toAsk = MAX_ASKED;
    announce('join');
  }
  outbox.open();
  if (breaks === 0) status.show('connected');
  // Of a session that is new nobody knows yet what it missed.
  else status.showReconnected(anew ? null : missed);
}

function sweep() {
  if (!connected) return; // nobody can tell us that they are here
  const names = presence.sweep(Date.now());
  for (const name of names) log.note('* left', name);
  if (names.length > 0) showPeople();
}

function privately(person) {
  return `${channel}/${person}`;
}

function showPeople() {
  side.people(me, presence.people());
}
