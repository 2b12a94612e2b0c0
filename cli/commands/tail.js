// bayeux tail: prints the messages in the channels of a pattern, for an operator, without a subscription.
import { setTimeout as sleep } from 'node:timers/promises';
import { NoConnection, Refused, WrongUsage } from '../failure.js';
import { readable, timeOfDay } from '../output.js';
import { API_OPTIONS, channel, COUNT } from '../usage.js';

export const api = true;
export const usage = 'tail [URL] PATTERN';
export const summary = 'prints the messages in the channels of a pattern';
export const about = `Prints the messages of a channel, or of all channels of a pattern inside one tree, until Ctrl-C. It calls the
server API once a second and does not subscribe, so it does not affect access rules, listeners or presence. The server must
allow it with TAIL_EVENTS, which is also the most events a second that it can show; if there are more, it says that some are
missing. While it runs, the object of the tree stays awake.

With --format json each line is the event.`;

export const options = { key: API_OPTIONS.key, format: API_OPTIONS.format, count: { ...COUNT, help: 'ends after N events' } };

/** The server ends a tail half a minute after its last call. */
const EVERY = 1000; // ms

export function operands([pattern, ...more]) {
  if (pattern === undefined) throw new WrongUsage('the channel is missing');
  if (more.length > 0) throw new WrongUsage('a PATTERN is one argument');
  return [channel(pattern, { wildcards: true })];
}

export async function run({ api, output, options: { count = Infinity }, operands: [pattern] }) {
  let { next: after } = await page(api, { channel: pattern });
  output.note(`tail of ${pattern}`);
  for (let left = count; left > 0; await sleep(EVERY)) {
    const news = await page(api, { channel: pattern, after }).catch((error) => {
      if (!(error instanceof NoConnection)) throw error;
      output.note(`${error.message}; trying again`);
    });
    if (!news) continue;
    if (news.missed) output.note('some events are missing');
    for (const event of news.events.slice(0, left))
      output.result(event, ({ dim, bold }) => `${dim(timeOfDay())} ${bold(readable(event.channel))} ${readable(event.data)}`);
    left -= news.events.length;
    after = news.next;
  }
}

async function page(api, query) {
  const answer = await api.call('GET', '/tail', query);
  if (!Array.isArray(answer?.events)) throw new Refused('this URL is not a server with this API');
  return answer;
}
