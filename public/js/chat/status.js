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

export function showReconnected(missed) {
  const what = missed === 0 ? 'nothing missed' : `${missed} missed ${missed === 1 ? 'message' : 'messages'}`;
  show('connected', `Reconnected, ${what}`);
  fading = setTimeout(() => show('connected', 'Connected'), NEWS);
}
