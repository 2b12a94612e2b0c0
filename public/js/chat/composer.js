// The field in which one writes, and what is left in it for a reload.
import { MAX_TEXT } from './messages.js';

export class Composer {
  #form = document.getElementById('composer');
  #field = this.#form.elements.text;
  #limit = document.getElementById('limit');

  /** `draft` keeps what is not sent yet: `{ load(), save(text) }`. */
  constructor({ onSend, onTyping, draft }) {
    this.#put(draft.load());
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#field.value.trim();
      this.#field.focus();
      if (text === '' || text.length > MAX_TEXT) return; // the latter is said
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
      // The Enter that picks a word in an input method is not for us.
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

  /** A text that is too long stays whole: nothing of it is lost unseen. It cannot be sent, and this says why. */
  #tellLength() {
    const over = this.#field.value.trim().length - MAX_TEXT;
    this.#field.setAttribute('aria-invalid', over > 0);
    const what = over === 1 ? 'character' : 'characters';
    this.#limit.textContent = over > 0 ? `${over} ${what} too many: a message has ${MAX_TEXT} at most.` : '';
  }
}
