// The replay extension (docs/HISTORY.md) for cometd.js and for Faye: remembers how far each subscription was heard, and
// asks with the next subscribe for what came since. `data` stays as it was published; an event's number is in its
// `ext.replay`.
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
  #names = new Set();

  /**
   * `from`: what a name hears that was never heard before, `'new'`, `'all'` that is kept, or what came after a number.
   * `store`: where the numbers are kept, `{ load(), save(numbers) }`. `onMissed(name)` is told that what came since is
   * not all kept any more: that subscribe was refused, and the next one asks for all that is.
   */
  constructor({ from = 'new', store = kept(), onMissed = () => {} } = {}) {
    this.#from = FROM[from] ?? from;
    this.#store = store;
    this.#onMissed = onMissed;
    this.#heard = new Map(Object.entries(store.load() ?? {}));
  }

  /** Up to which number this name was heard, or undefined. */
  heard(name) {
    return this.#heard.get(name);
  }

  /** From now on this name hears what came after a number, or what `from` says. */
  forget(name, number) {
    if (number === undefined) this.#heard.delete(name);
    else this.#heard.set(name, number);
    this.#save();
  }

  // cometd.js takes what they return, Faye what they pass on.

  outgoing = (message, pass) => {
    const { channel, subscription } = message;
    if (channel === '/meta/handshake') message = withExt(message, { replay: 'ext' });
    if (channel === '/meta/subscribe') message = withExt(message, { replay: Object.fromEntries(names(subscription).map((name) => [name, this.#asked(name)])) });
    return pass ? pass(message) : message;
  };

  incoming = (message, pass) => {
    const { channel } = message;
    if (channel === '/meta/subscribe') this.#subscribed(message);
    else if (channel === '/meta/unsubscribe') for (const name of names(message.subscription)) this.#names.delete(name);
    else if (message.ext?.replay?.replayId !== undefined) this.#hears(channel, message.ext.replay.replayId);
    return pass ? pass(message) : message;
  };

  #asked(name) {
    return this.#heard.get(name) ?? this.#from;
  }

  #subscribed({ subscription, successful, error, ext }) {
    if (successful) {
      for (const name of names(subscription)) {
        this.#names.add(name);
        const cursor = ext?.replay?.[name];
        // Who hears nothing until it is gone hears the same again.
        if (cursor !== undefined && !this.#heard.has(name)) this.#heard.set(name, cursor);
      }
      return this.#save();
    }
    if (!error?.startsWith('400:') || !error.endsWith(':replay_id_not_kept')) return;
    const lost = names(subscription).filter((name) => error.split(':')[1].split(',')[0] === name && this.#heard.has(name));
    for (const name of lost) {
      this.#heard.set(name, FROM.all);
      this.#onMissed(name);
    }
    this.#save();
  }

  #hears(channel, number) {
    for (const name of this.#names) if (matches(name, channel)) this.#heard.set(name, number);
    this.#save();
  }

  #save() {
    this.#store.save(Object.fromEntries(this.#heard));
  }
}

/** In a browser's storage under this name; without one in memory. A browser may refuse it: then it is as in memory. */
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

const withExt = (message, ext) => ({ ...message, ext: { ...message.ext, ...ext } });

function matches(name, channel) {
  if (name.endsWith('/**')) return channel.startsWith(name.slice(0, -2));
  if (name.endsWith('/*')) return channel.startsWith(name.slice(0, -1)) && !channel.slice(name.length - 1).includes('/');
  return name === channel;
}
