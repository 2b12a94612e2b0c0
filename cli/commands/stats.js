// bayeux stats: the figures of a home.
import { API_OPTIONS, TREE } from '../usage.js';
export { operands } from './channels.js';

export const api = true;
export const usage = 'stats [URL]';
export const summary = 'shows what a home counts';
export const about = `Shows the figures of the server's home, or of one tree's with --tree: who is there, what waits, what was sent and
refused. Counters begin with the object's life, which is "since". docs/METRICS.md says what each one is.`;

export const options = { ...API_OPTIONS, ...TREE };

export const run = async ({ api, output, query }) => output.record(await api.call('GET', '/stats', query));
