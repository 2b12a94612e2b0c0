// bayeux history: what channels have kept, by the server API.
import { NoConnection, Refused, WrongUsage } from '../failure.js';
import { readable, timeOfDay } from '../output.js';
import { channel, COUNT } from '../usage.js';

export const usage = 'history URL CHANNEL';
export const summary = 'writes what a channel has kept';
export const about = `Writes what a channel keeps (HISTORY), the oldest first, or what all channels of a pattern inside one tree
keep. It asks the server API, so it needs one of its keys: BAYEUX_API_KEY. Without a key, subscribe --since all.

With --json each line is the event, with its number in ext.replay.replayId`;

export const options = {
  key: { type: 'string', value: 'KEY', help: 'of the server API; better in the environment, as BAYEUX_API_KEY' },
  since: { type: 'string', value: 'N', parse: number, help: 'what came after the event with this number' },
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
  const { key = process.env.BAYEUX_API_KEY, count = Infinity } = options;
  if (!key) throw new WrongUsage('the key of the server API is missing: BAYEUX_API_KEY');
  let left = count;
  let after = options.since;
  do {
    const query = new URLSearchParams({ channel: name, limit: Math.min(left, MOST), ...(after !== undefined && { after }) });
    const { events, next } = await page(new URL(`/cometd/api/history?${query}`, url), key, patience);
    for (const event of events)
      output.result(event, ({ dim, bold }) => `${dim(timeOfDay(Date.parse(event.ext.replay.createdDate)))} ${bold(readable(event.channel))} ${readable(event.data)}`);
    left -= events.length;
    after = next;
  } while (after !== undefined && left > 0);
}

async function page(address, key, patience) {
  const request = { headers: { authorization: `Bearer ${key}` }, signal: AbortSignal.timeout(patience) };
  const answer = await fetch(address, request).catch((error) => {
    throw new NoConnection(`no connection to ${address.origin} (${error.cause?.code ?? error.name})`);
  });
  const body = await answer.json().catch(() => null);
  if (answer.status === 200 && Array.isArray(body?.events)) return body;
  throw new Refused(body?.[0]?.error ?? `${address.pathname} answered with HTTP ${answer.status}: API_KEYS are not set, perhaps`);
}

function number(text, name) {
  if (!/^\d{1,16}$/.test(text)) throw new WrongUsage(`${name} takes the number of an event, not "${text}"`);
  return text;
}
