// Output: results go to standard output, everything else to standard error. Colours are for terminals only.

const STYLES = { dim: 2, bold: 1, red: 31 };

/**
 * Colours that are readable on dark and bright terminals: green, yellow, blue, magenta, cyan, and their bright ones.
 */
const NAMES = [32, 33, 34, 35, 36, 92, 94, 95, 96];

const clock = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });

export class Output {
  #stdout;
  #stderr;

  /** `json`: one object a line, for programs. */
  constructor({ stdout, stderr, json = false, format = 'table' }) {
    this.#stdout = new Styled(stdout);
    this.#stderr = new Styled(stderr);
    this.json = json || format === 'json';
    this.format = format;
  }

  /** A message from the server; for people in the form of `text`, a function of the styles. */
  result(value, text) {
    this.#stdout.line(this.json ? toJson(value) : text(this.#stdout));
  }

  /**
   * Entries of a list as they come, one a line; `columns` says what people see of one. The first column is its name.
   */
  async rows(entries, columns) {
    const titles = Object.keys(columns);
    const cells = (entry) => titles.map((title) => visible(String(columns[title](entry) ?? '')));
    if (this.json || this.format === 'names') {
      for await (const entry of entries) this.#stdout.line(this.json ? toJson(entry) : cells(entry)[0]);
      return;
    }
    const rows = [];
    for await (const entry of entries) rows.push(cells(entry));
    // An empty column is left out.
    const shown = titles.map((_, at) => at).filter((at) => at === 0 || rows.some((row) => row[at] !== ''));
    const widths = shown.map((at) => Math.max(titles[at].length, ...rows.map((row) => row[at].length)));
    const line = (row) => shown.map((at, place) => row[at].padEnd(widths[place])).join('  ').trimEnd();
    this.#stdout.line(this.#stdout.dim(line(titles)));
    for (const row of rows) this.#stdout.line(line(row));
  }

  /** One thing, a line for each of its fields. */
  record(value) {
    if (this.json) return this.#stdout.line(toJson(value));
    const fields = Object.entries(value).filter(([, field]) => field !== undefined);
    const width = Math.max(...fields.map(([name]) => name.length));
    const shown = (name, field) => (TIMES.includes(name) ? new Date(field).toISOString() : Array.isArray(field) ? field.join(' ') : readable(field));
    for (const [name, field] of fields) this.#stdout.line(`${this.#stdout.dim(name.padEnd(width))}  ${visible(shown(name, field))}`);
  }

  /** A note about the progress, for people. */
  note(text) {
    this.#stderr.line(this.#stderr.dim(`bayeux: ${visible(text)}`));
  }

  error(text) {
    this.#stderr.line(`${this.#stderr.red('bayeux:')} ${visible(text)}`);
  }
}

/** A stream, and the styles that it can show. */
class Styled {
  #stream;
  #colors;

  constructor(stream) {
    this.#stream = stream;
    // Node checks NO_COLOR, TERM and the terminal itself.
    this.#colors = stream.isTTY === true && stream.hasColors();
  }

  line(text) {
    this.#stream.write(`${text}\n`);
  }

  dim = (text) => this.#paint(STYLES.dim, text);
  bold = (text) => this.#paint(STYLES.bold, text);
  red = (text) => this.#paint(STYLES.red, text);

  /** In a colour that is always the same for the same name. */
  named = (name) => {
    const sum = [...name].reduce((total, character) => (total * 31 + character.codePointAt(0)) % 65_521, 7);
    return this.#paint(NAMES[sum % NAMES.length], name);
  };

  #paint = (code, text) => (this.#colors ? `\u001b[${code}m${text}\u001b[0m` : text);
}

/**
 * One line, without `indent`. The controls that JSON lets pass (DEL, C1, and what turns the direction of writing) are
 * escaped: a terminal would obey them.
 */
export const toJson = (value, indent) =>
  JSON.stringify(value, null, indent).replace(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );

/**
 * Makes text from others safe for a terminal: control characters become visible symbols, and characters that change the
 * direction of writing are removed. Lines after the first are indented.
 */
export const visible = (text) =>
  text
    .replace(/\r\n?/g, '\n')
    .replace(/[\u202a-\u202e\u2066-\u2069]/g, '')
    .replace(/[^\P{Cc}\n\t]/gu, picture)
    .replaceAll('\n', '\n    ');

const picture = (control) => {
  const code = control.charCodeAt(0);
  return code < 0x20 ? String.fromCharCode(0x2400 + code) : '\u2421';
};

/** A message's data for people: text as it is, all else as JSON. */
export const readable = (data) => visible(typeof data === 'string' ? data : toJson(data));

/** Fields that are times, in milliseconds since 1970. */
const TIMES = ['since', 'lastActivity'];

/** How long ago a time is, in a short form. */
export function ago(time, now = Date.now()) {
  if (time === undefined) return undefined;
  const seconds = Math.max(0, Math.round((now - time) / 1000));
  for (const [unit, size] of [['d', 86_400], ['h', 3600], ['m', 60]]) if (seconds >= 2 * size) return `${Math.floor(seconds / size)}${unit}`;
  return `${seconds}s`;
}

/** The time of the day, here. */
export const timeOfDay = (time = Date.now()) => clock.format(time);
