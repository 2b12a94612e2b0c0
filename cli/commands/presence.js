// bayeux presence: who is in a channel.
import { outcome } from '../connection.js';
import { NoConnection, Refused, within, WrongUsage } from '../failure.js';
import { readable, visible } from '../output.js';
import { channel } from '../usage.js';

export const usage = 'presence URL CHANNEL';
export const summary = 'prints who is in a channel';
export const about = `Prints who is in a channel with presence (PRESENCE), one user a line: the name, the number of sessions, and their
info. If there are too many users to name, it prints only their number.

With --json the line is the answer: {"count":1,"members":{"alice":[{"session":"17"}]}}`;

export const options = {};

const SERVICE = '/service/presence';

export function operands([name, ...more]) {
  if (name === undefined) throw new WrongUsage('the channel is missing');
  if (more.length > 0) throw new WrongUsage('a CHANNEL is one argument');
  return [channel(name)];
}

export async function run({ connection, output, patience, operands: [name] }) {
  await connection.open(patience);
  const answered = new Promise((resolve) => (connection.onEvent = (message) => message.channel === SERVICE && resolve(message)));
  const asked = connection.send(SERVICE, [{ channel: name }]).then(([reply]) => {
    if (outcome(reply) === 'refused') throw new Refused(`${name}: ${connection.why(reply)}`);
    if (outcome(reply) === 'lost') throw new NoConnection(`${name}: ${connection.why(reply)}`);
    return answered;
  });
  const { data, successful, error } = await within(patience, asked, `no answer within ${patience / 1000} s`);
  if (successful === false) throw new Refused(`${name}: ${error}`);
  if (output.json) return output.result(data);
  const { count, members } = data;
  if (!members) return output.result(data, () => `${count} users`);
  for (const [user, sessions] of Object.entries(members)) output.result(data, (styles) => line(user, sessions, styles));
}

function line(user, sessions, { bold, dim }) {
  const shown = sessions.map(({ info }) => info).filter((info) => info !== undefined);
  const several = sessions.length > 1 ? dim(` (${sessions.length} sessions)`) : '';
  return `${bold(visible(user))}${several}${shown.map((info) => ` ${readable(info)}`).join('')}`;
}
