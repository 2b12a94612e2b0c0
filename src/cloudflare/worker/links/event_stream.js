// An event stream that this isolate holds: what its home sends over a link goes into the response.
//
// The runtime lets any request of the isolate write into a `ReadableStream` that another one responds with, as long as
// that one has a timer.
import { HeldRequest } from './held_request.js';

/** What a request is told whose stream has begun. */
export const OPEN = { open: true };

/**
 * Why a stream is broken off: like a lost connection, which may be opened again. The runtime reports any other reason
 * as an exception, and none as a response that hung.
 */
const BROKEN_OFF = Object.assign(new Error('The event stream was broken off.'), { retryable: true });

const UTF8 = new TextEncoder();

/** Bytes for any number of streams. */
export const encode = (text) => UTF8.encode(text);

/** An event stream. */
export class EventStream extends HeldRequest {
  body;
  #writer;
  #settings;
  #isOpen = false;
  #isFull = false;
  #isIdle = false;

  /** `left` is called when its client has left. */
  constructor(request, clientId, more, settings, left) {
    super(request, clientId, more);
    this.#settings = settings;
    const source = { start: (writer) => (this.#writer = writer), pull: () => this.#reads(), cancel: () => left(this) };
    this.body = new ReadableStream(source, new ByteLengthQueuingStrategy({ highWaterMark: settings.mark }));
  }

  /** Bytes that its home sends; the first ones, or none, begin the response. */
  write(bytes) {
    this.#begin();
    this.#put(bytes);
  }

  /** It is over: with its last text, or refused. */
  end(answer) {
    const { status, text } = answer;
    if (!this.#isOpen) return this.tell(answer);
    try {
      if (status !== 200) this.#writer.error(BROKEN_OFF);
      else {
        if (text) this.#writer.enqueue(encode(text));
        this.#writer.close();
      }
    } catch {
      // Its client has left.
    }
    this.tell(answer);
  }

  /** Keeps an idle stream open. */
  beat(until) {
    if (!this.#isOpen) return super.beat(until);
    if (this.#isIdle && !this.#isFull) this.#put(encode(this.#settings.beat));
    this.#isIdle = true;
    return false;
  }

  send() {
    this.#isFull = false; // its home does not know
    const [number, text, address, more] = super.send();
    return [number, text, address, this.#withOpen(more)];
  }

  sendAgain() {
    this.#isFull = false;
    const [number, text, address, more] = super.sendAgain();
    return [number, text, address, this.#withOpen(more)];
  }

  /** A session has one stream: another one in its place is the same. */
  isRepeatable() {
    return true;
  }

  #withOpen(more) {
    return this.#isOpen ? { ...more, open: true } : more;
  }

  #begin() {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.tell(OPEN);
    this.#put(encode(this.#settings.retry));
  }

  #put(bytes) {
    if (bytes.length === 0) return;
    this.#isIdle = false;
    try {
      this.#writer.enqueue(bytes);
    } catch {
      return; // its client has left
    }
    const room = this.#writer.desiredSize;
    if (room > 0) return;
    // Its home has gone on for too long, and the client reads nothing: it opens the next one.
    if (room + this.#settings.most < this.#settings.mark) return this.cut();
    if (this.#isFull) return;
    this.#isFull = true;
    this.pending.say([this.number, true]);
  }

  /** Breaks it off. */
  cut() {
    this.pending.leave(this);
    this.end({ status: 503 });
  }

  /** Its client has read what it was sent. */
  #reads() {
    if (!this.#isFull) return;
    this.#isFull = false;
    this.pending.say([this.number, false]);
  }
}
