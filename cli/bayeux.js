#!/usr/bin/env node
// The command-line client: `npx bayeux --help`. A command is a file in commands/; this file starts and
// ends it.
import { readFileSync } from 'node:fs';
import { Api } from './api.js';
import * as bench from './commands/bench.js';
import * as call from './commands/call.js';
import * as channels from './commands/channels.js';
import * as chat from './commands/chat.js';
import * as clients from './commands/clients.js';
import * as history from './commands/history.js';
import * as kick from './commands/kick.js';
import * as presence from './commands/presence.js';
import * as publish from './commands/publish.js';
import * as stats from './commands/stats.js';
import * as subscribe from './commands/subscribe.js';
import * as tail from './commands/tail.js';
import * as token from './commands/token.js';
import * as trees from './commands/trees.js';
import { Connection } from './connection.js';
import { EXIT, WrongUsage } from './failure.js';
import { told } from './notes.js';
import { Output, toJson } from './output.js';
import { help, parse, table } from './usage.js';

const COMMANDS = { subscribe, publish, call, chat, history, presence, clients, channels, trees, kick, stats, tail, bench, token };

const DEFAULT_PATIENCE = 10_000; // ms

const { stdin, stdout, stderr } = process;
let output = new Output({ stdout, stderr });

/** Resolves when the reader of our output has closed it, as in `bayeux subscribe … | head -1`. */
const unread = new Promise((resolve) => {
  for (const stream of [stdout, stderr])
    stream.on('error', (error) => {
      if (error.code !== 'EPIPE') throw error;
      resolve(EXIT.ok);
    });
});

try {
  await end(await main(process.argv.slice(2)));
} catch (error) {
  output.error(error.exitCode ? error.message : error.stack);
  if (error.exitCode === EXIT.usage) output.error('bayeux --help lists all commands');
  await end(error.exitCode ?? EXIT.refused);
}

async function main([name, ...args]) {
  if (['--help', '-h', 'help'].includes(name)) return print(Object.hasOwn(COMMANDS, args[0]) ? help(COMMANDS[args[0]]) : overview());
  if (name === '--version') return print(`${version()}\n`);
  if (name === undefined) throw new WrongUsage('a command is missing');
  if (!Object.hasOwn(COMMANDS, name)) throw new WrongUsage(`there is no command ${name}`);
  const command = COMMANDS[name];
  const { options, operands: [url, ...operands] } = parse(command, args);
  if (options.help) return print(help(command));
  output = new Output({ stdout, stderr, json: options.json, format: options.format });
  if (command.api || command.local) return alone(command, { url, options, operands });
  return connected(command, { url, options, operands });
}

/** Runs a command without a session: an operator's command, or one that needs no server. */
async function alone(command, { url, options, operands }) {
  const api = command.api && new Api(url, { key: options.key, patience: options.timeout ?? DEFAULT_PATIENCE });
  const query = { tree: options.all ? '*' : options.tree };
  const run = command.run({ api, output, query, options, operands }).then(() => EXIT.ok);
  return Promise.race([run, interruption(), unread]);
}

/** Runs a command on a connection, or on `another` too, and always disconnects at the end. */
async function connected(command, { url, options, operands }) {
  const interrupted = interruption();
  const connections = [];
  const another = () => {
    const connection = new Connection(url, {
      transports: options.transport,
      ext: ext(options),
      ack: !options['no-ack'],
      reconnect: !options['no-reconnect'],
      since: options.since ?? command.since,
      trace: options.verbose && ((arrow, message) => output.note(`${arrow} ${toJson(message)}`)),
    });
    connection.onState = (kind, news) => output.note(told({ kind, ...news }));
    connections.push(connection);
    return connection;
  };
  const connection = another();
  const patience = options.timeout ?? DEFAULT_PATIENCE;
  const run = command.run({ url, connection, another, output, patience, options, operands, stdin, stdout }).then(() => EXIT.ok);
  try {
    return await Promise.race([run, connection.failed, interrupted, unread]);
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

function ext({ token = process.env.BAYEUX_TOKEN, ext = {} }) {
  return token ? { token, ...ext } : ext;
}

/** Resolves with the exit status at the first signal: the second Ctrl-C ends the process by itself. */
function interruption() {
  return new Promise((resolve) => {
    for (const [signal, code] of [['SIGHUP', 129], ['SIGINT', 130], ['SIGTERM', 143]]) process.once(signal, () => resolve(code));
  });
}

function overview() {
  const commands = Object.values(COMMANDS).map(({ usage, summary }) => [usage, summary]);
  return `Usage: bayeux COMMAND URL …

A client for Bayeux servers: bayeux-edge, CometD, Faye. URL is the server's, like http://localhost:8787/cometd. You may omit it if
BAYEUX_URL has it. Commands with [URL] use bayeux-edge's server API, with the key in BAYEUX_KEY.

Commands:
${table(commands)}

bayeux COMMAND --help lists the options of a command, bayeux --version prints the version.

Exit status:
${table([
  ['0', 'done, or the reader of the output has closed it'],
  ['1', 'the server refused'],
  ['2', 'wrong usage'],
  ['3', 'no connection, or no answer in time'],
  ['130', 'ended by Ctrl-C (129 by SIGHUP, 143 by SIGTERM), after a disconnect'],
])}

Colours are for terminals only; NO_COLOR turns them off. BAYEUX_TOKEN is the token, if --token is not given.
`;
}

function print(text) {
  stdout.write(text);
  return EXIT.ok;
}

function version() {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

/** Ends the process when its output has been written; open connections must not keep it. */
async function end(code) {
  await new Promise((resolve) => stdout.write('', resolve));
  process.exit(code);
}
