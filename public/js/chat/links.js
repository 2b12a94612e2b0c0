// Addresses in what people write.

/** Cuts a text into `{ text }` and `{ text, href }`, in order. Only http and https become links. */
export function withLinks(text) {
  const parts = [];
  let done = 0;
  for (const { 0: found, index } of text.matchAll(/\bhttps?:\/\/[^\s<>"]+/giu)) {
    const address = withoutClosing(found);
    if (!URL.canParse(address)) continue;
    if (index > done) parts.push({ text: text.slice(done, index) });
    parts.push({ text: address, href: new URL(address).href });
    done = index + address.length;
  }
  if (done < text.length) parts.push({ text: text.slice(done) });
  return parts;
}

/** Without the sentence's own punctuation, and without a bracket that was opened before the address. */
function withoutClosing(address) {
  const bare = address.replace(/[.,;:!?'’”»…*_~]+$/u, '');
  const closesMore = bare.endsWith(')') && bare.split(')').length > bare.split('(').length;
  return closesMore ? withoutClosing(bare.slice(0, -1)) : bare;
}
