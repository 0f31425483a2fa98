// Keep what one reads at its place on the screen, whatever is put in or taken out above it. Safari does
// not by itself. Hold it before the change; call what is returned after it. Of the selectors, the first
// with an element on the screen says what is read.
export function holdPlace(...selectors) {
  const isSeen = (element) => {
    const { top, bottom } = element.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const found = (selector) => [...document.querySelectorAll(selector)].find(isSeen);
  const mark = scrollY > 0 && selectors.map(found).find(Boolean);
  if (!mark) return () => {};
  const { id } = mark;
  const { top } = mark.getBoundingClientRect();
  return () => {
    const same = mark.isConnected ? mark : id && document.getElementById(id);
    if (same) scrollBy({ top: same.getBoundingClientRect().top - top, behavior: "instant" });
  };
}
