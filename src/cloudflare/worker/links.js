// Links: the polls of many clients wait here, in the Worker, and one WebSocket carries their messages to their home's
// object and back.
//
//   polls ─▶ this isolate ══ link: frames of many requests, frames of many answers ══ the home's object
//
// A request's messages and a promise of its answer go into its home's book. The link's owner sends what is in the book,
// and resolves the promises when answers arrive. The runtime ties a WebSocket to the request that opened it: only that
// request may send on it, and it ends 30 s after its response (Workers, `ctx.waitUntil`). So links are short-lived:
// before one ends, another request of this isolate opens the next under the same name. The object answers on the newest
// link of a name, and no poll is repeated.
//
// A frame is a JSON list. A client's messages are one string in it, so they cannot be mistaken for the frame's own
// elements.
//   to the object   [n, text, address, more]   a request: its body or query; `more` where it has more, or comes again
//                   [n]                        its client has left
//                   []                         all that was asked for again has been said
//   to the Worker   [n, text]                  an answer; [n, text, status, format] where it is not an ordinary one
//                   [n, home]                  its session is at home there: `home` is { home: name }
//                   []                         the object has slept: it asks for its requests again

/** How long a link is open before the next one is asked for, ms: half of the time that its request surely has. */
const TENURE = 15_000;

/** How long somebody has to open the next link before somebody else is asked, ms. */
const OPEN_TIMEOUT = 2000;

/**
 * How long queued messages may wait for the link's owner, ms: one that ended without notice sends nothing.
 */
const SILENCE = 5000;

/** How often a request that waits looks whether somebody has the link, ms. */
const PULSE = 20_000;

/** A link of this age is gone with its request, although nobody has said so, ms. */
const LOST = 30_000;

/** Where links are opened: clients reach no object by this path, as it is no home's (`Home::at_path`). */
const PATH = 'https://object/cometd/isolate/link/';

/**
 * With `auto`, this many requests of a home go to its object directly: a single client that polls and publishes costs
 * no more than without links.
 */
const CROWD = 2;

/** Characters of one frame, about: the object takes 32 MiB. */
const FRAME = 1 << 20;

/** So many links of a home may break one after the other before its requests are told that it is out of reach. */
const BREAKS = 3;

/** How many paths are kept with the home that they lead to. */
const PATHS = 1000;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const UNREACHABLE = '[{"successful":false,"error":"503::home_unreachable"}]';

/** What a request is told that is to open the next link. */
const OWN = { own: true };

/** An answer that a browser needs no more to know of. */
const PLAIN = { headers: { 'content-type': 'application/json;charset=UTF-8' } };

/** The links of this isolate. `edge` has the built Worker's functions. */
export class Links {
  #edge;
  #settings;
  #homes = new Map(); // by name
  #paths = new Map(); // a path's home, by path

  constructor(edge) {
    this.#edge = edge;
  }

  /**
   * The promise of an answer over a link; none where the request must go to its object directly: then call `directly`.
   */
  answer(request, env, ctx) {
    this.#settings ??= JSON.parse(this.#edge.linkSettings(env) ?? 'false');
    if (!this.#settings) return null;
    const kind = this.#kind(request, env);
    if (!kind) return null;
    const name = this.#nameOf(request, env);
    if (!name) return null;
    const home = this.#home(name);
    if (this.#settings.mode === 'auto' && !home.book && home.held(this.#settings.wait) < CROWD) return null;
    return this.#wait(home, request, env, ctx, kind);
  }

  /** Takes note of a request that goes to its object directly. */
  directly(request, env, answer) {
    if (this.#settings?.mode !== 'auto' || typeof answer?.then !== 'function' || !this.#kind(request, env)) return answer;
    const name = this.#nameOf(request, env);
    if (!name) return answer;
    const home = this.#home(name);
    const since = { at: Date.now() };
    home.direct.add(since);
    const ended = () => {
      home.direct.delete(since);
      this.#forget(home);
    };
    answer.then(ended, ended);
    return answer;
  }

  /** What carries messages: a body that tells its length, or a query. Anything else is for the object itself. */
  #kind(request, env) {
    const { method, headers, url } = request;
    if (method === 'POST') {
      const length = headers.get('content-length');
      return length !== null && Number(length) <= this.#settings.most && !headers.has('content-encoding') ? 'body' : null;
    }
    const isQuery = method === 'GET' && this.#settings.callback && url.includes('?') && !headers.has('upgrade') && !headers.get('accept')?.includes('event-stream') && this.#edge.linkCallback(request, env);
    return isQuery ? 'query' : null;
  }

  #nameOf(request, env) {
    if (!this.#settings.fixed) return this.#edge.linkHome(request, env);
    const { url } = request;
    const path = url.slice(url.indexOf('/', 8)).split(/[?#]/, 1)[0];
    let name = this.#paths.get(path);
    if (name === undefined) {
      name = this.#edge.linkHome(request, env);
      if (this.#paths.size === PATHS) this.#paths.clear();
      if (name) this.#paths.set(path, name);
    }
    return name;
  }

  #home(name) {
    let home = this.#homes.get(name);
    if (!home) this.#homes.set(name, (home = new Home(name)));
    return home;
  }

  #forget(home) {
    if (home.direct.size === 0 && !home.book) this.#homes.delete(home.name);
  }

  async #wait(home, request, env, ctx, kind) {
    const refusal = this.#settings.limited && (await this.#edge.linkRefusal(request, env));
    if (refusal) return refusal;
    const more = this.#settings.plain ? null : JSON.parse(this.#edge.linkOrigin(request, env));
    const cookie = more?.cookie;
    if (more) delete more.cookie;
    let text;
    if (kind === 'query') {
      text = request.url.split('#', 1)[0];
      text = text.slice(text.indexOf('?') + 1);
    } else {
      const { url, method, headers, signal } = request;
      let body;
      try {
        body = await request.arrayBuffer();
        text = UTF8.decode(body);
      } catch {
        if (!body) return new Response(null, { status: 400 }); // its client has left
        // Not UTF-8: the object answers with the error.
        return this.#edge.linkObject(env, home.name).fetch(new Request(url, { method, headers, body, signal }));
      }
    }
    const held = new Held(request, text, withKind(more, kind, request));
    this.#ask(home, held, env, ctx);
    const until = Date.now() + this.#settings.wait;
    // The runtime ends a request that has no pending I/O of its own.
    const pulse = setInterval(() => {
      if (until <= Date.now()) {
        this.#leave(held);
        held.tell({ status: 503 });
      } else if (home.book?.isLost()) {
        this.#begin(home, home.book);
        if (home.book) this.#open(home, env, ctx);
      }
    }, PULSE);
    request.signal.onabort = () => this.#leave(held);
    for (;;) {
      const said = await held.told;
      if (said === OWN) {
        held.listen();
        ctx.waitUntil(this.#own(home, env));
        continue;
      }
      clearInterval(pulse);
      if (said.home) return this.#edge.linkForward(env, said.home, request, kind === 'query' ? undefined : text);
      const { status, text: answer = UNREACHABLE, format } = said;
      const isPlain = status === 200 && !format && !cookie && kind === 'body' && !request.headers.has('origin');
      return isPlain ? new Response(answer, PLAIN) : this.#edge.linkAnswer(request, env, cookie, status, format ?? 0, answer);
    }
  }

  #ask(home, held, env, ctx) {
    if (home.book?.isLost()) this.#begin(home, home.book);
    home.book ??= new Book();
    home.book.add(held);
    if (home.book.link) home.book.link.kick();
    else if (!home.book.opening) this.#open(home, env, ctx);
  }

  #open(home, env, ctx) {
    home.book.opening = Date.now();
    ctx.waitUntil(this.#own(home, env));
  }

  #leave({ book, number, sent }) {
    if (!book?.waiting.delete(number)) return;
    if (sent) book.push([number]);
    else book.queue = book.queue.filter((entry) => entry.number !== number);
    book.link?.kick();
  }

  /** Opens a link, and has it until the next one is open. To be called by a request that is alive, and waited for. */
  async #own(home, env) {
    const { book } = home;
    if (!book) return;
    book.opening = Date.now();
    let link;
    try {
      const { webSocket } = await this.#edge.linkObject(env, home.name).fetch(PATH + book.name, { headers: { Upgrade: 'websocket' } });
      webSocket.accept();
      link = new Link(webSocket, (data) => this.#hear(home, book, data));
    } catch {
      return this.#fail(home, book);
    }
    const before = book.link;
    [book.link, book.opening] = [link, 0];
    before?.retire();
    const timer = setTimeout(() => link.grow(), TENURE);
    await link.run(book, () => this.#handOver(home, book, link));
    clearTimeout(timer);
    if (book.link !== link) return;
    book.link = null;
    // The link broke: waiting requests are repeated on another link, under another name. If none waits, it ended in
    // order.
    if (link.isBroken) this.#break(home, book);
    else if (home.book === book) {
      home.book = null;
      this.#forget(home);
    }
  }

  /** Has a request that waits open the next link. Whether there was one. */
  #handOver(home, book, link) {
    if (book.link !== link || home.book !== book) return false;
    const heir = book.heir();
    if (!heir) return false;
    heir.tell(OWN);
    return true;
  }

  /** The object cannot be reached: nobody is left without an answer. */
  #fail(home, book) {
    book.opening = 0;
    if (book.link && !book.isLost()) return; // another request will open the next one
    if (home.book === book) home.book = null;
    for (const held of book.close()) held.tell({ status: 503 });
    this.#forget(home);
  }

  #break(home, book) {
    if (home.book !== book) return;
    home.breaks += 1;
    // An object that closes link after link is not asked again.
    if (home.breaks > BREAKS) return this.#fail(home, book);
    this.#begin(home, book);
    const heir = home.book?.heir();
    if (heir) {
      home.book.opening = Date.now();
      heir.tell(OWN);
    } else this.#forget(home);
  }

  /**
   * A new book for the waiting requests. Only connects are repeated: other messages may have been processed already.
   */
  #begin(home, old) {
    const left = old.close();
    home.book = new Book();
    for (const held of left) {
      if (held.sent && !held.isConnect()) held.tell({ status: 503 });
      else home.book.add(held.before());
    }
    if (home.book.waiting.size === 0) home.book = null;
  }

  #hear(home, book, data) {
    home.breaks = 0;
    for (const [number, text, status = 200, format] of JSON.parse(data)) {
      if (number === undefined) {
        book.repeat();
        book.link?.kick();
        continue;
      }
      const held = book.waiting.get(number);
      if (!held) continue; // its client has left
      book.waiting.delete(number);
      held.tell(typeof text === 'object' ? text : { status, text, format });
    }
  }
}

/** A home's requests under way. */
class Home {
  book = null;
  breaks = 0; // links that broke since an answer came
  direct = new Set(); // requests that went to the object itself, oldest first

  constructor(name) {
    this.name = name;
  }

  /** How many the object itself holds. The end of one whose client has left may never be told. */
  held(wait) {
    const oldest = Date.now() - wait;
    for (const since of this.direct) {
      if (since.at >= oldest) break;
      this.direct.delete(since);
    }
    return this.direct.size;
  }
}

/** What waits for answers over links of one name. */
class Book {
  name = crypto.randomUUID();
  waiting = new Map(); // by number
  queue = []; // what has not been sent: requests, and other entries as they are
  link = null;
  opening = 0; // since when somebody opens a link
  #unsent = 0; // since when something waits to be sent
  #last = 0;

  add(held) {
    this.#last += 1;
    [held.book, held.number, held.sent] = [this, this.#last, false];
    this.waiting.set(held.number, held);
    this.push(held);
  }

  push(entry) {
    if (this.queue.length === 0) this.#unsent = Date.now();
    this.queue.push(entry);
  }

  /** It is over; who still waits. What comes for them after all is for nobody. */
  close() {
    const left = this.entries();
    this.waiting.clear();
    this.queue = [];
    this.link?.retire();
    return left;
  }

  entries() {
    return [...this.waiting.values()];
  }

  /** Whoever is likely to wait for longest. The next time it is another one. */
  heir() {
    const waiting = this.entries();
    const heir = waiting.findLast((held) => !held.wasAsked) ?? waiting.at(-1);
    if (heir) heir.wasAsked = true;
    return heir;
  }

  /** Whether nobody has its link any more, or opens one, although nobody has said so. */
  isLost() {
    const now = Date.now();
    if (!this.link) return this.opening > 0 && this.opening + SILENCE < now;
    return this.link.since + LOST < now || (this.queue.length > 0 && this.#unsent + SILENCE < now);
  }

  /**
   * Repeats the waiting requests for an object that has slept. It knows those that came after it woke, and whether
   * others may have been processed.
   */
  repeat() {
    for (const held of this.waiting.values()) if (held.sent) this.push([held.number, held.isConnect() ? held.text : null, held.address, { ...held.more, again: true, held: true }]);
    this.push([]);
  }

  /** Frames of what has not been sent yet. */
  take() {
    const frames = [];
    let entries = [];
    let length = 0;
    for (const entry of this.queue) {
      const text = JSON.stringify(entry instanceof Held ? entry.send() : entry);
      if (length + text.length > FRAME && entries.length > 0) {
        frames.push(`[${entries}]`);
        [entries, length] = [[], 0];
      }
      entries.push(text);
      length += text.length;
    }
    this.queue = [];
    if (entries.length > 0) frames.push(`[${entries}]`);
    return frames;
  }
}

/** A request that waits for its answer. */
class Held {
  book;
  number;
  sent = false;
  wasAsked = false;

  constructor(request, text, more) {
    [this.text, this.more] = [text, more];
    this.address = request.headers.get('CF-Connecting-IP');
    this.listen();
  }

  listen() {
    ({ promise: this.told, resolve: this.tell } = Promise.withResolvers());
  }

  /** It may have been held already. */
  before() {
    if (this.sent) this.more = { ...this.more, held: true };
    return this;
  }

  send() {
    this.sent = true;
    return [this.number, this.text, this.address, this.more];
  }

  /** Whether it has one connect and nothing else: that may be said twice. */
  isConnect() {
    try {
      const messages = [JSON.parse(this.more?.query ? new URLSearchParams(this.text).get('message') : this.text)].flat();
      return messages.length === 1 && messages[0].channel === '/meta/connect';
    } catch {
      return false;
    }
  }
}

/** A WebSocket to a home's object, of the request that opened it. */
class Link {
  since = Date.now();
  isBroken = false;
  #socket;
  #kicked = Promise.withResolvers();
  #isOld = false;
  #isRetired = false;
  #ended = Promise.withResolvers();

  /** `hear` is told each frame that comes. */
  constructor(socket, hear) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => hear(data));
    const end = () => {
      this.isBroken = !this.#isRetired;
      this.#ended.resolve();
      this.kick();
    };
    socket.addEventListener('close', end);
    socket.addEventListener('error', end);
  }

  /** There is something to do. */
  kick() {
    this.#kicked.resolve();
  }

  /** It is time for the next one. */
  grow() {
    this.#isOld = true;
    this.kick();
  }

  /** The next one is open: what comes on this one still counts. */
  retire() {
    this.#isRetired = true;
    this.kick();
  }

  /** Sends what is in the book until the link ends, or the next one is there. `handOver` asks somebody to open that. */
  async run(book, handOver) {
    let asked;
    while (!this.isBroken && !this.#isRetired) {
      try {
        for (const frame of book.take()) this.#socket.send(frame);
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

/** What the object must know besides: how the messages are written. */
function withKind(more, kind, request) {
  if (kind === 'query') return { ...more, query: true };
  const type = request.headers.get('content-type');
  return type === null || type === 'application/json' ? more : { ...more, type };
}
