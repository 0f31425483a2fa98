// What is typed into a form outlives a session that ended, a closed page, a lost connection: it is kept
// in this tab until the form was taken, and offered again. And what was wrong is said until it is mended.
const KEPT = "form[data-keeps] textarea, form[data-keeps] #title";
const person = document.body.dataset.person;

const store = {
  read(key) {
    try {
      return JSON.parse(sessionStorage.getItem(key));
    } catch {
      return null; // there is no storage, or it holds something of others
    }
  },
  write(key, value) {
    try {
      sessionStorage.setItem(key, JSON.stringify(value));
    } catch {
      // Full, or not allowed: then nothing is kept.
    }
  },
  forget(beginning) {
    try {
      for (const key of Object.keys(sessionStorage)) if (key.startsWith(beginning)) sessionStorage.removeItem(key);
    } catch {
      // There is nothing.
    }
  },
};

const addressOf = (form) => new URL(form.action).pathname;
const keyOf = (field) => `draft ${addressOf(field.form)} ${field.name}`;

function keep(field) {
  if (field.value === field.defaultValue || !field.value.trim()) store.forget(keyOf(field));
  else store.write(keyOf(field), { text: field.value, version: field.form.elements.version?.value });
  field.parentElement.querySelector(".draft")?.remove();
}

// A draft goes back with the version it was written on: what others saved meanwhile is not overwritten.
function putBack(field, draft) {
  field.value = draft.text;
  if (draft.version && field.form.elements.version) field.form.elements.version.value = draft.version;
  keep(field);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

function button(words, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn btn-outline-secondary btn-sm";
  made.textContent = words;
  made.addEventListener("click", action);
  return made;
}

function offer(field) {
  const draft = store.read(keyOf(field));
  if (!draft || draft.text === field.value || field.parentElement.querySelector(".draft")) return;
  const box = document.createElement("div");
  const words = document.createElement("p");
  box.className = "draft";
  words.className = "form-text";
  words.dir = "auto";
  words.textContent = `You wrote here before: “${draft.text.length > 80 ? `${draft.text.slice(0, 80)}…` : draft.text}”`;
  box.append(words, button("Put it back", () => putBack(field, draft)), button("Discard", () => {
    store.forget(keyOf(field));
    box.remove();
    field.focus();
  }));
  field.after(box);
  field.closest("details")?.setAttribute("open", "");
}

const offerAll = () => document.querySelectorAll(KEPT).forEach(offer);

if (person) {
  if (store.read("drafts of") !== person) store.forget("draft ");
  store.write("drafts of", person);
  const sent = store.read("sent");
  if (sent && document.querySelector("main > .alert-success")) store.forget(`draft ${sent} `);
  store.forget("sent");
  offerAll();
  document.addEventListener("htmx:afterSwap", offerAll);
}

const isChanged = (field) => field.value !== field.defaultValue;
let isSending = false;
addEventListener("submit", ({ target }) => {
  isSending = true;
  if (target.matches("[data-keeps]")) store.write("sent", addressOf(target));
});
addEventListener("pageshow", () => (isSending = false));
addEventListener("beforeunload", (event) => {
  if (!isSending && [...document.querySelectorAll("form[data-guarded] textarea")].some(isChanged)) event.preventDefault();
});

document.addEventListener("input", ({ target }) => {
  if (target.matches(KEPT)) keep(target);
  for (const id of [target.id, target.name]) {
    const wrong = id && document.getElementById(`${id}-error`);
    if (!wrong) continue;
    for (const field of document.querySelectorAll(`[aria-describedby="${wrong.id}"]`)) field.removeAttribute("aria-describedby");
    wrong.remove();
    target.classList.remove("is-invalid");
    target.removeAttribute("aria-invalid");
  }
});
