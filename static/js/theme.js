// Follow the system's light or dark. Not a module: it runs before the first paint.
{
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = document.documentElement.dataset.theme; // on one's own page
  const apply = () => chosen || document.documentElement.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  dark.addEventListener("change", apply);
  apply();
}
