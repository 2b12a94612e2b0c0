// What was published, its outcome, and who received it.

/**
 * How much later than an event that came after it a break may be noticed, by a client whose answers overtake each
 * other: no connection is stalled for longer.
 */
const SLACK = 2000; // ms

export class Ledger {
  /** By publisher: its publishes, from number 1 on. */
  #publishes = new Map();
  #subscribers = [];
  #problems = [];
  /** When there was no server, from the kill to the next start; the last one may not be over. */
  #gaps = [];
  #forgets;
  counts = { sure: 0, maybe: 0, refused: 0, panics: 0, received: 0, skipped: 0 };

  /** `forgets`: for how many ms an event that waits may still be lost by a crash, for whom may miss some. */
  constructor({ forgets = 0 } = {}) {
    this.#forgets = forgets;
  }

  /**
   * Takes note of a subscriber, who hears all `publishers`. `hearsAll`: nothing that was answered may be missing.
   * `ordered`: it has one way to hear, and not answers to several requests that overtake each other.
   */
  subscriber({ name, publishers, hearsAll, ordered }) {
    const received = new Map(publishers.map((publisher) => [publisher, []]));
    const subscriber = { name, publishers, hearsAll, ordered, received, breaks: [] };
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
    const events = received.get(from);
    if (!events) return this.problem(`${name} got what ${from} published elsewhere`);
    const last = events.at(-1)?.n ?? 0;
    if (events.some((event) => event.n === n)) this.problem(`${name} got number ${n} of ${from} twice, the second time after ${last}`);
    else if (ordered && n < last) this.problem(`${name} got number ${n} of ${from} after ${last}`);
    events.push({ n, at: Date.now() });
  }

  /** The server is gone: nothing can be on its way any more. */
  killed() {
    this.#gaps.push({ from: Date.now(), until: Infinity });
  }

  started() {
    this.#gaps.at(-1).until = Date.now();
  }

  /** A request of a subscriber's, sent at `since`, had no answer. */
  broke({ breaks }, since) {
    const at = Date.now();
    const nobodyThere = this.#gaps.some(({ from, until }) => from <= since && at <= until);
    if (!nobodyThere) breaks.push({ at, until: this.#gaps.find(({ from }) => since <= from)?.from ?? Infinity });
  }

  /** A connect was answered: the server knows by now that those before it broke. */
  connected({ breaks }) {
    for (const broken of breaks.filter(({ until }) => until === Infinity)) {
      const killed = this.#gaps.find(({ from }) => broken.at <= from)?.from ?? Infinity;
      broken.until = Math.min(killed, Date.now());
    }
  }

  problem(text) {
    this.#problems.push(text);
  }

  /** Who has not got what was answered as successful, without an excuse. */
  missing() {
    return this.#missing(({ subscriber, published }) => subscriber.hearsAll || !this.#isExcused(subscriber, published)).map(
      ({ subscriber, published }) => `${subscriber.name} did not get number ${published.number} of ${published.publisher}`,
    );
  }

  /**
   * For clients that neither acknowledge nor replay: the number of their events, and how many of these were in flight
   * when a connection broke.
   */
  get unacknowledged() {
    const careless = this.#subscribers.filter(({ hearsAll }) => !hearsAll);
    const due = careless.flatMap(({ publishers }) => publishers.flatMap((publisher) => this.#sure(publisher))).length;
    return { due, lostOnTheirWay: this.#missing(({ subscriber }) => !subscriber.hearsAll).length };
  }

  /** Everything that should not have been. */
  problems() {
    return [...this.#problems, ...this.missing()];
  }

  #sure(publisher) {
    const publishes = this.#publishes.get(publisher) ?? [];
    return publishes.flatMap((publish, number) => (publish.answer === 'sure' ? [{ publisher, number, ...publish }] : []));
  }

  #missing(matters) {
    return this.#subscribers.flatMap((subscriber) =>
      subscriber.publishers.flatMap((publisher) => {
        const got = new Set(subscriber.received.get(publisher).map(({ n }) => n));
        const missing = this.#sure(publisher).filter(({ number }) => !got.has(number));
        return missing.map((published) => ({ subscriber, published })).filter(matters);
      }),
    );
  }

  /**
   * Whether an event can have been on its way to a client when a connection broke: not if it was sent after the server
   * knew of that. And as the events of a publisher leave in order, what came of them before the event came before the
   * break, and what came of them after it came after the break.
   */
  #isExcused({ received, ordered, breaks }, { publisher, number, sentAt, answeredAt }) {
    const slack = ordered ? 0 : SLACK;
    const events = received.get(publisher);
    const before = Math.max(...events.filter(({ n }) => n < number).map(({ at }) => at)) - slack;
    const after = Math.min(...events.filter(({ n }) => n > number).map(({ at }) => at)) + slack;
    const onItsWay = ({ at, until }) => before <= at && at <= after && sentAt <= until;
    const forgotten = ({ from }) => sentAt <= from && from <= answeredAt + this.#forgets;
    return breaks.some(onItsWay) || (this.#forgets > 0 && this.#gaps.some(forgotten));
  }
}
