// Prose that is wider than a reader's window: comments of code, and the Markdown of the documentation.
const MOST = 120;

const COMMENTS = [
  [/\.(?:rs|js|mjs|ts|tsx)$/, /^\s*(?:\/\/|\/\*|\*\s)|\s\/\/ [^'"`]*$/],
  [/\.css$/, /^\s*(?:\/\*|\*\s)/],
  [/\.(?:toml|py|sh|ya?ml)$/, /^\s*#/],
  [/\.sql$/, /^\s*--/],
];

/**
 * The lines of prose in a file that are too wide, numbered from 1. Tables, code, front matter and the
 * targets of links may be wider.
 */
export function tooWide(name, text) {
  const lines = text.split('\n').map((line, index) => ({ line, number: index + 1 }));
  const wide = ({ line }) => [...line.replace(/\]\([^)\s]+\)|https?:\/\/\S+/g, ']')].length > MOST;
  return (name.endsWith('.md') ? ofMarkdown(lines) : ofCode(name, lines)).filter(wide).map(({ number }) => number);
}

function ofMarkdown(lines) {
  const head = lines[0].line === '---' ? lines.findIndex(({ line, number }) => number > 1 && line === '---') + 1 : 0;
  let fence = null;
  return lines.slice(head).filter(({ line }) => {
    const [mark] = line.match(/(?<=^ *)```+/) ?? [];
    if (mark) fence = fence === null ? mark : fence === mark ? null : fence;
    return !mark && fence === null && !/^\s*\|/.test(line);
  });
}

function ofCode(name, lines) {
  const [, comment] = COMMENTS.find(([files]) => files.test(name)) ?? [];
  const isTable = ({ line }) => /^\s*\/\/[/!] \|/.test(line);
  return comment ? lines.filter(({ line }) => comment.test(line)).filter((line) => !isTable(line)) : [];
}
