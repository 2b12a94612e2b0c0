// The part of Markdown that people use in chats: `code`, ```blocks```, *emphasis*, **more of it**,
// [words](https://…) and addresses. What comes out are parts, not HTML: body.js makes nodes of them.

// Emphasis cannot contain its own kind, so parts are at most three deep, and a text is read in one pass. Marks inside
// code are text.
const CODE = '`[^`\\n]+`';
const within = (mark) => `(?=\\S)((?:${CODE}|[^\`${mark}\\n])+)(?<=\\S)`;
const MARKS = new RegExp(
  [
    `(?<code>${CODE})`,
    String.raw`\[(?<words>[^[\]\n]+)\]\((?<target>https?:\/\/[^\s<>"()]+)\)`,
    String.raw`\b(?<address>https?:\/\/[^\s<>"]+)`,
    String.raw`(?<strong>\*\*${within('*')}\*\*)`,
    String.raw`(?<![\p{L}\p{N}*])(?<em>\*${within('*')}\*)(?![\p{L}\p{N}*])`,
    String.raw`(?<![\p{L}\p{N}_])(?<under>_${within('_')}_)(?![\p{L}\p{N}_])`,
  ].join('|'),
  'giu',
);

const FENCE = /^```[\w+#-]*\s*$/;
const FENCE_END = /^```\s*$/;

/** Cuts a text into strings, `{ block }`, `{ code }`, `{ strong }`, `{ em }` and `{ href, text, host }`, in order. */
export function parse(text) {
  const lines = text.split('\n');
  const ends = lines.flatMap((line, at) => (FENCE_END.test(line) ? [at] : []));
  const parts = [];
  let done = 0;
  const upTo = (at) => at > done && parts.push(...inline(lines.slice(done, at).join('\n')));
  for (let at = 0; at < lines.length; at += 1) {
    if (!FENCE.test(lines[at])) continue;
    while (ends[0] <= at) ends.shift();
    if (ends.length === 0) break;
    upTo(at);
    parts.push({ block: lines.slice(at + 1, ends[0]).join('\n') });
    at = ends[0];
    done = at + 1;
  }
  upTo(lines.length);
  return parts;
}

function inline(text) {
  const parts = [];
  let done = 0;
  const marks = new RegExp(MARKS); // its own place in the text
  for (let found = marks.exec(text); found; found = marks.exec(text)) {
    const { part, length } = read(found);
    if (!part) continue;
    if (found.index > done) parts.push(text.slice(done, found.index));
    parts.push(part);
    done = found.index + length;
    marks.lastIndex = done;
  }
  if (done < text.length) parts.push(text.slice(done));
  return parts;
}

/** The part that was found and its length; no part if the text only looks like one. */
function read({ 0: whole, groups: { code, words, target, address, strong, em, under } }) {
  const { length } = whole;
  if (code) return { part: { code: code.slice(1, -1) }, length };
  if (strong) return { part: { strong: inline(strong.slice(2, -2)) }, length };
  if (em ?? under) return { part: { em: inline((em ?? under).slice(1, -1)) }, length };
  if (words) return { part: link(target, words), length };
  const bare = withoutClosing(address);
  return { part: link(bare, bare), length: bare.length };
}

/** A link whose text is not its URL also shows its `host`. */
function link(address, text) {
  if (!URL.canParse(address)) return undefined;
  const { href, host } = new URL(address);
  return text === address ? { href, text } : { href, text, host };
}

/** The URL without the punctuation of the sentence, and without a bracket that was opened before it. */
function withoutClosing(address) {
  const bare = address.replace(/[.,;:!?'’”»…*_~]+$/u, '');
  const closesMore = bare.endsWith(')') && bare.split(')').length > bare.split('(').length;
  return closesMore ? withoutClosing(bare.slice(0, -1)) : bare;
}
