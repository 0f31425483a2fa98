// A long list of people gets a field that narrows it; a text that is to be pasted elsewhere a button.
for (const box of document.querySelectorAll("[data-people]")) {
  const rows = [...box.querySelectorAll("li")];
  const field = box.querySelector("input[type=search]");
  const found = box.querySelector("[data-found]");
  const narrow = () => {
    const wanted = field.value.trim().toLocaleLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLocaleLowerCase().includes(wanted);
    const left = rows.filter((row) => !row.hidden).length;
    found.textContent = wanted ? `${left} found` : "";
  };
  field.parentElement.hidden = rows.length < 8;
  field.addEventListener("input", narrow);
  // Enter narrows; it must not send the form half filled in.
  field.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const said = button.parentElement.querySelector("[data-copied]");
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(text.value);
      said.textContent = "Copied.";
    } catch {
      text.select();
      said.textContent = "Selected: copy it with your keyboard.";
    }
  });
}
