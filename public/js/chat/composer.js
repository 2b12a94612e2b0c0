// The field for new messages, and its draft, which survives a reload.
import { MAX_TEXT } from './messages.js';

export class Composer {
  #form = document.getElementById('composer');
  #field = this.#form.elements.text;
  #limit = document.getElementById('limit');

  /** `draft` stores the unsent text: `{ load(), save(text) }`. */
  constructor({ onSend, onTyping, draft }) {
    this.#put(draft.load());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#field.value.trim();
      this.#field.focus();
      if (text === '' || text.length > MAX_TEXT) return; // the page shows that the text is too long
      this.#put('');
      draft.save('');
      onSend(text);
    });
    this.#field.addEventListener('input', () => {
      const { value } = this.#field;
      this.#tellLength();
      draft.save(value);
      if (value.trim() !== '') onTyping();
    });
    this.#field.addEventListener('keydown', (event) => {
      // This Enter picks a word in an input method.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#form.requestSubmit();
    });
  }

  focus() {
    this.#field.focus();
  }

  #put(text) {
    this.#field.value = text;
    this.#tellLength();
  }

  /** A too long text is not cut. It cannot be sent, and this shows why. */
  #tellLength() {
    const over = this.#field.value.trim().length - MAX_TEXT;
    this.#field.setAttribute('aria-invalid', over > 0);
    const what = over === 1 ? 'character' : 'characters';
    this.#limit.textContent = over > 0 ? `${over} ${what} too many: a message has ${MAX_TEXT} at most.` : '';
  }
}
