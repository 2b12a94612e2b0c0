// A message's text as nodes. User text only becomes text nodes, and only http and https URLs become links.
import { parse } from './markdown.js';

export function body(text) {
  const box = element('div', { className: 'text', dir: 'auto' });
  box.append(...parse(text).flatMap(nodes));
  return box;
}

function nodes(part) {
  if (typeof part === 'string') return [part];
  const { block, code, strong, em, href, text, host } = part;
  if (block !== undefined) return [holding('pre', [element('code', { textContent: block })])];
  if (code !== undefined) return [element('code', { textContent: code })];
  if (strong) return [holding('strong', strong.flatMap(nodes))];
  if (em) return [holding('em', em.flatMap(nodes))];
  const link = element('a', { href, textContent: text, target: '_blank', rel: 'noopener noreferrer nofollow' });
  return host ? [link, ' ', element('span', { className: 'host', textContent: `(${host})` })] : [link];
}

function holding(name, children) {
  const node = document.createElement(name);
  node.append(...children);
  return node;
}

const element = (name, properties) => Object.assign(document.createElement(name), properties);
