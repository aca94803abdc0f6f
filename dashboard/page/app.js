// Which runs are shown, and what the server says of them: one stream of events for all.
import {Charts} from "./charts.js";
import {showChips, showChooser, showHeader, showLimiter, showLog, showMembers, showTiles}
  from "./view.js";

const $ = (id) => document.getElementById(id);
const RUNS_MAX = 8;
const LIST_EVERY_MS = 15000;
const DRAW_EVERY_MS = 250;
const RETRY_MS = 5000;
const LOG_MAX = 200;

let entries = [];         // all runs that the server knows
const runs = new Map();   // chosen ones by id, in the order chosen
let main = "";            // the one whose numbers the tiles show
let events = null;
let charts = null;
let drawDue = false;
let retry = 0;

function addRun(id) {
  const used = new Set([...runs.values()].map((run) => run.slot));
  let slot = 0;
  while (used.has(slot)) ++slot;
  runs.set(id, {name: id, slot, entry: entries.find((entry) => entry.id === id) ?? null,
                columns: {}, latest: {}, log: [], status: null, main: false});
}

// Points from value.from on are new; a column that is not there has no value in them.
function addHistory(run, value) {
  const count = value.columns.env_steps?.length ?? 0;
  for (const name of Object.keys(value.columns)) run.columns[name] ??= [];
  for (const [name, list] of Object.entries(run.columns)) {
    list.length = Math.min(list.length, value.from);
    while (list.length < value.from) list.push(null);
    const added = value.columns[name];
    for (let i = 0; i < count; ++i) list.push(added === undefined ? null : added[i]);
  }
  run.latest = value.latest;
}

function addLog(run, value) {
  run.log = (value.reset ? [] : run.log).concat(value.lines).slice(-LOG_MAX);
}

const ON_EVENT = {
  history: addHistory,
  log: addLog,
  status: (run, value) => { run.status = value; },
};

function connect() {
  events?.close();
  clearTimeout(retry);
  const query = [...runs.keys()].map((id) => "run=" + encodeURIComponent(id)).join("&");
  history.replaceState(null, "", "?" + query);
  events = new EventSource("/api/events?" + query);
  events.onopen = () => { $("link").textContent = "live"; };
  events.onerror = () => {
    $("link").textContent = "no answer";
    for (const run of runs.values()) run.status = null;
    drawSoon();
    // A stream that broke is opened again by the browser, one that was refused is not.
    if (events.readyState === EventSource.CLOSED) retry = setTimeout(connect, RETRY_MS);
  };
  for (const [name, add] of Object.entries(ON_EVENT)) {
    events.addEventListener(name, (event) => {
      const {run: id, value} = JSON.parse(event.data);
      const run = runs.get(id);
      if (run === undefined) return;
      add(run, value);
      drawSoon();
    });
  }
}

function drawSoon() {
  if (drawDue) return;
  drawDue = true;
  setTimeout(draw, DRAW_EVERY_MS);
}

function draw() {
  drawDue = false;
  if (!runs.has(main)) main = runs.keys().next().value ?? "";
  const list = [...runs.values()];
  for (const run of list) run.main = run.name === main;
  showChips(list, choose, toggle);
  showChooser(entries, new Set(runs.keys()), RUNS_MAX, toggle);
  charts.show(list);
  const run = runs.get(main);
  if (run === undefined) return;
  showHeader(run);
  showTiles(run);
  showLimiter(run);
  showMembers(run);
  showLog(run);
  document.body.dataset.drawn = String(Number(document.body.dataset.drawn ?? 0) + 1);
}

function choose(id) {
  main = id;
  drawSoon();
}

function toggle(id) {
  if (runs.has(id)) runs.delete(id);
  else if (runs.size < RUNS_MAX) addRun(id);
  connect();
  drawSoon();
}

async function loadList() {
  const response = await fetch("/api/runs");
  if (!response.ok) throw new Error(await response.text());
  const answer = await response.json();
  entries = answer.runs;
  for (const run of runs.values()) {
    run.entry = entries.find((entry) => entry.id === run.name) ?? run.entry;
  }
  return answer.own;
}

async function keepList() {
  try {
    const own = await loadList();
    if (runs.size === 0 && entries.length > 0) start(own);
    drawSoon();
  } catch (error) {
    $("link").textContent = "no answer";
  }
  setTimeout(keepList, LIST_EVERY_MS);
}

// The runs of the address line, or this process's own, or the newest.
function start(own) {
  const asked = new URLSearchParams(location.search).getAll("run").slice(0, RUNS_MAX);
  const known = asked.filter((id) => entries.some((entry) => entry.id === id));
  const first = known.length > 0 ? known : [own || entries[0].id];
  for (const id of first) addRun(id);
  main = first[0];
  connect();
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  charts?.restyle();
  drawSoon();
}

function startTheme() {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const wanted = () => localStorage.getItem("theme") ?? (system.matches ? "dark" : "light");
  document.documentElement.dataset.theme = wanted();
  system.addEventListener("change", () => setTheme(wanted()));
  $("theme").addEventListener("click", () => {
    const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
    localStorage.setItem("theme", next);
    setTheme(next);
  });
}

startTheme();
charts = new Charts($("charts"), $("more-charts"), $("more"));
$("filter").addEventListener("input", drawSoon);
keepList();
