// A room of the chat, as its page (public/js/chat) has it: one person, the others, and what they tell each other.
import { Memory } from '../public/js/chat/memory.js';
import { read } from '../public/js/chat/messages.js';
import { Outbox } from '../public/js/chat/outbox.js';
import { Presence, REFRESH } from '../public/js/chat/presence.js';
import { roomChannel } from '../public/js/chat/rooms.js';
import { newId } from '../public/js/ids.js';
import { outcome } from './connection.js';

/** Answers to one who joins are spread over this time for each person here: a crowd must not answer at once. */
const ANSWER_PER_PERSON = 20; // ms
const LATEST_ANSWER = 2_000; // ms

/** Of those who answer, how many are asked what was said: one of them may have come just now, too. */
const MAX_ASKED = 3;

export class Room {
  #connection;
  #channel;
  #me;
  #tell;
  #presence = new Presence();
  #memory = new Memory();
  #unsent = new Set(); // ids
  #idle = () => {};
  #connected = false;
  #toAsk = 0;
  #outbox;

  /**
   * `tell(news)` gets what is worth a line: `{ kind: 'text' | 'recalled' | 'sent' | 'refused', name, text, time, id }`,
   * `{ kind: 'joined' | 'here' | 'left', name }` and `{ kind: 'renamed', from, name }`.
   */
  constructor({ connection, room, name, tell }) {
    this.#connection = connection;
    this.#channel = roomChannel(room);
    this.#me = { from: newId(), name };
    this.#tell = tell;
    connection.farewell = [this.#channel, { kind: 'leave', ...this.#me }];
    connection.onEvent = ({ channel, data }) => this.channels.includes(channel) && this.#receive(data);
    connection.onState = (state, news) => this.#onState(state, news);
    this.#outbox = new Outbox({
      send: async (message) => outcome((await connection.send(this.#channel, [message], [message.id]))[0]),
      changed: (message, state) => this.#settled(message, state),
      store: { load: () => [], save() {} }, // who ends the command knows what is not sent
    });
  }

  /** The room's, and ours alone, where those who are here answer. */
  get channels() {
    return [this.#channel, this.#privately(this.#me.from)];
  }

  /** The names of everybody else. */
  get people() {
    return this.#presence.people().map(({ name }) => name);
  }

  get name() {
    return this.#me.name;
  }

  /** The connection is there for the first time. */
  enter() {
    this.#arrive(true);
    setInterval(() => this.#announce('here'), REFRESH);
    setInterval(() => this.#sweep(), 1_000);
  }

  write(text) {
    const message = { kind: 'text', ...this.#me, id: newId(), text, time: Date.now() };
    this.#unsent.add(message.id);
    this.#outbox.add(message);
  }

  rename(name) {
    this.#me.name = name;
    this.#connection.farewell[1].name = name;
    this.#announce('here');
  }

  /** Resolves when the server has answered for all that was written. */
  async settled() {
    if (this.#unsent.size > 0) await new Promise((resolve) => (this.#idle = resolve));
  }

  #settled(message, state) {
    if (state === 'pending') return;
    if (state === 'sent') this.#memory.remember(message);
    this.#tell({ ...message, kind: state === 'sent' ? 'sent' : 'refused' });
    this.#unsent.delete(message.id);
    if (this.#unsent.size === 0) this.#idle();
  }

  #announce(kind, to = this.#channel, more = {}) {
    if (this.#connected) this.#connection.send(to, [{ kind, ...this.#me, ...more }]);
  }

  #receive(data) {
    const now = Date.now();
    const message = read(data, now);
    if (message === null) return;
    if (message.from === null) this.#text(message);
    else if (message.from === this.#me.from) message.kind === 'text' && this.#outbox.arrived(message.id);
    else if (message.kind === 'leave') this.#presence.leave(message.from, now);
    else this.#receiveFrom(message, now);
  }

  #receiveFrom(message, now) {
    const known = this.#presence.people().some(({ id }) => id === message.from);
    const news = this.#presence.see(message, now);
    if (news?.arrived) this.#tell({ kind: 'joined', name: news.arrived });
    else if (news?.renamed) this.#tell({ kind: 'renamed', from: news.renamed[0], name: news.renamed[1] });
    else if (!known) this.#tell({ kind: 'here', name: message.name });
    if (message.kind === 'text') this.#text(message);
    else if (message.kind === 'join') this.#answer(message.from);
    else if (message.kind === 'here') this.#askOnce(message.from);
    else if (message.kind === 'ask') this.#announce('recall', this.#privately(message.from), { texts: this.#memory.latest() });
    else if (message.kind === 'recall') this.#recall(message.texts);
  }

  #text(message) {
    if (this.#memory.remember(message)) this.#tell(message);
  }

  #answer(newcomer) {
    const latest = Math.min(this.#presence.people().length * ANSWER_PER_PERSON, LATEST_ANSWER);
    setTimeout(() => this.#announce('here', this.#privately(newcomer)), Math.random() * latest);
  }

  /** After a join those who answer are asked, too, what was said before: the server keeps none of it. */
  #askOnce(person) {
    if (this.#toAsk === 0) return;
    this.#toAsk -= 1;
    this.#announce('ask', this.#privately(person));
  }

  #recall(texts) {
    for (const message of texts) {
      this.#outbox.arrived(message.id); // it was sent, although we were not told
      if (this.#memory.remember(message)) this.#tell({ ...message, kind: 'recalled' });
    }
  }

  #onState(state, { reason, anew }) {
    if (state === 'back') this.#arrive(anew);
    else {
      this.#connected = false;
      this.#outbox.close();
    }
    this.#tell({ kind: state, reason, anew });
  }

  #arrive(anew) {
    this.#connected = true;
    this.#presence.resume(Date.now());
    if (anew) {
      this.#toAsk = MAX_ASKED;
      this.#announce('join');
    }
    this.#outbox.open();
  }

  #sweep() {
    if (!this.#connected) return; // nobody can tell us that they are here
    for (const name of this.#presence.sweep(Date.now())) this.#tell({ kind: 'left', name });
  }

  #privately(person) {
    return `${this.#channel}/${person}`;
  }
}
