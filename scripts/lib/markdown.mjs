// The documentation's Markdown, as GitHub reads it: its files, headings, links and snippets.
import { readFileSync } from 'node:fs';
import { inRoot } from './project.mjs';

/** Where the sources are; `node scripts/owner.mjs` names its owner. */
export const repository = JSON.parse(readFileSync(inRoot('package.json'), 'utf8')).homepage.replace('#readme', '');

/** A heading's anchor: small letters, no punctuation, a hyphen for each space. */
export const slug = (heading) =>
  heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
    .replaceAll(' ', '-');

/** `{ links, anchors, snippets }` of a page; of what stands in code only the snippets. */
export function read(text) {
  const snippets = [];
  const prose = text.replace(/^( *)(```+)([\w-]*)[^\n]*\n([\s\S]*?)^\1\2[ \t]*$/gm, (whole, indent, _, language, code, start) => {
    const line = text.slice(0, start).split('\n').length;
    snippets.push({ language, code: code.replaceAll(new RegExp(`^${indent}`, 'gm'), ''), line });
    return '\n'.repeat(whole.split('\n').length - 1);
  });
  const anchors = new Set();
  for (const [, heading] of prose.matchAll(/^#{1,6} +(.+)$/gm)) {
    const first = slug(heading.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1'));
    let anchor = first;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${first}-${count}`;
    anchors.add(anchor);
  }
  const plain = prose.replace(/`[^`\n]*`/g, (code) => ' '.repeat(code.length));
  const links = [...plain.matchAll(/\]\(([^)\s]+)\)/g)].map(({ 1: target, index }) => ({ target, line: plain.slice(0, index).split('\n').length }));
  return { links, anchors, snippets };
}
