// Draw each chart from the table behind it. Colours are the page's own, light and dark.
import { inWords } from "./durations.js";

const { Chart } = window;
const narrow = window.matchMedia("(max-width: 34rem)");
const PATTERNS = { p2: "stripes", p3: "dots", p4: "hollow", second: "stripes", third: "dots", fourth: "hollow", alarm: "stripes" };
const UNITS = [["d", 86_400], ["h", 3_600], ["min", 60], ["s", 1]];
// Steps a person counts time in.
const STEPS = [10, 30, 60, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const SAY = { seconds: inWords, percent: (value) => `${value}%`, count: (value) => value.toLocaleString() };

// A fill that differs in shape as well as in colour.
function fill(context, colour, kind) {
  if (!kind) return colour;
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = token("surface");
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = pen.fillStyle = colour;
  if (kind === "stripes") {
    pen.lineWidth = 3.5;
    for (const shift of [-8, 0, 8]) {
      pen.beginPath();
      pen.moveTo(shift - 2, 10);
      pen.lineTo(shift + 10, -2);
      pen.stroke();
    }
  } else if (kind === "dots") {
    for (const [x, y] of [[2, 2], [6, 6]]) {
      pen.beginPath();
      pen.arc(x, y, 1.6, 0, 7);
      pen.fill();
    }
  } else {
    pen.globalAlpha = 0.25;
    pen.fillRect(0, 0, 8, 8);
  }
  return context.createPattern(tile, "repeat");
}

function read(figure) {
  const columns = [...figure.querySelectorAll("thead th")].slice(1);
  let rows = [...figure.querySelectorAll("tbody tr")];
  const all = rows.length;
  if (figure.dataset.drawn) rows = rows.slice(0, Number(figure.dataset.drawn));
  return {
    left: all - rows.length,
    labels: rows.map((row) => row.cells[0].textContent.trim()),
    measure: columns.find((column) => column.dataset.colour).dataset.measure,
    series: columns.flatMap((column, index) => {
      if (!column.dataset.colour) return [];
      const cells = rows.map((row) => row.cells[index + 1].dataset.value);
      const data = cells.map((value) => (value === undefined ? null : Number(value)));
      return [{ label: column.textContent.trim(), name: column.dataset.colour, data }];
    }),
  };
}

function coloured(context, series) {
  return series.map(({ label, name, data }) => {
    const colour = token(name);
    return { label, data, backgroundColor: fill(context, colour, PATTERNS[name]), borderColor: colour, borderWidth: 1, maxBarThickness: 44 };
  });
}

const shorten = (text) => (text.length > 16 && narrow.matches ? `${text.slice(0, 15)}…` : text);

// The longest step of time that still makes at least four lines, and the first line above all bars.
function steps(series, stacked) {
  const bars = series[0].data.map((_, index) => series.map(({ data }) => data[index] ?? 0));
  const longest = Math.max(...bars.map((bar) => (stacked ? bar.reduce((sum, part) => sum + part, 0) : Math.max(...bar))));
  const stepSize = STEPS.findLast((step) => longest / step >= 4) ?? 1;
  return { stepSize, max: Math.ceil(longest / stepSize) * stepSize };
}

function options({ labels, series, measure }, { stacked, lying }) {
  const say = SAY[measure];
  const ink = token("ink-soft");
  const { stepSize, max } = measure === "seconds" ? steps(series, stacked) : { max: measure === "percent" ? 100 : undefined };
  const values = {
    stacked,
    beginAtZero: true,
    max,
    grid: { color: token("line") },
    border: { display: false },
    ticks: { color: ink, callback: say, precision: 0, maxRotation: 0, autoSkip: true, autoSkipPadding: 8, stepSize },
  };
  const names = {
    stacked,
    grid: { display: false },
    border: { color: token("line") },
    ticks: { color: ink, maxRotation: 0, autoSkip: !lying, autoSkipPadding: 12, callback: (_, index) => shorten(labels[index]) },
  };
  return {
    indexAxis: lying ? "y" : "x",
    responsive: true,
    maintainAspectRatio: false,
    layout: { padding: measure !== "seconds" ? 0 : lying ? { right: 44 } : { top: 16 } },
    animation: false,
    interaction: { mode: "index", axis: lying ? "y" : "x", intersect: false },
    scales: lying ? { x: values, y: names } : { x: names, y: values },
    plugins: {
      legend: { display: series.length > 1, position: "bottom", labels: { color: token("ink"), boxWidth: 18, boxHeight: 12 } },
      tooltip: { callbacks: { label: (item) => (item.raw === null ? "" : `${item.dataset.label}: ${say(item.raw)}`) } },
    },
  };
}

// "6.2 h": as short as fits above a bar.
function inShort(seconds) {
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS.at(-1);
  const value = seconds / size;
  return `${value < 10 && size > 60 ? Math.round(value * 10) / 10 : Math.round(value)} ${unit}`;
}

// Says how long each bar is: beside one of days, one of minutes cannot be seen. A stack has its sum.
const lengths = ({ lying, stacked }) => ({
  id: "lengths",
  afterDatasetsDraw(chart) {
    const { ctx, data } = chart;
    const drawn = chart.getSortedVisibleDatasetMetas();
    const length = (meta, place) => data.datasets[meta.index].data[place] ?? 0;
    let before; // the label to the left
    const write = (seconds, { x, y }) => {
      if (!seconds) return;
      const words = inShort(seconds);
      if (lying) return ctx.fillText(words, x + 4, y);
      const half = ctx.measureText(words).width / 2 + 2;
      const collides = before && x - half < before.right && Math.abs(y - before.top) < 12;
      const top = collides ? Math.min(y, before.top) - 12 : y;
      ctx.fillText(words, x, top - 3);
      before = { right: x + half, top };
    };
    ctx.save();
    ctx.font = `11px ${Chart.defaults.font.family}`;
    ctx.fillStyle = token("ink");
    [ctx.textAlign, ctx.textBaseline] = lying ? ["left", "middle"] : ["center", "bottom"];
    for (const place of data.labels.keys()) {
      if (stacked) {
        const far = drawn.map((meta) => meta.data[place]).sort((one, other) => other.x - one.x)[0];
        if (far) write(drawn.reduce((sum, meta) => sum + length(meta, place), 0), far);
      } else {
        for (const meta of drawn) write(length(meta, place), meta.data[place]);
      }
    }
    ctx.restore();
  },
});

function draw(figure) {
  const found = read(figure);
  const shape = { stacked: figure.dataset.stacked === "yes", lying: figure.dataset.lying === "yes" };
  const canvas = figure.querySelector("canvas");
  const context = canvas.getContext("2d");
  const chart = new Chart(canvas, {
    type: "bar",
    data: { labels: found.labels, datasets: coloured(context, found.series) },
    options: options(found, shape),
    plugins: found.measure === "seconds" ? [lengths(shape)] : [],
  });
  return () => {
    chart.data.datasets = coloured(context, found.series);
    chart.options = options(found, shape);
    chart.update("none");
  };
}

if (Chart) {
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
  Chart.defaults.font.size = 12;
  const again = [...document.querySelectorAll("figure[data-chart]")].map(draw);
  new MutationObserver(() => again.forEach((redraw) => redraw())).observe(document.documentElement, { attributeFilter: ["data-bs-theme"] });
} else {
  document.documentElement.classList.remove("draws-charts");
  for (const table of document.querySelectorAll("figure[data-chart] > details")) table.open = true;
}
