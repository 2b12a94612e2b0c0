// The command line: its options, how they are parsed, and the help, which comes from the same tables.
import { parseArgs } from 'node:util';
import { TRANSPORT_NAMES } from './connection.js';
import { WrongUsage } from './failure.js';

/** For every command. `value` names what an option takes; `parse` gets it and the option's name. */
export const OPTIONS = {
  json: { type: 'boolean', help: 'one JSON object a line, for programs' },
  token: { type: 'string', value: 'TOKEN', help: 'the token for the `ext` of the handshake; better in the environment, as BAYEUX_TOKEN' },
  ext: { type: 'string', value: 'JSON', parse: object, help: 'other fields for the `ext` of the handshake' },
  transport: { type: 'string', value: 'LIST', parse: transports, help: `the transports to try, in this order: ${TRANSPORT_NAMES.join(',')}` },
  timeout: { type: 'string', value: 'SECONDS', parse: milliseconds, help: 'how long to wait for the server: 10' },
  'no-ack': { type: 'boolean', help: 'without the ack extension, with which the server repeats lost messages' },
  'no-reconnect': { type: 'boolean', help: 'ends at the first break of the connection' },
  verbose: { type: 'boolean', short: 'v', help: 'every message, on standard error; secrets are masked' },
  help: { type: 'boolean', short: 'h', help: 'shows this help' },
};

/** For commands that use the server API. */
export const API_OPTIONS = {
  key: { type: 'string', value: 'KEY', help: 'the key of the server API; better in the environment, as BAYEUX_KEY' },
  format: { type: 'string', value: 'FORMAT', parse: format, help: 'table for people, json for programs (one object a line), names for a shell' },
};

/** For commands about one home. */
export const TREE = { tree: { type: 'string', value: 'TREE', help: 'the home of this tree, like chat; without it that of the URL' } };

/** For commands that can list all homes. */
export const HOMES = { ...TREE, all: { type: 'boolean', help: 'all homes' } };

/** The common options that commands without a session have. */
const EVERYWHERE = ['json', 'timeout', 'help'];

/** For commands that receive. */
export const COUNT = {
  type: 'string',
  short: 'n',
  value: 'N',
  parse: count,
};

/** For commands that send. */
export const TEXT = { type: 'boolean', help: 'DATA is text, even if it looks like JSON' };

/** `{ options, operands }` of a command's arguments, checked and converted. */
export function parse(command, args) {
  const known = { ...common(command), ...command.options };
  const { values, positionals } = parsed(args, known);
  const options = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, known[name].parse ? known[name].parse(value, `--${name}`) : value]),
  );
  if (options.help) return { options, operands: [] };
  if (command.local) return { options, operands: [undefined, ...command.operands(positionals)] };
  // An argument without a scheme is not a URL: BAYEUX_URL has the URL then.
  const named = positionals[0]?.includes('://') || !process.env.BAYEUX_URL;
  const url = named ? positionals[0] : process.env.BAYEUX_URL;
  if (url === undefined) throw new WrongUsage('the URL of a server is missing; you can set BAYEUX_URL in the environment');
  return { options, operands: [serverUrl(url), ...command.operands(positionals.slice(named ? 1 : 0))] };
}

/** The options that this command shares with others. */
const common = ({ api, local }) =>
  api || local ? Object.fromEntries(EVERYWHERE.map((name) => [name, OPTIONS[name]])) : OPTIONS;

function format(text, name) {
  const formats = ['table', 'json', 'names'];
  if (!formats.includes(text)) throw new WrongUsage(`${name} takes one of ${formats.join(', ')}, not "${text}"`);
  return text;
}

function parsed(args, options) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    if (error.code?.startsWith('ERR_PARSE_ARGS')) throw new WrongUsage(error.message);
    throw error;
  }
}

function serverUrl(text) {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:')
    throw new WrongUsage(`${text} is not the URL of a server, like http://localhost:8787/cometd`);
  return url.href;
}

/**
 * The name of a channel, or a pattern with `wildcards`. The server decides which channels exist; this checks what
 * cometd.js can send.
 */
export function channel(text, { wildcards = false } = {}) {
  if (!/^\/[A-Za-z0-9 !#$()*+\-./@_{~}]+$/.test(text)) throw new WrongUsage(`${text} is not the name of a channel, like /chat/demo`);
  if (text.startsWith('/meta/')) throw new WrongUsage(`${text}: channels under /meta/ are the protocol's own`);
  if (text.includes('*') && !wildcards) throw new WrongUsage(`${text} is a pattern: it matches more than one channel`);
  return text;
}

/** Parses JSON; any other text stays text. */
export function data(text, { text: asText = false } = {}) {
  if (asText) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function object(text, name) {
  const value = data(text);
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new WrongUsage(`${name} takes a JSON object, like '{"room": 7}'`);
  return value;
}

function transports(text, name) {
  const names = text.split(',').map((transport) => transport.trim());
  for (const transport of names)
    if (!TRANSPORT_NAMES.includes(transport)) throw new WrongUsage(`${name}: "${transport}" is unknown; the transports are ${TRANSPORT_NAMES.join(' and ')}`);
  return names;
}

/** The longest time that Node can wait, 24 days. */
const MAX_SECONDS = 2_147_483;

function milliseconds(text, name) {
  const seconds = Number(text);
  if (!(seconds > 0 && seconds <= MAX_SECONDS)) throw new WrongUsage(`${name} takes a number of seconds, not "${text}"`);
  return seconds * 1000;
}

export const seconds = (text, name) => milliseconds(text, name) / 1000;

function count(text, name) {
  const number = Number(text);
  if (!(Number.isSafeInteger(number) && number > 0)) throw new WrongUsage(`${name} takes a number from 1, not "${text}"`);
  return number;
}

/** The help of a command. */
export function help(command) {
  return `Usage: bayeux ${command.usage}

${command.about}

Options:
${table(Object.entries({ ...command.options, ...common(command) }).map(([name, option]) => [title(name, option), option.help]))}
`;
}

const title = (name, { short, value }) => `${short ? `-${short}, ` : '    '}--${name}${value ? ` ${value}` : ''}`;

/** Two columns. */
export const table = (rows) => {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`).join('\n');
};
