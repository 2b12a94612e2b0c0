// bayeux publish: one message, or a line each of standard input.
import { Refused, WrongUsage } from '../failure.js';
import { outcome } from '../connection.js';
import { linesOf } from '../lines.js';
import { channel, data, TEXT } from '../usage.js';

export const usage = 'publish URL CHANNEL [DATA]';
export const summary = 'publishes a message, or each line of standard input';
export const about = `Publishes DATA on the channel: as JSON if it is valid JSON, otherwise as text. Without DATA each line of
standard input is a message. The command sends them at once, in order, and skips empty lines.

If the reply to a message is lost, the command sends it again until --timeout, so it may arrive twice.
With --json it prints the reply to each accepted message, one a line.`;

export const options = { text: TEXT };

/** Lines that have come at the same time go out in one request: fewer than any server's limit for one. */
const MAX_BATCH = 100;

export function operands([name, text, ...more]) {
  if (name === undefined) throw new WrongUsage('the channel to publish on is missing');
  if (more.length > 0) throw new WrongUsage('DATA is one argument: quote it');
  return [channel(name), text];
}

export async function run({ connection, output, patience, options, operands: [name, text], stdin }) {
  await connection.open(patience);
  let published = 0;
  const publish = async (texts) => {
    const replies = await connection.publish(patience, name, texts.map((item) => data(item, options)));
    for (const reply of replies) {
      if (outcome(reply) === 'refused') throw new Refused(`${name}: ${connection.why(reply)}${published > 0 ? ` (after ${published} published)` : ''}`);
      published += 1;
      if (output.json) output.result({ channel: reply.channel, successful: true, id: reply.id });
    }
  };
  if (text !== undefined) await publish([text]);
  else {
    if (stdin.isTTY) output.note('each line is a message; Ctrl-D ends');
    for await (const lines of linesOf(stdin)) {
      const texts = lines.filter((line) => line !== '');
      for (let at = 0; at < texts.length; at += MAX_BATCH) await publish(texts.slice(at, at + MAX_BATCH));
    }
  }
  output.note(`published ${published === 1 ? '1 message' : `${published} messages`} on ${name}`);
}
