// The field in which one writes.
import { MAX_TEXT } from './messages.js';

export class Composer {
  #form = document.getElementById('composer');
  #field = this.#form.elements.text;

  constructor({ onSend, onTyping }) {
    this.#field.maxLength = MAX_TEXT;
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#field.value.trim();
      if (text === '') return;
      this.#field.value = '';
      this.#field.focus();
      onSend(text);
    });
    this.#field.addEventListener('input', () => this.#field.value.trim() !== '' && onTyping());
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
}
