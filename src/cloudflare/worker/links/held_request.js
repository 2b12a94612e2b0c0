// A request that this isolate holds until its answer has come over a link.

/** A request that waits for its answer over a link. */
export class HeldRequest {
  pending; // the requests that it waits among
  number;
  sent = false;
  turns = 0; // how often it was asked to open a link
  link = null; // that it has
  #listening;
  #later; // told before it listens again

  constructor(request, text, more) {
    [this.text, this.more] = [text, more];
    this.address = request.headers.get('CF-Connecting-IP');
    this.listen();
  }

  /** Its answer, or that it is to open the next link. The answer may come before it has heard of the link. */
  tell(word) {
    const { resolve } = this.#listening;
    if (!resolve) this.#later = word;
    this.#listening.resolve = null;
    resolve?.(word);
  }

  /** Its answer has come. */
  end(answer) {
    this.tell(answer);
  }

  /** To be called at intervals: whether it has waited for too long. */
  beat(until) {
    return until <= Date.now();
  }

  /** What it is told. */
  get told() {
    return this.#listening.promise;
  }

  /** It listens again. */
  listen() {
    this.#listening = Promise.withResolvers();
    const later = this.#later;
    this.#later = undefined;
    if (later) this.tell(later);
  }

  /** It may have been held already. */
  before() {
    if (this.sent) this.more = { ...this.more, held: true };
    return this;
  }

  /** What the object is told. */
  send() {
    this.sent = true;
    return [this.number, this.text, this.address, this.more];
  }

  /** What an object is told that has slept. */
  sendAgain() {
    return [this.number, this.isRepeatable() ? this.text : null, this.address, { ...this.more, again: true, held: true }];
  }

  /** Whether it has one connect and nothing else: that may be said twice. */
  isRepeatable() {
    try {
      const messages = [JSON.parse(this.more?.query ? new URLSearchParams(this.text).get('message') : this.text)].flat();
      return messages.length === 1 && messages[0].channel === '/meta/connect';
    } catch {
      return false;
    }
  }
}
