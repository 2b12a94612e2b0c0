// A room of the chat, like on its page (public/js/chat): this person, the others, and their messages.
import { Memory } from '../public/js/chat/memory.js';
import { read } from '../public/js/chat/messages.js';
import { Outbox } from '../public/js/chat/outbox.js';
import { People } from '../public/js/chat/people.js';
import { NAME_SERVICE, presenceChannel, roomChannel } from '../public/js/chat/rooms.js';
import { newId } from '../public/js/ids.js';
import { outcome } from './connection.js';

export class Room {
  #connection;
  #channel;
  #me;
  #tell;
  #people;
  #memory = new Memory();
  #unsent = new Set(); // ids
  #idle = () => {};
  #connected = false;
  #entered = Date.now();
  #outbox;

  /**
   * `tell(news)` gets each event to print: `{ kind: 'text' | 'recalled' | 'sent' | 'refused', name, text, time, id }`,
   * `{ kind: 'joined' | 'here' | 'left', name }` and `{ kind: 'renamed', from, name }`.
   */
  constructor({ connection, room, name, tell }) {
    this.#connection = connection;
    this.#channel = roomChannel(room);
    this.#me = { from: newId(), name };
    this.#people = new People(this.#me.from);
    this.#tell = tell;
    connection.greeting = [NAME_SERVICE, this.#me];
    connection.onEvent = (message) => this.#onEvent(message);
    connection.onState = (state, news) => this.#onState(state, news);
    this.#outbox = new Outbox({
      send: async (message) => outcome((await connection.send(this.#channel, [message], [message.id]))[0]),
      changed: (message, state) => this.#settled(message, state),
      store: { load: () => [], save() {} }, // a user who ends the command knows what is unsent
    });
  }

  /** The room's channel, and its presence channel. */
  get channels() {
    return [this.#channel, presenceChannel(this.#channel)];
  }

  /** The names of everybody else. */
  get people() {
    return this.#people.but(this.#me.from).map(({ name }) => name);
  }

  get name() {
    return this.#me.name;
  }

  /** The first connection is open. */
  enter() {
    this.#arrive();
    setInterval(() => this.#sweep(), 1_000);
  }

  write(text) {
    const message = { kind: 'text', ...this.#me, id: newId(), text, time: Date.now() };
    this.#unsent.add(message.id);
    this.#outbox.add(message);
  }

  rename(name) {
    this.#me.name = name;
    if (this.#connected) this.#connection.send(NAME_SERVICE, [this.#me]);
  }

  /** Resolves when the server has answered all sent messages. */
  async settled() {
    if (this.#unsent.size > 0) await new Promise((resolve) => (this.#idle = resolve));
  }

  #settled(message, state) {
    if (state === 'pending') return;
    this.#tell({ ...message, kind: state === 'sent' ? 'sent' : 'refused' });
    this.#unsent.delete(message.id);
    if (this.#unsent.size === 0) this.#idle();
  }

  #onEvent({ channel, data, ext }) {
    if (channel === this.#channel) this.#text(read(data, Date.now(), ext?.replay));
    else if (channel === presenceChannel(this.#channel)) this.#told(data);
  }

  #told(data) {
    const before = new Set(this.people);
    const news = this.#people.told(data, Date.now());
    for (const { joined, renamed } of news) before.add(joined ?? renamed[1]);
    for (const { joined, renamed } of news) {
      if (joined) this.#tell({ kind: 'joined', name: joined });
      if (renamed) this.#tell({ kind: 'renamed', from: renamed[0], name: renamed[1] });
    }
    for (const name of this.people) if (!before.has(name)) this.#tell({ kind: 'here', name });
  }

  #text(message) {
    if (message === null) return;
    this.#outbox.arrived(message.id); // it was sent, although its reply was lost
    if (!this.#memory.remember(message) || message.from === this.#me.from) return;
    this.#tell({ ...message, kind: message.time < this.#entered ? 'recalled' : 'text' });
  }

  #onState(state, news) {
    if (state === 'back') this.#arrive();
    else if (state === 'lost') {
      this.#connected = false;
      this.#outbox.close();
    }
    this.#tell({ kind: state, ...news });
  }

  #arrive() {
    this.#connected = true;
    this.#outbox.open();
  }

  #sweep() {
    if (!this.#connected) return; // without a connection we cannot learn that they are back
    for (const name of this.#people.sweep(Date.now())) this.#tell({ kind: 'left', name });
  }
}
