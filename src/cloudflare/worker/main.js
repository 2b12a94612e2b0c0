// The Worker's entry module; the build puts it beside worker-build's index.js.
//
// The Worker is a plain object here. worker-build exports a class, of which the platform would keep an instance for
// every held poll: 2.5 KB each. Its prototype has all functions that the build exports.
import Worker from './index.js';
import { Links } from './links/links.js';

export { ChannelTree } from './index.js';

const { fetch } = Worker.prototype;
const links = new Links(Worker.prototype);

export default {
  fetch: (request, env, ctx) =>
    links.answer(request, env, ctx) ?? links.directly(request, env, fetch.call({ env, ctx }, request)),
};
