// Fold the tables away while the page is being read, as charts stand for them: not a module, so that
// it runs before the first paint and nothing moves. Without JavaScript the tables stay open.
{
  document.documentElement.classList.add("draws-charts");
  const fold = () => {
    for (const table of document.querySelectorAll("figure[data-chart] > details:not([data-folded])")) {
      table.dataset.folded = "";
      table.open = false;
    }
  };
  const watch = new MutationObserver(fold);
  watch.observe(document.documentElement, { childList: true, subtree: true });
  document.addEventListener("DOMContentLoaded", () => watch.disconnect());
}
