// What an empty room says: that nobody has written yet, and where others find it.

const box = document.getElementById('empty');
const link = document.getElementById('share');
const copy = document.getElementById('copy');

export function showEmpty(shown) {
  link.value = location.href;
  box.hidden = !shown;
}

copy.addEventListener('click', async () => {
  link.select();
  try {
    await navigator.clipboard.writeText(link.value);
    copy.textContent = 'Copied';
  } catch {
    // It is selected: whoever wants it copies it.
  }
});
