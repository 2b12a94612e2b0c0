// A measure: the load, on whom, and the figures that are read from it with the goals they have.
//
// A figure: `title`; `read(result)` of a load generator's line; `unit`; goals as `{ against, atLeast | atMost }`: the
// ratio of ours to that server's, or, without `against`, ours itself.

/** The part of what is offered within the measured time that arrives within it. */
export function delivered({ delivPerSec, offered }) {
  return delivPerSec / offered;
}

/** Lost, or not even published: every publisher was still waiting for an answer. */
export function undelivered({ lost, skipped, subs }) {
  return lost + skipped * subs;
}
