// The words, and where each lies on a new board.

export const WORDS = [
  ...['the', 'moon', 'sings', 'a', 'quiet', 'river', 'and', 'you', 'dream', 'of', 'light', 'I', 'was', 'never'],
  ...['blue', 'whisper', 'under', 'my', 'garden', 'storm', 'like', 'honey', 'we', 'will', 'dance', 'at', 'sea', 'is'],
  ...['soft', 'shadow', 'to', 'bare', 'winter', 's', 'love', 'who', 'wild'],
];

/** Four in a row fit beside each other, long ones too. */
const COLUMNS = 4;

/** Of the board's height; what is above is left free to write. */
const TOP = 0.24;

/** A word's place: across and down, from 0 to 1, where 1 is flush with the board's far edge. */
export function start(word) {
  const rows = Math.ceil(WORDS.length / COLUMNS);
  const column = word % COLUMNS;
  const row = Math.floor(word / COLUMNS);
  // A little out of line, and on every page alike.
  const [aside, up] = [((word * 37) % 11) / 10 - 0.5, ((word * 53) % 7) / 6 - 0.5];
  return {
    x: rounded(0.04 + (0.9 * column) / (COLUMNS - 1) + aside * 0.06),
    y: rounded(TOP + ((1 - TOP) * (row + 0.5)) / rows + up * 0.012),
  };
}

/** Within the board, and as exact as a screen shows it. */
export const rounded = (part) => Math.round(Math.min(1, Math.max(0, part)) * 1e4) / 1e4;
