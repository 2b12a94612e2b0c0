// The dialog that asks for a name, before the first message and when the user changes it.
import { MAX_NAME, tidyName } from './messages.js';

const dialog = document.getElementById('join');
const form = dialog.querySelector('form');
const cancel = document.getElementById('cancel');
const { name } = form.elements;

name.maxLength = MAX_NAME;
cancel.addEventListener('click', () => dialog.close());
form.addEventListener('submit', (event) => {
  if (tidyName(name.value) !== '') return;
  event.preventDefault();
  name.value = ''; // only spaces, which `required` accepts as a name
  name.reportValidity();
});

/** Resolves with a name, or with null if the user cancels. */
export async function askName({ suggestion, mayCancel }) {
  cancel.hidden = !mayCancel;
  name.value = suggestion;
  do {
    dialog.returnValue = '';
    dialog.showModal();
    name.select();
    await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
    // Without a name the page has nothing to show behind the dialog, so the Escape key opens it again.
  } while (dialog.returnValue !== 'join' && !mayCancel);
  return dialog.returnValue === 'join' ? tidyName(name.value) : null;
}
