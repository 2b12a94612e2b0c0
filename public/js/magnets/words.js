// The words, and their places on a new board.

export const WORDS = [
  ...['the', 'moon', 'sings', 'a', 'quiet', 'river', 'and', 'you', 'dream', 'of', 'light', 'I', 'was', 'never'],
  ...['blue', 'whisper', 'under', 'my', 'garden', 'storm', 'like', 'honey', 'we', 'will', 'dance', 'at', 'sea', 'is'],
  ...['soft', 'shadow', 'to', 'bare', 'winter', 's', 'love', 'who', 'wild'],
];

/** Four words fit in a row, even long ones. */
const COLUMNS = 4;

/** As a fraction of the board's height. The part above is free for the poem. */
const TOP = 0.24;

/** A word's place, `x` and `y` from 0 to 1; at 1 the word touches the right or lower edge. */
export function start(word) {
  const rows = Math.ceil(WORDS.length / COLUMNS);
  const column = word % COLUMNS;
  const row = Math.floor(word / COLUMNS);
  // A little out of line, in the same way on every page.
  const [aside, up] = [((word * 37) % 11) / 10 - 0.5, ((word * 53) % 7) / 6 - 0.5];
  return {
    x: rounded(0.04 + (0.9 * column) / (COLUMNS - 1) + aside * 0.06),
    y: rounded(TOP + ((1 - TOP) * (row + 0.5)) / rows + up * 0.012),
  };
}

/** Limits a place to the board, and rounds it to what a screen can show. */
export const rounded = (part) => Math.round(Math.min(1, Math.max(0, part)) * 1e4) / 1e4;
