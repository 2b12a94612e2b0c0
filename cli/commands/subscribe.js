// bayeux subscribe: prints the messages on channels.
import { within, WrongUsage } from '../failure.js';
import { readable, timeOfDay } from '../output.js';
import { channel, COUNT } from '../usage.js';

export const usage = 'subscribe URL CHANNEL…';
export const summary = 'prints the messages on channels';
export const about = `Prints the messages on the channels, one a line: the time, the channel, the data. A
CHANNEL may be a pattern: '/chat/*' for one more segment, '/chat/**' for any number of them (quoted, or
the shell expands it to files). It runs until Ctrl-C, and reconnects after a break.

With --since it begins with the kept events of the channels (HISTORY), and after a break it continues after the last event.

With --json each line is the unchanged message: {"channel":"/chat/demo","data":{"text":"hi"}}`;

export const options = {
  since: { type: 'string', value: 'N|all', parse: place, help: 'begins with kept events: all, or those after the event with this number' },
  count: { ...COUNT, help: 'ends after N messages; with --timeout, they must arrive in time' },
};

export function operands(patterns) {
  if (patterns.length === 0) throw new WrongUsage('a channel to subscribe to is missing');
  return patterns.map((pattern) => channel(pattern, { wildcards: true }));
}

export async function run({ connection, output, patience, options, operands: patterns }) {
  const started = Date.now();
  const all = received({ connection, output, count: options.count ?? Infinity });
  await connection.open(patience, patterns);
  output.note(`subscribed to ${patterns.join(', ')} (${connection.transport})`);
  if (!options.count || !options.timeout) return all;
  await within(options.timeout - (Date.now() - started), all, `fewer than ${options.count} messages within ${options.timeout / 1000} s`);
}

function place(text, name) {
  if (text === 'all') return text;
  if (!/^\d{1,16}$/.test(text)) throw new WrongUsage(`${name} takes the number of an event or all, not "${text}"`);
  return Number(text);
}

/** Writes the messages, as many as asked for, and resolves then. */
function received({ connection, output, count }) {
  return new Promise((resolve) => {
    let left = count;
    connection.onEvent = (message) => {
      if (left === 0) return; // more of them came in the same answer
      left -= 1;
      output.result(message, ({ dim, bold }) => `${dim(timeOfDay())} ${bold(readable(message.channel))} ${readable(message.data)}`);
      if (left === 0) resolve();
    };
  });
}
