// What the load generator can be told, with defaults. A number's default makes the option a number.
import { inspect, parseArgs } from 'node:util';

const OPTIONS = {
  url: ['', 'the server, on this machine: http://127.0.0.1:PORT/cometd; a query goes with every request'],
  adapter: ['bayeux', 'what the server speaks: bayeux; rawlp, rawhib (the bare object of bench/servers/bare); party (partyserver)'],
  transport: ['lp', 'lp: long-polling; cb: callback-polling; es: eventsource; ws: WebSocket (rawhib and party speak nothing else)'],
  mode: ['rate', 'sat, rate, setup or idle'],
  subs: [100, 'subscribers, each with a socket of its own'],
  rate: [10, 'rate: publishes a second'],
  secs: [10, 'sat, rate: how long is measured'],
  warm: [2, 'sat, rate: seconds before that'],
  window: [8, 'sat: publishes in flight'],
  pubs: [16, 'rate: publishers, each with one publish at a time'],
  conc: [50, 'clients that come up at the same time'],
  settle: [4, 'idle: seconds between the last client and the look at the memory'],
  pad: [64, 'bytes of padding in a message'],
  channel: ['/bench/a', 'what is published to'],
  rooms: [1, 'the clients are in so many rooms, in turn: ROOM in --channel'],
  trees: [1, 'and the rooms in so many trees: TREE in --url and --channel'],
  room: ['', 'rawlp, rawhib, party: the object; a new one for each run if not given'],
  hold: ['', 'ms, advice.timeout of the held connects'],
  append: [0, '1: /handshake, /connect, /disconnect after the path, as cometd.js does'],
  authext: ['', 'JSON, the ext of the handshakes'],
  header: ['', 'one header more on every request: "Name: value"'],
  bye: [1, '0: leave without /meta/disconnect'],
  pid: ['', 'process ids of the server, by commas: their CPU and memory are measured with those of all their descendants'],
  ballast: ['', 'process ids, by commas, that slow the machine down on purpose: their CPU is not counted'],
  name: ['', 'goes into the line that is printed'],
  timeout: [120, 'seconds after which the run is given up'],
  allowerr: [0, '1: exit status 0 in spite of errors'],
};

/** Reads a command line. Throws an Error that its message explains. */
export function parseOptions(args) {
  const { values } = parseArgs({ args, options: mapOptions(() => ({ type: 'string' })) });
  const options = mapOptions((name, [ofDefault]) => {
    const text = values[name];
    if (text === undefined) return ofDefault;
    return typeof ofDefault === 'number' ? number(name, text) : text;
  });
  return { ...options, url: loopback(options.url) };
}

/** The options as `--name value` words, in the order of the table. */
export const asArguments = (options) =>
  Object.keys(OPTIONS)
    .filter((name) => name in options)
    .flatMap((name) => [`--${name}`, String(options[name])]);

export const help = () =>
  Object.entries(OPTIONS)
    .map(([name, [ofDefault, what]]) => `  --${name.padEnd(10)} ${what}${ofDefault === '' ? '' : ` (${ofDefault})`}`)
    .join('\n');

const mapOptions = (make) => Object.fromEntries(Object.entries(OPTIONS).map(([name, row]) => [name, make(name, row)]));

function number(name, text) {
  const value = Number(text);
  if (text === '' || !Number.isFinite(value) || value < 0) throw new Error(`--${name} ${inspect(text)}: a number, not below 0`);
  return value;
}

/** The load stays on this machine. */
function loopback(text) {
  if (!URL.canParse(text)) throw new Error(`--url ${inspect(text)}: the server's URL`);
  const url = new URL(text);
  const ours = url.protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname);
  if (!ours) throw new Error(`--url ${text}: http on this machine only (127.0.0.1, localhost, [::1])`);
  return url;
}
