// What one subscriber waits for. It outlives sessions: the client subscribes it again in each.

/** Messages that nobody has taken out yet. Beyond that the oldest go, and `dropped` counts them. */
const MAX_BUFFERED = 10_000;

export class Subscription {
  /** 'pending', 'subscribed' or 'ended'. */
  state = 'pending';
  dropped = 0;
  /** How often events were not kept long enough to be heard after a break. */
  gaps = 0;
  #listener;
  #leave;
  #buffer;
  #waiting = [];
  #error = null;
  #ready = Promise.withResolvers();

  constructor(pattern, { listener, signal }, leave) {
    this.pattern = pattern;
    this.#listener = listener;
    // Who has no listener means to loop, perhaps a moment later.
    this.#buffer = listener ? null : [];
    this.#leave = leave;
    this.#ready.promise.catch(() => {}); // whoever waits is told
    if (signal?.aborted) queueMicrotask(() => this.cancel());
    else signal?.addEventListener('abort', () => this.cancel(), { once: true });
  }

  /** Resolves when the server has taken it for the first time; rejects if it refuses. */
  get ready() {
    return this.#ready.promise;
  }

  /** Ends it: nothing is received any more, and a loop over it ends. */
  cancel() {
    if (this.state === 'ended') return;
    this.end(null);
    this.#leave(this);
  }

  async *[Symbol.asyncIterator]() {
    this.#buffer ??= [];
    try {
      for (;;) {
        if (this.#buffer.length > 0) yield this.#buffer.shift();
        else if (this.state === 'ended') break;
        else await new Promise((resolve) => this.#waiting.push(resolve));
      }
      if (this.#error) throw this.#error;
    } finally {
      this.cancel();
    }
  }

  confirm() {
    if (this.state === 'ended') return;
    this.state = 'subscribed';
    this.#ready.resolve();
  }

  miss() {
    this.gaps += 1;
  }

  receive(message) {
    if (this.state === 'ended') return;
    this.#listener?.(message);
    if (!this.#buffer) return;
    this.#buffer.push(message);
    if (this.#buffer.length > MAX_BUFFERED) {
      this.#buffer.shift();
      this.dropped += 1;
    }
    this.#wake();
  }

  end(error) {
    if (this.state === 'ended') return;
    this.state = 'ended';
    this.#error = error;
    this.#ready.reject(error ?? new Error(`${this.pattern}: cancelled`));
    this.#wake();
  }

  #wake() {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
