// bayeux channels: the channels and patterns with subscribers.
import { WrongUsage } from '../failure.js';
import { API_OPTIONS, HOMES } from '../usage.js';

export const api = true;
export const usage = 'channels [URL]';
export const summary = 'lists the channels and patterns with subscribers';
export const about = `Lists the channels and patterns with subscribers, and the number of subscribers: at the server's home, at a tree's
home with --tree, at all homes with --all.`;

export const options = { ...API_OPTIONS, ...HOMES };

export function operands(more) {
  if (more.length > 0) throw new WrongUsage(`${more[0]} is one argument too many`);
  return [];
}

export const run = ({ api, output, query }) =>
  output.rows(api.list('channels', query), {
    channel: ({ channel }) => channel,
    tree: ({ tree }) => tree,
    subscribers: ({ subscribers }) => subscribers,
  });
