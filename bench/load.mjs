// node bench/load.mjs --url URL --mode MODE [options]: load on a server, from a process of its own; bench/README.md.
// Prints one line of JSON. Exit status: 0, 1 after errors, 2 for a wrong command line, 3 past --timeout.
import { Account } from './load/account.mjs';
import { clientClass } from './load/clients.mjs';
import { MODES } from './load/modes.mjs';
import { help, parseOptions } from './load/options.mjs';
import { Processes } from './load/processes.mjs';

const load = prepare(process.argv.slice(2));
const { account, mode, options } = load;
const { name, adapter, transport, subs } = options;
const heading = { name, adapter, transport: adapter === 'bayeux' ? transport : '', mode: options.mode, subs };

setTimeout(() => finish({ error: 'timeout', recv: account.received }, 3), options.timeout * 1000);
try {
  const result = await mode(load);
  finish(result, account.errors && !options.allowerr ? 1 : 0);
} catch (error) {
  finish({ error: error.stack }, 1);
}

function prepare(args) {
  try {
    const options = parseOptions(args);
    const mode = MODES[options.mode];
    if (!mode) throw new Error(`--mode ${options.mode}: one of ${Object.keys(MODES).join(', ')}`);
    const [pids, ballast] = [options.pid, options.ballast].map((list) => list.split(',').filter(Boolean).map(Number));
    const processes = new Processes(pids, ballast);
    return { options, mode, processes, account: new Account(options), Client: clientClass(options) };
  } catch (error) {
    console.error(`${error.message}\n\nOptions, with their defaults:\n${help()}`);
    process.exit(2);
  }
}

function finish(result, status) {
  const { errors } = account;
  console.log(JSON.stringify({ ...heading, ...result, errors, ...(errors && { why: account.why() }) }));
  process.exit(status);
}
