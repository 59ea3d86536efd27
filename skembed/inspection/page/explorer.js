// The page of `explore`: everything shown is in the JSON of #data, and goes into the page as text.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const get = (id) => document.getElementById(id);
const state = { column: data.columns[0], level: null, solid: false };
const MOST_LABELS = 25, MOST_FOUND = 12, NEAR = 10;
const MANY = 2000; // levels, above which points are drawn by WebGL

// ---- numbers and distances

const count = (n) => n.toLocaleString("en");
const counted = (n, what) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
const number = (x) => (x === null ? "none" : String(Number(x.toPrecision(4))));
const range = (n) => Array.from({ length: n }, (_, i) => i);

/** Positions and distances of the k levels nearest to one, by their whole vectors. */
function nearest(column, level, k) {
  const from = column.vectors[level];
  return range(column.n_shown)
    .filter((i) => i !== level)
    .map((i) => [i, Math.hypot(...column.vectors[i].map((x, j) => x - from[j]))])
    .sort((a, b) => a[1] - b[1])
    .slice(0, k);
}

// ---- the map

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const font = () => ({ color: css("--ink"), size: 14, family: "system-ui, sans-serif" });
const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
const short = (text) => (text.length > 28 ? text.slice(0, 27) + "…" : text);

/** Three axes at most: components, then rows, then the mean target. */
function axesOf(column) {
  const axes = column.coordinates.map((values, i) => ({
    values,
    title: column.shares.length > 1 ? `component ${i + 1} (${Math.round(100 * column.shares[i])} %)`
      : "component 1",
  }));
  axes.push({ values: column.rows.map((n) => Math.max(n, 1)), title: "rows", type: "log" });
  if (column.mean) axes.push({ values: column.mean, title: "mean target" });
  return axes.slice(0, 3);
}

/** Colours around the mean over the rows, which is grey. */
function colouring(column) {
  const [centre, reach] = column.scale;
  return {
    color: (column.mean ?? column.effect).map((value) => value ?? centre),
    cmin: centre - reach,
    cmax: centre + reach,
    colorscale: [[0, css("--low")], [0.5, css("--middle")], [1, css("--high")]],
    colorbar: { title: { text: data.colour, side: "right" }, thickness: 14, outlinewidth: 0 },
  };
}

const overlap = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];

/** Levels of most rows and the places of their labels: in the picture, and not over each other. */
function labelled(axes) {
  const { column } = state;
  const own = range(column.n_shown), size = sizes(column);
  const { xaxis, yaxis } = get("map")._fullLayout;
  const pixel = (i) => [xaxis.d2p(axes[0].values[i]), yaxis.d2p(axes[1].values[i])];
  const taken = own.slice(0, MOST_LABELS).map((i) => {
    const [x, y] = pixel(i), r = size[i] / 2;
    return [x - r, y - r, x + r, y + r];
  });
  const chosen = [];
  const others = range(column.labels.length).slice(own.length);
  const first = state.level === null ? [] : [state.level];
  for (const i of new Set([...first, ...others, ...own.slice(0, 2000)])) {
    if (chosen.length === MOST_LABELS) break;
    const [x, y] = pixel(i), r = size[i] / 2 + 2, width = 7.6 * short(column.labels[i]).length;
    const places = [
      ["top center", [x - width / 2, y - r - 17, x + width / 2, y - r]],
      ["bottom center", [x - width / 2, y + r, x + width / 2, y + r + 17]],
      ["middle right", [x + r, y - 8, x + r + width, y + 8]],
      ["middle left", [x - r - width, y - 8, x - r, y + 8]],
    ];
    const place = places.find(([, box]) =>
      box[0] > 0 && box[2] < xaxis._length && box[1] > 0 && box[3] < yaxis._length &&
      !taken.some((other) => overlap(box, other)));
    if (!place) continue;
    taken.push(place[1]);
    chosen.push([i, place[0]]);
  }
  return chosen;
}

/** Widths of the markers, in pixels. */
function sizes({ rows, n_shown }) {
  const most = Math.max(...rows);
  return rows.map((n, i) => (i < n_shown ? 6 + 22 * Math.sqrt(n / most) : 10));
}

function traces(axes) {
  const { column, level, solid } = state;
  const at = (points, more) => ({
    x: points.map((i) => axes[0].values[i]),
    y: points.map((i) => axes[1].values[i]),
    ...(solid && { z: points.map((i) => axes[2].values[i]) }),
    customdata: points,
    type: solid ? "scatter3d" : column.n_shown > MANY ? "scattergl" : "scatter",
    hoverinfo: "none",
    ...more,
  });
  const scale = colouring(column);
  const own = range(column.n_shown);
  const others = range(column.labels.length).slice(column.n_shown);
  const size = sizes(column);
  const near = level === null ? [] : nearest(column, level, 5).map(([i]) => i);
  const chosen = level === null ? [] : [level];
  return [
    at(near.flatMap((i) => [level, i, i]), {
      mode: "lines", hoverinfo: "skip", line: { color: css("--soft"), width: solid ? 3 : 1.5 },
    }),
    at(own, {
      mode: "markers",
      marker: {
        ...scale, size: size.slice(0, own.length), color: scale.color.slice(0, own.length), opacity: 0.9,
        line: { color: css("--panel"), width: solid ? 0 : 1 },
      },
    }),
    at(others, {
      mode: "markers", marker: { symbol: "x", size: solid ? 5 : 10, color: css("--ink") },
    }),
    at(chosen, {
      mode: "markers", hoverinfo: "skip",
      marker: {
        symbol: "circle-open", size: (size[level] ?? 0) + 6, color: css("--accent"),
        line: { width: 3 },
      },
    }),
    // Labels; the markers cannot be seen, and keep them off those that can.
    at([], { mode: "markers+text", hoverinfo: "skip", marker: { opacity: 0 } }),
  ];
}

function layoutOf(axes) {
  const axis = ({ title, type }) => ({
    title: { text: title }, type, gridcolor: css("--line"), zeroline: false, color: css("--soft"),
    showspikes: false,
    ...(type === "log" && { dtick: 1 }),
  });
  const common = {
    paper_bgcolor: css("--panel"), plot_bgcolor: css("--panel"), showlegend: false,
    font: font(), hovermode: "closest",
    margin: { l: 65, r: 10, t: 36, b: 50 }, uirevision: state.column.name + state.solid,
  };
  const [xaxis, yaxis, zaxis] = axes.map(axis);
  if (!state.solid) return { ...common, xaxis, yaxis, dragmode: "pan" };
  const camera = { eye: { x: 1.5, y: 1.5, z: 1.1 } };
  return { ...common, margin: { l: 0, r: 0, t: 36, b: 0 }, scene: { xaxis, yaxis, zaxis, camera } };
}

async function draw() {
  const axes = axesOf(state.column), map = get("map");
  state.solid &&= axes.length > 2;
  get("solid").disabled = axes.length < 3;
  get("solid").title = axes.length < 3 ? "One component: there is no third axis to show." : "";
  get("flat").setAttribute("aria-pressed", !state.solid);
  get("solid").setAttribute("aria-pressed", state.solid);
  map.setAttribute("aria-label", `Map of ${state.column.name}; levels can be found by the search.`);
  await Plotly.react(map, traces(axes), layoutOf(axes), {
    displaylogo: false, responsive: true, scrollZoom: true,
    // Named one by one: plotly has a button that sends the picture to a server.
    modeBarButtons: [state.solid ? ["toImage", "resetCameraDefault3d"]
      : ["toImage", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  });
  await label();
}

/** Write the labels again, for what is in the picture now. */
async function label() {
  const axes = axesOf(state.column), size = sizes(state.column);
  const chosen = state.level === null ? [] : [[state.level, "top center"]];
  const shown = state.solid ? chosen : labelled(axes); // in space, others would cover each other
  const of = (values) => [shown.map(([i]) => values[i])];
  await Plotly.restyle("map", {
    x: of(axes[0].values),
    y: of(axes[1].values),
    ...(state.solid && { z: of(axes[2].values) }),
    text: [shown.map(([i]) => escaped(short(state.column.labels[i])))],
    textposition: [shown.map(([, place]) => place)],
    "textfont.color": [shown.map(([i]) => css(i === state.level ? "--accent" : "--ink"))],
    "marker.size": of(size),
  }, [4]);
}

function drawTraining() {
  const { losses, best } = data.training;
  const lines = Object.entries(losses).map(([name, y], k) => ({
    name, y, x: y.map((_, i) => i + 1), mode: "lines+markers",
    line: { color: css(k ? "--high" : "--low"), width: 2 },
  }));
  const axis = { gridcolor: css("--line"), color: css("--soft"), zeroline: false };
  Plotly.react("training", lines, {
    paper_bgcolor: css("--panel"), plot_bgcolor: css("--panel"), font: font(),
    margin: { l: 60, r: 10, t: 10, b: 45 }, legend: { x: 1, xanchor: "right", y: 1 }, showlegend: true,
    xaxis: { ...axis, title: { text: "epoch" }, tickformat: "d" },
    yaxis: { ...axis, title: { text: "loss" } },
    shapes: [{
      type: "line", x0: best, x1: best, yref: "paper", y0: 0, y1: 1,
      line: { color: css("--soft"), dash: "dash" },
      label: { text: best ? `chosen: epoch ${best}` : "chosen: the start", textposition: "middle" },
    }],
  }, { displayModeBar: false, responsive: true });
  get("training").setAttribute("aria-label",
    Object.entries(losses).map(([name, y]) => `${name}: ${number(y.at(-1))} in the end`).join("; "));
}

// ---- what is beside the map

/** Facts about a level, as pairs of words. */
function facts(column, level) {
  const pairs = [["Rows in fit", count(column.rows[level])]];
  if (column.mean) pairs.push(["Mean target", number(column.mean[level])]);
  pairs.push(["First component, from the mean row", number(column.effect[level])]);
  return pairs;
}

function element(name, text, parent) {
  const made = document.createElement(name);
  made.textContent = text;
  parent.append(made);
  return made;
}

/** Fill a table with rows of a level, which can be chosen, and numbers beside. */
function fill(table, rows) {
  const body = table.tBodies[0];
  body.replaceChildren();
  table.hidden = rows.length === 0;
  for (const [level, ...numbers] of rows) {
    const row = element("tr", "", body);
    const button = element("button", state.column.labels[level], element("td", "", row));
    button.type = "button";
    button.onclick = () => choose(state.column, level);
    numbers.forEach((text) => element("td", text, row));
  }
}

function describe() {
  const { column, level } = state;
  get("hint").hidden = level !== null;
  get("details").replaceChildren();
  get("level").textContent = level === null ? "No level chosen" : column.labels[level];
  const pairs = level === null ? [] : facts(column, level);
  for (const [term, value] of pairs) {
    element("dt", term, get("details"));
    element("dd", value, get("details"));
  }
  const near = level === null ? [] : nearest(column, level, NEAR);
  fill(get("nearest"), near.map(([i, far]) => [i, number(far), count(column.rows[i])]));
}

function describeColumn() {
  const { column } = state;
  get("note").textContent = column.n_shown < column.n_levels
    ? `The ${count(column.n_shown)} levels of most rows, of ${count(column.n_levels)}.`
    : `${counted(column.n_levels, "level")}. x: no level, but the vector of unseen or missing ones.`;
  const { undertrained } = column, most = 200;
  get("undertrained-note").textContent = undertrained.length
    ? `${count(undertrained.length)} with fewer than ${data.few_rows} rows, near the prior row` +
      (undertrained.length > most ? `; the first ${most}:` : ":")
    : `None: no level with fewer than ${data.few_rows} rows lies near the prior row.`;
  fill(get("undertrained"), undertrained.slice(0, most).map((i) => [i, count(column.rows[i])]));
}

/** Show a column, and a level of it or none. */
function choose(column, level) {
  const isNew = column !== state.column;
  Object.assign(state, { column, level });
  get("column").value = data.columns.indexOf(column);
  describe();
  if (isNew) describeColumn();
  return draw();
}

// ---- the search

let found = [], active = -1;

function find(query) {
  const wanted = query.trim().toLowerCase();
  const columns = [state.column, ...data.columns.filter((column) => column !== state.column)];
  const starting = [], holding = [];
  for (const column of wanted ? columns : []) {
    for (const [i, text] of column.lowered.entries()) {
      const at = text.indexOf(wanted);
      if (at >= 0) (at ? holding : starting).push([column, i]);
      if (starting.length === MOST_FOUND) return starting;
    }
  }
  return [...starting, ...holding].slice(0, MOST_FOUND);
}

function showFound() {
  const list = get("results");
  list.replaceChildren();
  found.forEach(([column, level], k) => {
    const item = element("li", column.labels[level] + " ", list);
    element("small", column.name, item);
    Object.assign(item, { id: `found-${k}`, onpointerdown: () => take(k) });
    item.setAttribute("role", "option");
    item.setAttribute("aria-selected", k === active);
  });
  list.hidden = found.length === 0;
  get("search").setAttribute("aria-expanded", found.length > 0);
  get("search").setAttribute("aria-activedescendant", active < 0 ? "" : `found-${active}`);
}

function closeFound() {
  found = [];
  showFound();
}

function take(k) {
  const [column, level] = found[k];
  closeFound();
  get("search").value = column.labels[level];
  choose(column, level);
}

function onSearchKey(event) {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && found.length) {
    active = (active + step + found.length) % found.length;
    showFound();
  } else if (event.key === "Enter" && found.length) {
    take(Math.max(active, 0));
  } else if (event.key === "Escape") {
    closeFound();
  } else {
    return;
  }
  event.preventDefault();
}

// ---- the start

function setTheme(dark) {
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  get("theme").setAttribute("aria-pressed", dark);
}

function showTip({ points: [point] }) {
  const { column } = state, level = point.customdata, tip = get("tip");
  const near = nearest(column, level, 3).map(([i]) => column.labels[i]);
  tip.textContent = [
    column.labels[level],
    ...facts(column, level).map(([term, value]) => `${term}: ${value}`),
    ...(near.length ? [`Nearest: ${near.join(", ")}`] : []),
  ].join("\n");
  tip.hidden = false;
}

function placeTip({ clientX, clientY }) {
  get("tip").style.left = `${Math.min(clientX + 16, innerWidth - 370)}px`;
  get("tip").style.top = `${Math.min(clientY + 16, innerHeight - 170)}px`;
}

async function start() {
  get("title").textContent = document.title = data.title;
  get("facts").textContent = data.facts;
  data.columns.forEach((column, i) => {
    column.lowered = column.labels.map((text) => text.toLowerCase());
    const size = `${counted(column.n_levels, "level")}, ${counted(column.dim, "component")}`;
    element("option", `${column.name} (${size})`, get("column")).value = i;
  });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => { draw(); drawTraining(); };
  setTheme(dark.matches);
  dark.onchange = () => { setTheme(dark.matches); redraw(); };
  get("theme").onclick = () => {
    setTheme(document.documentElement.dataset.theme === "light");
    redraw();
  };
  get("column").onchange = (event) => choose(data.columns[event.target.value], null);
  get("flat").onclick = () => { state.solid = false; draw(); };
  get("solid").onclick = () => { state.solid = true; draw(); };
  get("search").oninput = (event) => { [found, active] = [find(event.target.value), -1]; showFound(); };
  get("search").onkeydown = onSearchKey;
  get("search").onblur = closeFound;
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.target.matches("input, select")) return;
    event.preventDefault();
    get("search").focus();
  });
  describeColumn();
  await draw();
  drawTraining();
  const map = get("map");
  map.addEventListener("pointermove", placeTip, true);
  map.on("plotly_hover", showTip);
  map.on("plotly_unhover", () => { get("tip").hidden = true; });
  map.on("plotly_click", ({ points: [point] }) => choose(state.column, point.customdata));
  map.on("plotly_relayout", () => { if (!state.solid) label(); });
}

start();
