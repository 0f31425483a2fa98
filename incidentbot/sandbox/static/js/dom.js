// Building and keeping the page's elements. Text only ever becomes text nodes.

/** An element with attributes and children. `on` takes listeners; null and false leave out. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    } else if (value !== null && value !== undefined && value !== false) {
      node.setAttribute(name, value === true ? "" : String(value));
    }
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

/** A link that opens beside the page, or plain text when its address is not of the web. */
export function outside(address, ...children) {
  const safe = safeAddress(address);
  if (!safe) return el("span", {}, ...children);
  return el("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, ...children);
}

/** The address if it is http(s) or mailto, else "". */
export function safeAddress(address) {
  try {
    const url = new URL(address);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : "";
  } catch {
    return "";
  }
}

/**
 * Make `parent` hold one child per item, touching only what changed: children whose item is the
 * same stay as they are, with focus, selection and scroll position.
 */
export function reconcile(parent, items, key, render) {
  const old = new Map([...parent.children].map((child) => [child.itemKey, child]));
  let cursor = parent.firstElementChild;
  for (const item of items) {
    const name = key(item);
    const print = JSON.stringify(item);
    let node = old.get(name);
    old.delete(name);
    if (node && node.itemPrint !== print) {
      const fresh = render(item, node);
      const focused = node.contains(document.activeElement) ? focusKey(node) : "";
      if (cursor === node) cursor = fresh;
      node.replaceWith(fresh);
      if (focused) fresh.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
      node = fresh;
    }
    node ??= render(item, null);
    node.itemKey = name;
    node.itemPrint = print;
    if (node === cursor) cursor = cursor.nextElementSibling;
    else parent.insertBefore(node, cursor);
  }
  for (const node of old.values()) node.remove();
}

function focusKey(node) {
  const holder = document.activeElement.closest("[data-key]");
  return holder && node.contains(holder) ? holder.dataset.key : "";
}

export const $ = (id) => document.getElementById(id);
