// Links: the polls and event streams of many clients wait here, in the Worker, and one WebSocket carries their messages
// to their home's object and back.
//
//   polls, streams ─▶ this isolate ══ link: frames of many requests, frames of many answers ══ the home's object
//
// A request's messages and a promise of its answer join its home's pending requests. The link's owner sends them, and
// resolves the promises when answers arrive. The runtime ties a WebSocket to the request that opened it: only that
// request may send on it, and it ends 30 s after its response (Workers, `ctx.waitUntil`). So a link is handed over
// before that: another request of this isolate opens the next under the same name. The object answers on the newest
// link of a name over which a frame has come, and says so there with an empty frame; only then is the one before
// closed, and nothing that was sent on it is lost. No poll is repeated. A link whose request still waits is handed over
// only while it is busy, for its CPU time is that request's: nothing wakes an object that sleeps.
//
// A frame is a JSON list; the first on a link is empty, in both directions. A client's messages are one string in it,
// so they cannot be mistaken for the frame's own elements.
//   to the object   [n, text, address, more]   a request: its body, its query or a stream's clientId; `more` where it
//                                              has more, or comes again
//                   [n]                        its client has left
//                   [n, true]                  a stream's client does not read; [n, false]: it has caught up
//                   []                         all that was asked for again has been said
//   to the Worker   [n, text]                  an answer, or a stream's last text;
//                                              [n, text, status, format, retry] where it is not an ordinary one
//                   [[n, …], text]             what these streams bring; the first one, though empty, begins them
//                   [n, home]                  its session is at home there: `home` is { home: name }
//                   []                         the object has slept: it asks for its requests again
import { EventStream, OPEN } from './event_stream.js';
import { HeldRequest } from './held_request.js';
import { Home } from './home.js';
import { Link } from './link.js';
import { PendingRequests } from './pending.js';
import { Routes } from './routes.js';

/**
 * How long a busy link is open before the next one is asked for, and any after its request is answered, ms: half of the
 * time that the request surely has then.
 */
const TENURE = 15_000;

/** How often a request that waits looks whether somebody has the link, ms. */
const PULSE = 20_000;

/** Where links are opened: clients reach no object by this path, as it is no home's (`Home::at_path`). */
const PATH = 'https://object/cometd/isolate/link/';

/**
 * With `auto`, this many requests of a home go to its object directly: a single client that polls and publishes costs
 * no more than without links.
 */
const CROWD = 2;

/** So many links of a home may break one after the other before its requests are told that it is out of reach. */
const BREAKS = 3;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const UNREACHABLE = '[{"successful":false,"error":"503::home_unreachable"}]';

/** What a request is told that is to open the next link. */
const OWN = { own: true };

/** What a request is told whose client has left. */
const GONE = { status: 499 };

/** An answer that a browser needs no more to know of. */
const PLAIN = { headers: { 'content-type': 'application/json;charset=UTF-8' } };

/** The links of this isolate. `edge` has the built Worker's functions. */
export class Links {
  #edge;
  #settings;
  #routes;
  #homes = new Map(); // by name

  constructor(edge) {
    this.#edge = edge;
  }

  /**
   * The promise of an answer over a link; none where the request must go to its object directly: then call `directly`.
   */
  answer(request, env, ctx) {
    this.#settings ??= JSON.parse(this.#edge.linkSettings(env) ?? 'false');
    if (!this.#settings) return null;
    this.#routes ??= new Routes(this.#edge, this.#settings);
    const route = this.#routes.find(request, env);
    if (!route) return null;
    const home = this.#home(route.name);
    if (this.#settings.mode === 'auto' && !home.pending && home.held(this.#settings.wait) < CROWD) return null;
    return this.#wait(home, request, env, ctx, route);
  }

  /** Takes note of a request that goes to its object directly. */
  directly(request, env, answer) {
    if (this.#settings?.mode !== 'auto' || typeof answer?.then !== 'function') return answer;
    const route = this.#routes.find(request, env);
    if (!route) return answer;
    const home = this.#home(route.name);
    const since = { at: Date.now() };
    home.direct.add(since);
    const ended = () => {
      home.direct.delete(since);
      this.#forget(home);
    };
    answer.then(ended, ended);
    return answer;
  }

  #home(name) {
    let home = this.#homes.get(name);
    if (!home) this.#homes.set(name, (home = new Home(name)));
    return home;
  }

  #forget(home) {
    if (home.direct.size === 0 && !home.pending) this.#homes.delete(home.name);
  }

  async #wait(home, request, env, ctx, route) {
    const isLimited = this.#settings.limited && request.headers.has('cf-connecting-ip');
    const refusal = isLimited && (await this.#edge.linkRefusal(request, env));
    if (refusal) {
      this.#forget(home);
      return refusal;
    }
    if (route.kind === 'stream') return this.#listen(home, request, env, ctx, route);
    const more = this.#settings.plain ? null : JSON.parse(this.#edge.linkContext(request, env));
    const cookie = more?.cookie;
    if (more) delete more.cookie;
    const { kind } = route;
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
    const held = new HeldRequest(request, text, withKind(more, kind, request));
    const pulse = this.#hold(home, held, request, env, ctx, PULSE);
    const said = await this.#told(home, held, env, ctx);
    clearInterval(pulse);
    this.#isDone(held);
    if (said.home) return this.#edge.linkForward(env, said.home, request, kind === 'query' ? undefined : text);
    const { status, text: answer = UNREACHABLE, format } = said;
    const isPlain = status === 200 && !format && !cookie && kind === 'body' && !request.headers.has('origin');
    return isPlain ? new Response(answer, PLAIN) : this.#edge.linkAnswer(request, env, cookie, status, format ?? 0, answer);
  }

  /** The response to a request for an event stream, when that has begun. */
  async #listen(home, request, env, ctx, { client, browser }) {
    const settings = this.#settings.stream;
    const stream = new EventStream(request, client, { stream: true, browser }, settings, () => this.#leave(stream));
    const pulse = this.#hold(home, stream, request, env, ctx, settings.every);
    const over = () => {
      clearInterval(pulse);
      this.#isDone(stream);
    };
    const said = await this.#told(home, stream, env, ctx);
    if (said === OPEN) {
      stream.listen();
      this.#told(home, stream, env, ctx).then(over);
      return this.#edge.linkStreamResponse(request, env, stream.body);
    }
    over();
    if (said.home) return this.#edge.linkForward(env, said.home, request);
    const { status, text = UNREACHABLE, retry } = said;
    return this.#edge.linkAnswer(request, env, undefined, status, 0, text, retry);
  }

  /** Asks the object. The timer of the request: the runtime ends one that has no pending I/O of its own. */
  #hold(home, held, request, env, ctx, every) {
    this.#ask(home, held, env, ctx);
    const until = Date.now() + this.#settings.wait;
    request.signal.onabort = () => this.#leave(held);
    return setInterval(() => {
      if (held.beat(until)) {
        held.pending?.leave(held);
        held.end({ status: 503 });
      } else if (home.pending?.isLost()) {
        this.#begin(home, home.pending);
        if (home.pending) this.#open(home, held, env, ctx);
      }
    }, every);
  }

  /** What a request is told next. It opens a link meanwhile if it is asked to. */
  async #told(home, held, env, ctx) {
    for (;;) {
      const said = await held.told;
      if (said !== OWN) return said;
      held.listen();
      ctx.waitUntil(this.#own(home, held, env));
    }
  }

  /** The client has left. */
  #leave(held) {
    held.pending?.leave(held);
    held.end(GONE);
  }

  /** A request is over: its link may last a little longer. */
  #isDone({ link }) {
    if (link) setTimeout(() => link.grow(), TENURE);
  }

  #ask(home, held, env, ctx) {
    if (home.pending?.isLost()) this.#begin(home, home.pending);
    home.pending ??= new PendingRequests();
    home.pending.add(held);
    if (home.pending.link) home.pending.link.kick();
    else if (!home.pending.opening) this.#open(home, held, env, ctx);
  }

  #open(home, held, env, ctx) {
    home.pending.opening = Date.now();
    ctx.waitUntil(this.#own(home, held, env));
  }

  /** Opens a link, and has it until the next one is open. To be called by a request that is alive, and waited for. */
  async #own(home, held, env) {
    const { pending } = home;
    if (!pending) return;
    pending.opening = Date.now();
    let link;
    try {
      const { webSocket } = await this.#edge.linkObject(env, home.name).fetch(PATH + pending.name, { headers: { Upgrade: 'websocket' } });
      webSocket.accept();
      link = new Link(webSocket, pending.link, (data) => {
        home.breaks = 0;
        if (link.since + TENURE < Date.now()) link.grow();
        pending.hear(link, data);
      });
    } catch {
      return this.#fail(home, pending);
    }
    [pending.link, pending.opening] = [link, 0];
    held.link = link;
    if (held.pending.waiting.get(held.number) !== held) this.#isDone(held); // it is over already
    await link.run(pending, () => this.#handOver(home, pending, link));
    if (held.link === link) held.link = null;
    if (pending.link !== link) return;
    pending.link = null;
    // The link broke: waiting requests are repeated on another link, under another name.
    if (link.isBroken) this.#break(home, pending);
  }

  #closePending(home) {
    home.pending = null;
    this.#forget(home);
  }

  /** Has a request that waits open the next link. Whether there was one, or the next one is open. */
  #handOver(home, pending, link) {
    if (home.pending !== pending) return false;
    if (pending.link !== link) return true;
    const heir = pending.heir();
    if (heir) heir.tell(OWN);
    // Nobody waits: whoever comes while this link is being closed opens another.
    else this.#closePending(home);
    return heir !== undefined;
  }

  /** The object cannot be reached: nobody is left without an answer. */
  #fail(home, pending) {
    pending.opening = 0;
    if (pending.link && !pending.isLost()) return; // another request will open the next one
    if (home.pending === pending) home.pending = null;
    for (const held of pending.close()) held.end({ status: 503 });
    this.#forget(home);
  }

  #break(home, pending) {
    if (home.pending !== pending) return;
    home.breaks += 1;
    // An object that closes link after link is not asked again.
    if (home.breaks > BREAKS) return this.#fail(home, pending);
    this.#begin(home, pending);
    const heir = home.pending?.heir();
    if (heir) {
      home.pending.opening = Date.now();
      heir.tell(OWN);
    } else this.#forget(home);
  }

  /**
   * Begins anew with the waiting requests, under another name. Only connects are repeated: other messages may have
   * been processed already.
   */
  #begin(home, old) {
    const left = old.close();
    home.pending = new PendingRequests();
    for (const held of left) {
      if (held.sent && !held.isRepeatable()) held.end({ status: 503 });
      else home.pending.add(held.before());
    }
    if (home.pending.waiting.size === 0) home.pending = null;
  }
}

/** What the object must know besides: how the messages are written. */
function withKind(more, kind, request) {
  if (kind === 'query') return { ...more, query: true };
  const type = request.headers.get('content-type');
  return type === null || type === 'application/json' ? more : { ...more, type };
}
