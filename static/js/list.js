// The address of a filter names only what is filtered, and the days are those of the reader.
const form = document.getElementById("filter-form");
if (form) {
  const zone = form.elements.zone;
  const shown = document.getElementById("filter-zone");
  if (!("own" in zone.dataset) && !zone.value) {
    shown.textContent = Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
  form.addEventListener("submit", () => {
    const dated = form.elements.from.value || form.elements.to.value;
    if (!("own" in zone.dataset)) zone.value = dated && shown.textContent !== "UTC" ? shown.textContent : "";
    for (const field of form.elements) field.disabled = field.name && !field.value;
  });
  // Come back by the browser's button: the fields say what the address does, not what was typed last.
  window.addEventListener("pageshow", () => {
    for (const field of form.elements) field.disabled = false;
    form.reset();
  });
}
