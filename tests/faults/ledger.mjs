// What was published, what became of it, and who got it.

/** A busy object gathers events for half a second before it sends them; twice that, and a busy machine. */
const SLACK = 2000; // ms

export class Ledger {
  /** By publisher: its publishes, from number 1 on. */
  #publishes = new Map();
  #subscribers = [];
  #problems = [];
  counts = { sure: 0, maybe: 0, refused: 0, panics: 0, received: 0 };

  /**
   * Takes note of a subscriber, who hears all `publishers`. `acknowledges`: nothing that was answered may be missing.
   * `ordered`: it has one way to hear, and not answers to several requests that overtake each other.
   */
  subscriber({ name, publishers, acknowledges, ordered }) {
    const received = new Map(publishers.map((publisher) => [publisher, []]));
    const subscriber = { name, publishers, acknowledges, ordered, received, heardAt: Date.now(), brokeAt: null, breaks: [] };
    this.#subscribers.push(subscriber);
    return subscriber;
  }

  /** A publish is sent. Until it is answered, it may have happened. */
  publishes(publisher, number) {
    const publish = { answer: 'maybe', sentAt: Date.now(), answeredAt: Infinity };
    if (!this.#publishes.has(publisher)) this.#publishes.set(publisher, []);
    this.#publishes.get(publisher)[number] = publish;
    this.counts.maybe += 1;
    return publish;
  }

  answered(publish, successful, error) {
    publish.answer = successful ? 'sure' : 'refused';
    publish.answeredAt = Date.now();
    this.counts.maybe -= 1;
    this.counts[publish.answer] += 1;
    if (!successful) this.problem(`a publish was refused: ${error}`);
  }

  received({ name, ordered, received }, { from, n }) {
    this.counts.received += 1;
    const numbers = received.get(from);
    if (!numbers) return this.problem(`${name} got what ${from} published elsewhere`);
    const last = numbers.at(-1) ?? 0;
    if (numbers.includes(n)) this.problem(`${name} got number ${n} of ${from} twice, the second time after ${last}`);
    else if (ordered && n < last) this.problem(`${name} got number ${n} of ${from} after ${last}`);
    numbers.push(n);
  }

  /** Something came. What was on its way before, and broke off, is what lies between this and what came last. */
  hears(subscriber) {
    if (subscriber.brokeAt !== null) subscriber.breaks.push({ from: subscriber.brokeAt, until: Date.now() });
    subscriber.brokeAt = null;
    subscriber.heardAt = Date.now();
  }

  /** Its connect had no answer. */
  broke(subscriber) {
    subscriber.brokeAt ??= subscriber.heardAt;
  }

  problem(text) {
    this.#problems.push(text);
  }

  /**
   * Who has not got what was answered as successful. For those who acknowledge there is no excuse; others may have lost what was
   * on its way to them when their connection broke.
   */
  missing() {
    const missing = [];
    for (const subscriber of this.#subscribers)
      for (const publisher of subscriber.publishers) {
        const got = new Set(subscriber.received.get(publisher));
        for (const [number, publish] of (this.#publishes.get(publisher) ?? []).entries())
          if (publish?.answer === 'sure' && !got.has(number) && (subscriber.acknowledges || !excused(subscriber, publish)))
            missing.push(`${subscriber.name} did not get number ${number} of ${publisher}`);
      }
    return missing;
  }

  /** Everything that should not have been. */
  problems() {
    return [...this.#problems, ...this.missing()];
  }
}

const excused = ({ breaks }, { sentAt, answeredAt }) => breaks.some(({ from, until }) => from <= answeredAt + SLACK && sentAt <= until + SLACK);
