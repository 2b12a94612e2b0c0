import type { DurableObject } from 'cloudflare:workers';

export * from './application.js';
export * from './channels.js';
export type * as contract from './contract.js';

export interface Options<Env> {
  /** Where the server is: `/cometd` without it. Trees and the server API are below it. */
  path?: string;
  /**
   * Answers the requests that are not the server's. Without it they are the static assets', if there is a binding
   * `ASSETS`, or 404.
   */
  fetch?: (request: Request, env: Env, ctx: ExecutionContext) => Response | Promise<Response>;
}

/**
 * The Worker: `export default bayeux()`. Options of the server are `vars` and secrets of the Worker.
 *
 *     const server = bayeux();
 *     export default {
 *       fetch(request, env, ctx) {
 *         return isMine(request) ? mine(request) : server.fetch(request, env, ctx);
 *       },
 *     };
 */
export declare function bayeux<Env = Cloudflare.Env>(options?: Options<Env>): {
  fetch(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
};

/**
 * The Durable Object in which clients have their sessions: bind it as `CHANNEL_TREE`, and export it from your Worker.
 * The type is that of a binding. The class itself is compiled from Rust: it answers requests by `fetch`, has no RPC,
 * and a class that extends it has to keep the constructor's `ctx` and `env` itself.
 */
export declare class ChannelTree extends DurableObject {}
