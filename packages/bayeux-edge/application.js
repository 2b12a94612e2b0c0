// An application in TypeScript or JavaScript: a class that answers the calls of docs/HOOKS.md. The server finds it in
// the exports of its own Worker, by the name `Application`. Bound as a service it is an ordinary hooks Worker.
import { WorkerEntrypoint } from 'cloudflare:workers';

const VERSION = 1;

export class BayeuxApplication extends WorkerEntrypoint {
  /** The server's calls, many in one request. Only the server can fetch this class: it has no public address. */
  async fetch(request) {
    const { version, home, calls } = await request.json();
    if (version !== VERSION) return new Response(`version ${VERSION}, please`, { status: 400 });
    const answers = await Promise.all(calls.map((call) => this.#answer(withData(home, call))));
    return Response.json({ answers, hooks: this.#hooks() });
  }

  /** The hooks that this application has: the server makes no other calls from now on. */
  #hooks() {
    const named = ['handshake', 'subscribe', 'publish'].filter((hook) => this[hook]);
    if (this.service || this.remote) named.push('service');
    if (this.on) named.push('event');
    return named;
  }

  /**
   * A failed call affects only its own message: `null` means no answer, and the server refuses a message without an
   * answer.
   */
  async #answer(call) {
    try {
      return await this.#ask(call);
    } catch (error) {
      console.error(`${call.hook} ${call.channel ?? call.event ?? ''}: ${error?.stack ?? error}`);
      return null;
    }
  }

  async #ask(call) {
    switch (call.hook) {
      case 'handshake':
      case 'subscribe':
      case 'publish':
        return this[call.hook] ? decision(call, await this[call.hook](call)) : { allow: true };
      case 'service':
        return this.#serve(call);
      case 'event':
        return actionsOf(await this.on?.(call));
      default:
        throw new Error(`the server asks for ${call.hook}, which this version does not know`);
    }
  }

  async #serve(call) {
    const name = call.channel.slice('/service/'.length);
    const { remote = {}, service: services = {} } = this;
    if (Object.hasOwn(remote, name)) return remoteAnswer(await remote[name].call(this, { ...call, name }));
    const handler = Object.hasOwn(services, name) ? services[name] : services['*'];
    if (typeof handler !== 'function') return { error: '404::service_unknown' };
    return serviceAnswer(await handler.call(this, { ...call, name }));
  }
}

/** The actions of an answer; the server performs them in this order. */
export class Actions {
  #replies = [];
  #result;
  #actions = [];

  /** Sends to the sender of a service's message only, on its channel. */
  reply(data) {
    this.#replies.push(data);
    return this;
  }

  /** The result of a remote call. */
  answer(data) {
    this.#result = data;
    return this;
  }

  publish(channel, data) {
    return this.#add({ do: 'publish', channel, data });
  }

  /** Sends to one session only. */
  push(client, channel, data) {
    return this.#add({ do: 'push', client, channel, data });
  }

  /** Sets an attribute of the sender's session. */
  setAttribute(name, value) {
    return this.#add({ do: 'set_attribute', name, value });
  }

  /** Ends a session; without an argument the sender's. */
  disconnect(client) {
    return this.#add(client === undefined ? { do: 'disconnect' } : { do: 'disconnect', client });
  }

  #add(action) {
    this.#actions.push(action);
    return this;
  }

  toJSON() {
    const result = this.#result === undefined ? {} : { result: this.#result };
    return { ...result, ...(this.#replies.length > 0 && { replies: this.#replies }), ...(this.#actions.length > 0 && { actions: this.#actions }) };
  }
}

class Decision extends Actions {
  #fields;

  constructor(fields) {
    super();
    this.#fields = fields;
  }

  toJSON() {
    return { ...this.#fields, ...super.toJSON() };
  }
}

/** The error that the sender gets instead of a service's reply or a remote call's result. */
class Failure {
  constructor(what) {
    this.what = what;
  }
}

export const allow = (change = {}) => new Decision({ ...change, allow: true });
export const deny = (error, more = {}) => new Decision({ ...more, allow: false, ...(error !== undefined && { error }) });
export const reply = (data) => new Actions().reply(data);
export const answer = (data) => new Actions().answer(data);
export const publish = (channel, data) => new Actions().publish(channel, data);
export const actions = () => new Actions();
export const fail = (what) => new Failure(what);

function decision({ hook }, verdict) {
  if (verdict === true || verdict === false) return { allow: verdict };
  if (verdict instanceof Decision) return verdict.toJSON();
  if (typeof verdict?.allow === 'boolean') return verdict;
  throw new Error(`${hook} must return true, false, allow() or deny(): it returned ${describe(verdict)}`);
}

/** Any value that the functions above did not make is a reply. */
function serviceAnswer(said) {
  if (said === undefined) return {};
  if (said instanceof Failure) return { error: said.what };
  if (said instanceof Decision) throw new Error('a service replies: fail() says why it does not');
  return said instanceof Actions ? said.toJSON() : { replies: [said] };
}

/** Any value that the functions above did not make is the result. */
function remoteAnswer(said) {
  if (said instanceof Failure) return { failure: said.what ?? null };
  if (said instanceof Decision) throw new Error('a remote call has a result: fail() says why it has none');
  return said instanceof Actions ? { result: null, ...said.toJSON() } : { result: said ?? null };
}

function actionsOf(said) {
  if (said === undefined) return {};
  if (said instanceof Actions) return said.toJSON();
  throw new Error(`what happens is answered with actions, or with nothing: not with ${describe(said)}`);
}

const describe = (value) => (value === null ? 'null' : Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : String(value));

/** Adds `data` and `ext`, which most applications use. */
const withData = (home, call) => ({ home, data: call.message?.data, ext: call.message?.ext, ...call });
