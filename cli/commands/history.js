// bayeux history: what channels have kept, by the server API.
import { Api } from '../api.js';
import { Refused, WrongUsage } from '../failure.js';
import { readable, timeOfDay } from '../output.js';
import { channel, COUNT } from '../usage.js';

export const usage = 'history URL CHANNEL';
export const summary = 'prints the kept events of a channel';
export const about = `Prints the events that a channel keeps (HISTORY), the oldest first, or those of all channels of a pattern inside
one tree. It uses the server API and needs a key: BAYEUX_KEY. Without a key, use subscribe --since all.

With --json each line is the event, with its number in ext.replay.replayId`;

export const options = {
  key: { type: 'string', value: 'KEY', help: 'the key of the server API; better in the environment, as BAYEUX_KEY' },
  since: { type: 'string', value: 'N', parse: number, help: 'events after the event with this number' },
  count: { ...COUNT, help: 'the first N events' },
};

/** Of one page. */
const MOST = 1000;

export function operands([name, ...more]) {
  if (name === undefined) throw new WrongUsage('the channel is missing');
  if (more.length > 0) throw new WrongUsage('a CHANNEL is one argument');
  return [channel(name, { wildcards: true })];
}

export async function run({ url, output, patience, options, operands: [name] }) {
  const { key, since, count = Infinity } = options;
  const api = new Api(String(url), { key, patience });
  let left = count;
  let after = since;
  do {
    const page = await api.call('GET', '/history', { channel: name, limit: Math.min(left, MOST), after });
    if (!Array.isArray(page?.events)) throw new Refused(`${url} is not a server with this API`);
    for (const event of page.events)
      output.result(event, ({ dim, bold }) => `${dim(timeOfDay(Date.parse(event.ext.replay.createdDate)))} ${bold(readable(event.channel))} ${readable(event.data)}`);
    left -= page.events.length;
    after = page.next;
  } while (after !== undefined && left > 0);
}

function number(text, name) {
  if (!/^\d{1,16}$/.test(text)) throw new WrongUsage(`${name} takes the number of an event, not "${text}"`);
  return text;
}
