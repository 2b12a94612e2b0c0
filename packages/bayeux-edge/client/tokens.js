// The token that handshakes show. A session ends with its token, so a fresh one is fetched before that: the handshake
// that follows has it at hand, and nobody sees a break.

/** Before a token ends: time for one that is slow to come. */
const AHEAD = 60_000; // ms

/** Between two attempts to fetch one. */
const RETRY = 5_000; // ms

/** The longest time that timers know: 2^31 ms. */
const LONGEST = 2 ** 31 - 1;

export class Tokens {
  /** What the next handshake shows, or null. */
  current = null;
  #source;
  #stale = true;
  #renewals = 0;
  #timer;

  /** `source` is a token, a function that gives one or the promise of one, or nothing. */
  constructor(source) {
    this.#source = source;
  }

  /** Fetches one if that is needed. */
  async fresh() {
    if (!this.#stale) return;
    this.current = (typeof this.#source === 'function' ? await this.#source() : this.#source) ?? null;
    this.#stale = false;
    this.#schedule();
  }

  /** A handshake was taken with it. */
  accepted() {
    this.#renewals = 0;
  }

  /** Whether another token may help against this refusal: one try between two handshakes that are taken. */
  mayRenew(error) {
    return typeof this.#source === 'function' && this.#renewals === 0 && /^40[13]:.*token_/.test(error ?? '');
  }

  renew() {
    this.#renewals += 1;
    this.#stale = true;
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #schedule() {
    const end = expiry(this.current);
    if (typeof this.#source !== 'function' || end === null) return;
    const life = end - Date.now();
    this.#again(Math.max(life - AHEAD, life / 2, RETRY));
  }

  #again(wait) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      this.#stale = true;
      // The old one is as good as it was: it is shown until another one has come.
      await this.fresh().catch(() => this.#again(RETRY));
    }, Math.min(wait, LONGEST));
    this.#timer.unref?.();
  }
}

/** When a JSON Web Token ends, in ms, or null. */
function expiry(token) {
  try {
    const { exp } = JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
    return Number.isFinite(exp) ? exp * 1000 : null;
  } catch {
    return null; // some other kind of token
  }
}
