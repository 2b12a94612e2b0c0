// A pattern that somebody subscribes to: to the server it is one subscription, however many share it.

/** What the wire has for them. */
const WORDS = { new: -1, all: -2 };

export class Topic {
  /** 'unsent', 'sent' or 'subscribed'. */
  state = 'unsent';
  #ext;
  /** From where to hear: what was asked for, and then the number of the latest event. */
  #from;
  #asked;
  #cursor = null;
  #handle = null;
  #cometd = null;
  #attempt = 0;
  #subscriptions = new Set();

  constructor(pattern, { ext, replay }) {
    this.pattern = pattern;
    this.#ext = ext;
    this.#asked = replay === undefined ? undefined : (WORDS[replay] ?? replay);
    this.#from = this.#asked;
  }

  join(subscription) {
    this.#subscriptions.add(subscription);
    if (this.state === 'subscribed') subscription.confirm();
  }

  /** Whether that was the last one. */
  leave(subscription) {
    return this.#subscriptions.delete(subscription) && this.#subscriptions.size === 0;
  }

  /** Resolves with the reply, or with null where another session has come meanwhile. */
  subscribe(cometd) {
    this.state = 'sent';
    this.#cometd = cometd;
    const attempt = ++this.#attempt;
    return new Promise((resolve) => {
      const receive = (received) => {
        const message = this.#numbered(received);
        for (const subscription of this.#subscriptions) subscription.receive(message);
      };
      const answered = (reply) => {
        if (attempt !== this.#attempt) return resolve(null);
        if (reply.successful) this.#confirm(reply);
        else if (this.#lacks(reply)) {
          this.reset();
          return resolve(this.subscribe(cometd));
        }
        resolve(reply);
      };
      this.#handle = cometd.subscribe(this.pattern, receive, this.#props(), answered);
    });
  }

  /** The server does not know of it, or not any more. */
  reset() {
    this.state = 'unsent';
    this.#attempt += 1;
    // cometd.js would not send a subscribe to what it has a listener for.
    if (this.#handle) this.#cometd.removeListener(this.#handle);
    this.#handle = null;
  }

  unsubscribe(cometd) {
    const handle = this.#handle;
    this.#handle = null;
    this.#attempt += 1;
    if (handle && !cometd.isDisconnected()) cometd.unsubscribe(handle);
  }

  end(error) {
    this.reset();
    for (const subscription of this.#subscriptions) subscription.end(error);
    this.#subscriptions.clear();
  }

  #confirm(reply) {
    this.state = 'subscribed';
    this.#cursor = reply.ext?.replay?.[this.pattern] ?? this.#cursor;
    for (const subscription of this.#subscriptions) subscription.confirm();
  }

  #props() {
    const from = this.#cursor ?? this.#from;
    if (from === undefined) return this.#ext ? { ext: this.#ext } : {};
    return { ext: { ...this.#ext, replay: { [this.pattern]: from } } };
  }

  /** With its number as `cursor`, where the server keeps events (docs/HISTORY.md). */
  #numbered(message) {
    const number = message.ext?.replay?.replayId;
    if (!Number.isInteger(number)) return message;
    this.#cursor = number;
    return { ...message, cursor: number };
  }

  /**
   * Events since the last one that was heard are not all kept: then all that are, and somebody is told that some are
   * missing. Where there is no such thing either, as before the break.
   */
  #lacks({ error }) {
    if (!error?.startsWith('400:')) return false;
    if (this.#cursor === null) {
      if (this.#from === this.#asked) return false;
      this.#from = this.#asked;
      return true;
    }
    this.#cursor = null;
    this.#from = WORDS.all;
    for (const subscription of this.#subscriptions) subscription.miss();
    return true;
  }
}
