// The server's time: this device's clock, corrected by the timesync extension of cometd.js.
import { TimeSyncExtension } from '/vendor/cometd.js';

/** The timeout of connects while the page is visible: each answered connect is a measurement. */
const HOLD = 2_000; // ms

/** Between two updates: a new second is shown at most this late. */
const TICK = 50; // ms

const place = (id) => document.getElementById(id);
const timeOfDay = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

const timesync = new TimeSyncExtension();
let measured = null; // the time of the last measurement, by performance.now()

export const extensions = new Map([
  ['timesync', timesync],
  ['short-connects', { outgoing: askForAShortConnect, incoming: noteMeasurement }],
]);

export const start = () => setInterval(tick, TICK);

/** The first connect of a session has an advice already: it is answered at once. */
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

/** Writes only changed text, so that a selection or a screen reader is not disturbed. */
function set(id, text) {
  if (place(id).textContent !== text) place(id).textContent = text;
}

function ago(seconds) {
  if (seconds < 60) return `${Math.floor(seconds)} s ago`;
  return `${Math.floor(seconds / 60)} min ago`;
}
