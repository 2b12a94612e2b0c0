// The connection's state in words, where a screen reader announces it.
const line = document.getElementById('status');

/** How long the news of a reconnection stays before it is plainly connected again. */
const NEWS = 12_000; // ms

let fading;

export function show(state, text) {
  clearTimeout(fading);
  line.dataset.state = state;
  line.textContent = text;
}

/** `missed` is a number of messages, or null as long as it is not known. */
export function showReconnected(missed) {
  show('connected', `Reconnected${what(missed)}`);
  fading = setTimeout(() => show('connected', 'Connected'), NEWS);
}

function what(missed) {
  if (missed === null) return '';
  if (missed === 0) return ', nothing missed';
  return `, ${missed} missed ${missed === 1 ? 'message' : 'messages'}`;
}
