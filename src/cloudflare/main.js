// The module that Cloudflare starts; the build puts it beside worker-build's index.js.
//
// The Worker is a plain object here. worker-build exports a class, of which the platform would make an instance for every
// request and keep it as long as a poll is held: 2.5 KB each.
import Worker from './index.js';

export { ChannelTree } from './index.js';

const { fetch } = Worker.prototype;

export default { fetch: (request, env, ctx) => fetch.call({ env, ctx }, request) };
