// How far the verification of the audit log is comes above its entries: who has scrolled to them stays there.
import { holdPlace } from "./place.js";

const verification = document.getElementById("verification");
let settle = () => {};
verification.addEventListener("htmx:beforeSwap", () => (settle = holdPlace(".filters, .log-entry, .empty")));
verification.addEventListener("htmx:afterSwap", () => settle());
