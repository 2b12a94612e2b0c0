// The replay extension (docs/HISTORY.md) for cometd.js and for Faye. It remembers the last event of each subscription,
// and asks for later events with the next subscribe. After a connect without a reply the next connect also names the
// numbers, because the lost reply may have had events. `data` stays as published; `ext.replay` has an event's number.
//
//     const replay = new Replay({ from: 'all', store: kept(localStorage, 'heard'), onMissed: (name) => … });
//     cometd.registerExtension('replay', replay);   // cometd.js: subscribe after each handshake, as always
//     client.addExtension(replay);                  // Faye: it subscribes again by itself

const FROM = { new: -1, all: -2 };

export class Replay {
  #from;
  #store;
  #onMissed;
  #heard;
  /** Subscriptions and their state: 'nothing' from the server yet, 'from' (it has a cursor), or 'no numbers'. */
  #names = new Map();
  #connecting = false;
  #lost = false;

  /**
   * `from`: the start of a new subscription: `'new'` events, `'all'` kept events, or the events after a number.
   * `store`: where the numbers are kept, `{ load(), save(numbers) }`. `onMissed(name)` is called when some later events
   * are no longer kept: the server refused that subscribe, and the next subscribe, or connect, asks for all kept
   * events.
   */
  constructor({ from = 'new', store = kept(), onMissed = () => {} } = {}) {
    this.#from = FROM[from] ?? from;
    this.#store = store;
    this.#onMissed = onMissed;
    this.#heard = new Map(Object.entries(store.load() ?? {}));
  }

  /** The number of the last event on this name, or undefined. */
  heard(name) {
    return this.#heard.get(name);
  }

  /** From now on this name gets the events after a number, or what `from` says. */
  forget(name, number) {
    if (number === undefined) this.#heard.delete(name);
    else this.#heard.set(name, number);
    this.#save();
  }

  /** Faye passes its client to the extension. It resends a lost message unchanged, without calling extensions. */
  added = (client) => client.on?.('transport:down', () => (this.#lost = true));

  // cometd.js uses the return value, Faye the callback's argument. An event that was already received is not passed on.

  outgoing = (message, pass) => {
    const { channel, subscription } = message;
    if (channel === '/meta/handshake') {
      this.#names.clear();
      this.#connecting = this.#lost = false;
      message = withExt(message, { replay: 'ext' });
    } else if (channel === '/meta/subscribe') message = withExt(message, { replay: this.#subscribes(names(subscription)) });
    else if (channel === '/meta/connect') message = this.#connects(message);
    return pass ? pass(message) : message;
  };

  incoming = (message, pass) => {
    const { channel, successful } = message;
    const number = message.ext?.replay?.replayId;
    if (channel === '/meta/subscribe') this.#subscribed(message);
    else if (channel === '/meta/unsubscribe') for (const name of names(message.subscription)) this.#names.delete(name);
    else if (channel === '/meta/connect') this.#connected(message);
    else if (successful === undefined && number !== undefined && !this.#hears(channel, number)) message = null;
    return pass ? pass(message) : message;
  };

  #subscribes(names) {
    for (const name of names) if (!this.#names.has(name)) this.#names.set(name, 'nothing');
    return lazily(() => Object.fromEntries(names.map((name) => [name, this.#heard.get(name) ?? this.#from])));
  }

  #subscribed({ subscription, successful, error, ext }) {
    if (!successful) return this.#refused(error, names(subscription));
    for (const name of names(subscription)) {
      const cursor = ext?.replay?.[name];
      this.#names.set(name, cursor === undefined ? 'no numbers' : 'from');
      // Without a cursor it is a pattern without replay: it spans trees, and each tree has its own numbers.
      if (cursor === undefined) this.#heard.delete(name);
      // A client that receives nothing before its session ends asks for the same events again.
      else if (!(this.#heard.get(name) >= 0)) this.#heard.set(name, cursor);
    }
    this.#save();
  }

  #connects(message) {
    this.#lost ||= this.#connecting;
    this.#connecting = true;
    return withExt(message, { replay: lazily(() => (this.#lost ? this.#cursors() : undefined)) });
  }

  #connected({ successful, error }) {
    this.#connecting = false;
    if (successful) this.#lost = false;
    else this.#refused(error, [...this.#names.keys()]);
  }

  /** The last number of each subscription; -1 for a subscription without kept events. */
  #cursors() {
    const numbers = [...this.#names.keys()].map((name) => [name, this.#heard.get(name)]);
    return Object.fromEntries(numbers.filter(([, number]) => number !== undefined && number !== FROM.new));
  }

  #refused(error, names) {
    const [, named, reason] = error?.split(':') ?? [];
    const name = names.find((name) => named?.split(',')[0] === name && this.#heard.has(name));
    if (name === undefined) return;
    if (reason === 'replay_spans_trees') this.#heard.delete(name);
    if (reason === 'replay_id_not_kept') {
      this.#heard.set(name, FROM.all);
      this.#onMissed(name);
    }
    this.#save();
  }

  /** Whether it is new to one of the subscriptions. */
  #hears(channel, number) {
    const matching = [...this.#names].filter(([name]) => matches(name, channel));
    const fresh = matching.filter(([name, told]) => told !== 'from' || !(this.#heard.get(name) >= number));
    for (const [name, told] of fresh) if (told !== 'no numbers') this.#heard.set(name, Math.max(number, this.#heard.get(name) ?? 0));
    if (fresh.length > 0) this.#save();
    return fresh.length > 0 || matching.length === 0;
  }

  #save() {
    this.#store.save(Object.fromEntries(this.#heard));
  }
}

/** Keeps numbers in a browser's storage under this name. Without a storage, or if the browser refuses it, in memory. */
export function kept(storage, name = 'bayeux-replay') {
  if (!storage) return { load: () => ({}), save() {} };
  return {
    load() {
      try {
        return JSON.parse(storage.getItem(name)) ?? {};
      } catch {
        return {};
      }
    },
    save(numbers) {
      try {
        storage.setItem(name, JSON.stringify(numbers));
      } catch {
        // see above
      }
    },
  };
}

const names = (subscription) => (Array.isArray(subscription) ? subscription : [subscription]).filter((name) => typeof name === 'string');

/** A field that is read each time the message is sent, which may be more than once. */
const lazily = (toJSON) => ({ toJSON });

const withExt = (message, ext) => ({ ...message, ext: { ...message.ext, ...ext } });

function matches(name, channel) {
  if (name.endsWith('/**')) return channel.startsWith(name.slice(0, -2));
  if (name.endsWith('/*')) return channel.startsWith(name.slice(0, -1)) && !channel.slice(name.length - 1).includes('/');
  return name === channel;
}
