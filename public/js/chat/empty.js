// Shown in an empty room: nobody has written yet, and the link for others.

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
    // The link is selected, ready to be copied.
  }
});
