// A list of answers, the newest first.

/** The number of shown answers. */
const MAX_SHOWN = 20;

export function show(answers, text, note = '', kind = 'good') {
  const item = document.createElement('li');
  item.dataset.kind = kind;
  const said = Object.assign(document.createElement('span'), { className: 'said', dir: 'auto', textContent: text });
  item.append(said, ' ', Object.assign(document.createElement('small'), { textContent: note }));
  answers.prepend(item);
  answers.children[MAX_SHOWN]?.remove();
}

/** The outcome of a message, if nothing else shows it. */
export function complain(answers, text, { outcome, error }) {
  if (outcome === 'refused') show(answers, text, error ?? 'refused', 'bad');
  if (outcome === 'lost') show(answers, text, 'lost on its way: try again', 'bad');
}
