// How a person looks: a coloured square with their initials, as Slack shows who has no picture.

import { el } from "./dom.js";

const TINTS = 8;

/** The square; decoration only, the name stands beside it. */
export function avatar(user, small = false) {
  const initials = (user?.real_name ?? "?").split(/\s+/).map((word) => word[0]).slice(0, 2).join("");
  const size = small ? " avatar-small" : "";
  const look = user?.is_bot ? "avatar-app" : `tint-${tint(user?.id ?? "")}`;
  return el("span", { class: `avatar ${look}${size}`, "aria-hidden": "true" },
    user?.is_bot ? "🚨" : initials.toUpperCase());
}

function tint(id) {
  let sum = 0;
  for (const character of id) sum = (sum * 31 + character.codePointAt(0)) % 997;
  return sum % TINTS;
}
