// The chat page: one room and one person. The server keeps the messages and knows who is here.
import { Connection } from '../connection.js';
import { newId } from '../ids.js';
import { Replay } from '../replay.js';
import * as status from '../status.js';
import { Composer } from './composer.js';
import { showEmpty } from './empty.js';
import { askName } from './join.js';
import { MessageLog } from './log.js';
import { Memory } from './memory.js';
import { read } from './messages.js';
import { Outbox } from './outbox.js';
import { People } from './people.js';
import { NAME_SERVICE, presenceChannel, roomAt, roomChannel, typingChannel } from './rooms.js';
import { Side } from './side.js';
import * as storage from './storage.js';
import { Typing } from './typing.js';
import { countUnread } from './unread.js';

const room = roomAt(location.pathname);
const channel = roomChannel(room);
const me = storage.person();

document.getElementById('room').textContent = room;
const unread = countUnread(room);
const people = new People(me.from);
const memory = new Memory();
let hasTexts = false;
let connected = false;
let connectedAt = 0;
let breaks = 0;
let missed = 0;

const log = new MessageLog({
  onRetry: (id) => outbox.retry(id),
  onDiscard: (id) => outbox.discard(id),
  onFirst: (is) => {
    hasTexts = is;
    showEmpty(connected && !hasTexts);
  },
});
const side = new Side({ room, rooms: storage.visit(room), onRename: rename });
const typing = new Typing({ say: () => connection.publish(typingChannel(channel), me) });
const composer = new Composer({ onSend: write, onTyping: () => connected && typing.typed(), draft: storage.draft(room) });
const connection = new Connection({
  channels: new Map([
    [channel, receive],
    [presenceChannel(channel), (data) => onPeople(people.told(data, Date.now()))],
    [typingChannel(channel), (data) => typing.told(data, me.from)],
  ]),
  // Earlier messages come first; after a lost connection, the missed ones.
  extensions: new Map([['replay', new Replay({ from: 'all' })]]),
  greeting: () => [{ channel: NAME_SERVICE, data: me }],
  onState,
});
const outbox = new Outbox({
  send: async (message) => (await connection.publish(channel, message, { key: message.id })).outcome,
  changed: (message, state) => log.mark(message.id, state),
  store: storage.unsent(room),
});

if (me.name === '') await ask();
start();

async function ask() {
  const name = await askName({ suggestion: me.name, mayCancel: me.name !== '' });
  if (name === null) return false;
  me.name = name;
  storage.keepName(name);
  return true;
}

function start() {
  showPeople();
  for (const message of outbox.restore()) log.message(message, 'pending');
  connection.start();
  setInterval(sweep, 1_000);
  composer.focus();
}

async function rename() {
  if (!(await ask())) return;
  showPeople();
  if (connected) connection.publish(NAME_SERVICE, me);
}

function write(text) {
  const message = { kind: 'text', ...me, id: newId(), text, time: Date.now() };
  log.message(message, 'pending');
  outbox.add(message);
  typing.sent();
}

function receive(data, { ext }) {
  const message = read(data, Date.now(), ext?.replay);
  if (message === null) return;
  const stands = log.place(message);
  outbox.arrived(message.id); // it was accepted, even if its reply was lost
  typing.wrote(message.from);
  if (!memory.remember(message)) return;
  // From before a reload of this page, or from a copy of this tab.
  if (message.from === me.from) return stands || log.message(message, 'sent');
  unread();
  log.message(message);
  count(message);
}

/** Whether a message was missed: it is older than our connection, if the server's clock and ours agree. */
function count({ time }) {
  if (connected && (breaks === 0 || time >= connectedAt)) return;
  missed += 1;
  if (connected) status.showReconnected(missed);
}

function onPeople(news) {
  for (const { joined, renamed } of news) {
    if (joined) log.note('* joined', joined);
    if (renamed) log.note('* is now *', ...renamed);
  }
  showPeople();
}

function onState(state, { anew }) {
  connected = state === 'connected';
  showEmpty(connected && !hasTexts);
  if (connected) return onConnected(anew);
  outbox.close();
  breaks += 1;
  missed = 0;
  status.show(state);
}

function onConnected(anew) {
  connectedAt = Date.now();
  outbox.open();
  if (breaks === 0) status.show('connected');
  // A new session gets its missed messages now.
  else status.showReconnected(anew && missed === 0 ? null : missed);
}

function sweep() {
  if (!connected) return; // without a connection we do not hear who came back
  const names = people.sweep(Date.now());
  for (const name of names) log.note('* left', name);
  if (names.length > 0) showPeople();
}

function showPeople() {
  side.people(me, people.but(me.from), people.count);
}
