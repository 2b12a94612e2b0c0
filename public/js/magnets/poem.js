// The board as text: its words line by line, in reading order.

/** Words whose tops differ by less than this, as a fraction of the board's height, are in one line. */
const LINE = 0.035;

/** The numbers of the words in reading order, line by line. */
export function lines(places) {
  const words = places.map((_, word) => word).sort((a, b) => places[a].y - places[b].y || places[a].x - places[b].x);
  const all = [];
  for (const word of words) {
    const line = all.at(-1);
    if (line && places[word].y - places[line[0]].y < LINE) line.push(word);
    else all.push([word]);
  }
  for (const line of all) line.sort((a, b) => places[a].x - places[b].x);
  return all;
}
