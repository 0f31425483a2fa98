// Starts every part of the page, then looks, and looks again whenever something has changed.

import { startComposer } from "./composer.js";
import { $ } from "./dom.js";
import { startDrawer } from "./drawer.js";
import { startHeader } from "./header.js";
import { startHome } from "./home.js";
import { listen } from "./live.js";
import { startMenu } from "./menu.js";
import { startMessages } from "./messages.js";
import { startModal } from "./modal.js";
import { startSidebar } from "./sidebar.js";
import { look, onLook, onTrouble, readAddress } from "./state.js";
import { tellConnection, tellTrouble } from "./trouble.js";

for (const start of [startSidebar, startHeader, startHome, startMessages, startComposer, startModal, startDrawer, startMenu]) {
  start();
}
onLook(() => $("app").removeAttribute("aria-busy"));
onTrouble(tellTrouble);
addEventListener("popstate", readAddress);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});
await readAddress();
listen(look, tellConnection);
