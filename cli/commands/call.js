// bayeux call: calls a service and prints its answer.
import { outcome } from '../connection.js';
import { NoConnection, Refused, within, WrongUsage } from '../failure.js';
import { toJson, visible } from '../output.js';
import { channel, COUNT, data, TEXT } from '../usage.js';

export const usage = 'call URL /service/NAME [DATA]';
export const summary = 'calls a service and prints its answer';
export const about = `Sends DATA to a service of the server (as JSON if it is valid JSON, otherwise as text; {} without DATA) and
prints the answer on the same channel. The command calls only once: without an answer the outcome is unknown.

With --json the line is the unchanged answer: {"channel":"/service/echo","data":…}`;

export const options = {
  count: { ...COUNT, help: 'how many answers to wait for: 1' },
  text: TEXT,
};

export function operands([name, text, ...more]) {
  if (name === undefined) throw new WrongUsage('the service to call is missing');
  if (!name.startsWith('/service/')) throw new WrongUsage(`${name} is not a service: channels of services begin with /service/`);
  if (more.length > 0) throw new WrongUsage('DATA is one argument: quote it');
  return [channel(name), text ?? '{}'];
}

export async function run({ connection, output, patience, options, operands: [name, text] }) {
  await connection.open(patience);
  const answered = answers({ connection, output, name, count: options.count ?? 1 });
  const asked = connection.send(name, [data(text, options)]).then(async ([reply]) => {
    if (outcome(reply) === 'refused') throw new Refused(`${name}: ${connection.why(reply)}`);
    if (outcome(reply) === 'lost') throw new NoConnection(`${name}: ${connection.why(reply)}`);
    return answered; // a server may take messages for services that it does not have, as CometD does: there is none
  });
  await within(patience, Promise.race([answered, asked]), `${name} has not answered within ${patience / 1000} s`);
}

function answers({ connection, output, name, count }) {
  return new Promise((resolve) => {
    let left = count;
    connection.onEvent = (message) => {
      if (message.channel !== name || left === 0) return;
      left -= 1;
      output.result(message, () => pretty(message.data));
      if (left === 0) resolve();
    };
  });
}

const pretty = (answer) => (typeof answer === 'string' ? visible(answer) : toJson(answer, 2));
