// bayeux trees: which trees of channels are in use.
import { API_OPTIONS } from '../usage.js';
export { operands } from './channels.js';

export const api = true;
export const usage = 'trees [URL]';
export const summary = 'lists the trees in use';
export const about = 'Lists the trees in use, the root first. Each tree has an object of its own; use its name as --tree of other commands.';

export const options = API_OPTIONS;

export const run = ({ api, output, query }) => output.rows(api.list('trees', query), { tree: ({ tree }) => tree });
