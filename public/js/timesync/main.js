// The time that everybody agrees on: this device's, corrected by what cometd.js' timesync extension measured.
import { TimeSyncExtension } from '/vendor/cometd.js';
import { Connection } from '../connection.js';
import { Frames } from '../frames.js';
import * as status from '../status.js';

/** How soon a connect is to be answered while somebody looks, so that there is something to measure. */
const HOLD = 2_000; // ms

/** Between two looks at the clock: a full second is shown at most so late. */
const TICK = 50; // ms

const place = (id) => document.getElementById(id);
const timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

const timesync = new TimeSyncExtension();
let measured = null; // when, by performance.now()

const connection = new Connection({
  extensions: new Map([
    ['timesync', timesync],
    ['short-connects', { outgoing: askForAShortConnect, incoming: noteMeasurement }],
    ['frames', new Frames(place('frames'))],
  ]),
  onState: status.show,
});

connection.start();
setInterval(tick, TICK);

/** The first connect of a session asks for an answer at once, by itself. */
function askForAShortConnect(message) {
  if (message.channel === '/meta/connect' && !message.advice && !document.hidden) message.advice = { timeout: HOLD };
  return message;
}

function noteMeasurement(message) {
  if (message.ext?.timesync) measured = performance.now();
  return message;
}

function tick() {
  const now = new Date();
  set('own', timeOfDay.format(now));
  if (measured === null) return;
  const agreed = timesync.getServerDate();
  place('clock').dataset.known = 'true';
  set('agreed', timeOfDay.format(agreed));
  place('agreed').dateTime = agreed.toISOString();
  place('beat').dataset.beat = agreed.getSeconds() % 2;
  set('offset', `${timesync.getTimeOffset()} ms`.replace('-', '−'));
  set('lag', `${timesync.getNetworkLag()} ms`);
  set('measured', ago((performance.now() - measured) / 1000));
}

/** What stays as it is, is not written again: whoever reads or copies it is not disturbed. */
function set(id, text) {
  if (place(id).textContent !== text) place(id).textContent = text;
}

function ago(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  return `${Math.floor(seconds / 60)} min ago`;
}
