// The examples name the address at which this page was found, and can be copied.
for (const place of document.querySelectorAll('.origin')) place.textContent = location.origin;

/** How long a button says that it has done it. */
const NEWS = 2_000; // ms

for (const code of document.querySelectorAll('[data-copy]')) {
  const button = Object.assign(document.createElement('button'), { type: 'button', className: 'copy quiet', textContent: 'Copy' });
  button.setAttribute('aria-live', 'polite');
  const text = code.textContent;
  let timer;
  button.addEventListener('click', async () => {
    clearTimeout(timer);
    button.textContent = await copied(text, code);
    timer = setTimeout(() => (button.textContent = 'Copy'), NEWS);
  });
  const frame = Object.assign(document.createElement('div'), { className: 'copyable' });
  code.replaceWith(frame);
  frame.append(code, button);
}

/** Where a page may not write to the clipboard its text is selected, for the keys that copy. */
async function copied(text, code) {
  try {
    await navigator.clipboard.writeText(text);
    return 'Copied';
  } catch {
    getSelection().selectAllChildren(code);
    return 'Selected';
  }
}
