// Tables and lists as elements. All values become text nodes, because names come from clients.

/** An element with children, which are elements or text. */
export function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

/** Fills a table: each column is `[title, value of an entry, is a number]`. */
export function fill(table, columns, entries, nothing) {
  const kind = (number) => ({ className: number ? 'number' : '' });
  const head = columns.map(([title, , number]) => element('th', { scope: 'col', ...kind(number) }, title));
  const rows = entries.map((entry) => element('tr', {}, ...columns.map(([, value, number]) => element('td', kind(number), value(entry) ?? ''))));
  const empty = element('tr', {}, element('td', { colSpan: columns.length }, nothing));
  // The focused button stays focused.
  const focused = table.contains(document.activeElement) ? document.activeElement.dataset.name : undefined;
  table.replaceChildren(
    element('thead', {}, element('tr', {}, ...head)),
    element('tbody', {}, ...(rows.length > 0 ? rows : [empty])),
  );
  if (focused) table.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
}

/** Fills a list of names and values. */
export const facts = (list, entries) =>
  list.replaceChildren(...entries.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))));

const numbers = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
export const number = (value) => numbers.format(value);

export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const size = value > 0 ? Math.min(units.length - 1, Math.floor(Math.log2(value) / 10)) : 0;
  return `${number(value / 1024 ** size)} ${units[size]}`;
}

export function ago(time) {
  if (time === undefined) return 'unknown';
  const seconds = Math.max(0, Math.round((Date.now() - time) / 1000));
  for (const [unit, size] of [['d', 86_400], ['h', 3_600], ['min', 60]]) if (seconds >= 2 * size) return `${Math.floor(seconds / size)} ${unit}`;
  return `${seconds} s`;
}
