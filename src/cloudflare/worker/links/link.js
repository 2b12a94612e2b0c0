// One link: a WebSocket to a home's object, of the request that opened it.

/** How long somebody has to open the next link before somebody else is asked, ms. */
const OPEN_TIMEOUT = 2000;

/** How long the end of the link before may take, ms: one whose request has ended without notice never tells it. */
const END_TIMEOUT = 5000;

/** How much of what has come in advance is kept meanwhile, bytes. */
const EARLY = 4 << 20;

/** A WebSocket to a home's object, of the request that opened it. */
export class Link {
  since = Date.now();
  isBroken = false;
  #socket;
  #kicked = Promise.withResolvers();
  #isOld = false;
  #isRetired = false;
  #isOver = false;
  #ended = Promise.withResolvers();
  #before; // the link in whose place this one comes, until the object answers on this one
  #early = null; // what has come in advance of the link before
  #size = 0; // of that, bytes
  #next = null; // is told that all has been heard

  /** `hear` is told each frame that comes. `before` is the link in whose place this one comes. */
  constructor(socket, before, hear) {
    [this.#socket, this.#before] = [socket, before];
    socket.addEventListener('message', ({ data }) => {
      this.#takesOver();
      hear(data);
    });
    const end = () => {
      this.#takesOver();
      this.isBroken = !this.#isRetired;
      this.#isOver = true;
      this.#ended.resolve();
      this.kick();
      this.#tellNext();
    };
    socket.addEventListener('close', end);
    socket.addEventListener('error', end);
    if (before && !before.#hasToldAll) {
      this.#early = [];
      before.#next = () => this.#catchUp();
      setTimeout(before.#next, END_TIMEOUT);
    }
  }

  /**
   * Does this, of so many bytes, when all that came on the links before has been heard. Where that would be too much to
   * keep it gives up all that waits instead.
   */
  inOrder(work, bytes, giveUp) {
    if (!this.#early) return work();
    this.#early.push({ work, giveUp });
    this.#size += bytes;
    if (this.#size <= EARLY) return;
    for (const word of this.#forget()) word.giveUp();
  }

  get #hasToldAll() {
    return this.#isOver && !this.#early;
  }

  #catchUp() {
    const early = this.#forget();
    this.#early = null;
    for (const { work } of early) work();
    this.#tellNext();
  }

  #forget() {
    const early = this.#early ?? [];
    [this.#early, this.#size] = [[], 0];
    return early;
  }

  #tellNext() {
    if (this.#hasToldAll) this.#next?.();
  }

  /** There is something to do. */
  kick() {
    this.#kicked.resolve();
  }

  /** It is time for the next one. */
  grow() {
    if (this.#isOld) return;
    this.#isOld = true;
    this.kick();
  }

  /** The object answers on the next one: what comes on this one still counts. */
  retire() {
    this.#isRetired = true;
    this.#takesOver();
    this.kick();
  }

  /** Whatever the object sent on the link before, it sends no more there. */
  #takesOver() {
    const before = this.#before;
    this.#before = null;
    before?.retire();
  }

  /** Sends what is pending until the link ends, or the next one is there. `handOver` asks somebody to open that. */
  async run(pending, handOver) {
    let asked;
    // The object answers on the newest link that has spoken: one whose request ended while it opened stays silent.
    let greeting = ['[]'];
    while (!this.isBroken && !this.#isRetired) {
      try {
        for (const frame of [...greeting, ...pending.take()]) this.#socket.send(frame);
        greeting = [];
      } catch {
        this.isBroken = true; // nobody has said so yet
        break;
      }
      if (this.#isOld && !asked) {
        if (!handOver()) break;
        asked = setTimeout(() => {
          asked = undefined;
          this.kick();
        }, OPEN_TIMEOUT);
      }
      await this.#kicked.promise;
      this.#kicked = Promise.withResolvers();
    }
    clearTimeout(asked);
    if (this.isBroken) return;
    this.#isRetired = true;
    this.#socket.close(1000);
    await this.#ended.promise;
  }
}
