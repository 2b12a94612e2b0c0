// The examples name the address at which this page was found.
for (const place of document.querySelectorAll('.origin')) place.textContent = location.origin;
