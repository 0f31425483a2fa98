// Keep what one reads at its place on the screen, whatever is put in or taken out above it. Safari does
// not by itself. Hold it before the change; call what is returned after it. What is read is the field one
// types in, else of `selector` what one has selected text in, else what lies at a third of the screen;
// where the change takes it away, what stood next below it. At the very top of the page the change is to
// be seen: nothing is held there but the field and the selection.
const FIELDS = "textarea, select, input:not([type=hidden])";

export function holdPlace(selector) {
  const chosen = [typedIn(), selectedIn(selector)].filter((element) => element && isSeen(element));
  const read = scrollY > 0 ? [...document.querySelectorAll(selector)].filter(isRead) : [];
  const marks = [...chosen, ...read].map((element) => ({ element, id: element.id, top: topOf(element) }));
  return () => {
    for (const { element, id, top } of marks) {
      const same = element.isConnected ? element : id && document.getElementById(id);
      if (!same) continue;
      const moved = topOf(same) - top;
      if (moved) scrollBy({ top: moved, behavior: "instant" });
      return;
    }
  };
}

const typedIn = () => document.activeElement?.closest(FIELDS);

function selectedIn(selector) {
  const { isCollapsed, anchorNode } = getSelection();
  const start = anchorNode?.nodeType === Node.TEXT_NODE ? anchorNode.parentElement : anchorNode;
  return isCollapsed ? null : start?.closest?.(selector);
}

const topOf = (element) => element.getBoundingClientRect().top;

export function isSeen(element) {
  const { top, bottom } = element.getBoundingClientRect();
  return bottom > 0 && top < innerHeight;
}

// In the column that begins on the left; what is beside it moves apart from it.
function isRead(element) {
  const { bottom, left } = element.getBoundingClientRect();
  return bottom > innerHeight / 3 && left < innerWidth / 2;
}
