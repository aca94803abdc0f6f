// The page: what is asked of the server, and which part shows it.
import {Charts} from "./charts.js";
import {ActorsCard} from "./actors_card.js";
import {showBars, showLatencies, showVerdict} from "./live.js";
import {askAgain, showDetails, showDifferences} from "./run_details.js";
import {Runs} from "./runs.js";
import {showTable} from "./runs_table.js";
import {readState, setState, state, toggleState} from "./state.js";
import {showTiles} from "./tiles.js";
import {Toolbar} from "./toolbar.js";
import {showChips, showHeader, showLimiter, showLog, showMembers} from "./view.js";

const $ = (id) => document.getElementById(id);
const RUNS_MAX = 10;
const LIST_EVERY_MS = 15000;
const PENDING_EVERY_MS = 400;
const DRAW_EVERY_MS = 250;
const SUMMARY_LOOK_MS = 500;

let entries = [];  // all runs that the server knows
let summaries = {pending: 0, runs: {}};
let drawDue = false;
let listTimer = 0;
const runs = new Runs(drawSoon, (text) => { $("link").textContent = text; });
const actors = new ActorsCard($("actors-card"), change);
const toolbar = new Toolbar($("toolbar"), change);
let charts = null;

function drawSoon() {
  if (drawDue) return;
  drawDue = true;
  setTimeout(draw, DRAW_EVERY_MS);
}

function mainRun() {
  return runs.byId.get(state.main) ?? runs.byId.values().next().value;
}

function draw() {
  drawDue = false;
  const list = [...runs.byId.values()];
  const main = mainRun();
  for (const run of list) run.main = run === main;
  const isTable = state.view === "runs";
  $("run-view").hidden = isTable;
  $("runs-view").hidden = !isTable;
  $("to-run").classList.toggle("on", !isTable);
  $("to-runs").classList.toggle("on", isTable);
  showHeader(main, isTable);
  showChips(list, (id) => change({main: id}), (id) => choose([id], false));
  if (isTable) drawTable(main);
  else if (main !== undefined) drawRun(list, main);
  document.body.dataset.drawn = String(Number(document.body.dataset.drawn ?? 0) + 1);
}

function drawRun(list, main) {
  showVerdict($("verdict"), main);
  showTiles($("tiles"), main);
  toolbar.show(list);
  showBars($("bars"), main);
  charts.show(list);
  showLatencies($("latencies"), main);
  actors.show(main);
  showLimiter(main);
  showMembers(main);
  showLog(main);
}

function drawTable(main) {
  showTable(entries, summaries, new Set(runs.ids), RUNS_MAX, {
    choose, redraw: drawSoon, statusOf: (id) => runs.byId.get(id)?.status ?? null,
    open: (ids) => { choose(ids.slice(0, RUNS_MAX), true, true); change({view: "run"}); },
  });
  showDifferences(runs.ids);
  if (main !== undefined) showDetails(main.name);
}

function change(changes) {
  // A piece of one axis is none of another.
  if (changes.x !== undefined && changes.x !== state.x) Object.assign(changes, {from: null, to: null});
  setState(changes);
  if (changes.view === "runs") loadSummaries();
  drawSoon();
}

// Draws these runs too, or no longer; `only`: no others.
function choose(ids, yes, only = false) {
  const others = only ? [] : runs.ids.filter((id) => !ids.includes(id));
  const chosen = (yes ? [...others, ...ids] : others).slice(0, RUNS_MAX);
  runs.choose(chosen, entries);
  change({run: chosen, main: chosen.includes(state.main) ? state.main : chosen[0] ?? ""});
}

async function loadList() {
  const response = await fetch("/api/runs");
  if (!response.ok) throw new Error(await response.text());
  const answer = await response.json();
  entries = answer.runs;
  runs.setEntries(entries);
  return answer.own;
}

async function loadSummaries() {
  clearTimeout(listTimer);
  try {
    const response = await fetch("/api/summaries");
    if (response.ok) summaries = await response.json();
  } catch (error) {
    $("link").textContent = "no answer";
  }
  if (summaries.pending > 0 && state.view === "runs") {
    listTimer = setTimeout(loadSummaries, PENDING_EVERY_MS);
  }
  drawSoon();
}

async function keepList() {
  try {
    const own = await loadList();
    askAgain();
    if (runs.byId.size === 0 && entries.length > 0) start(own);
    if (state.view === "runs") await loadSummaries();
    drawSoon();
  } catch (error) {
    $("link").textContent = "no answer";
  }
  setTimeout(keepList, LIST_EVERY_MS);
}

async function keepSummary() {
  if (state.view !== "runs") await runs.keepSummary(mainRun());
  setTimeout(keepSummary, SUMMARY_LOOK_MS);
}

// The runs of the address line, or this process's own, or the newest.
function start(own) {
  const known = state.run.slice(0, RUNS_MAX)
    .filter((id) => entries.some((entry) => entry.id === id));
  const first = known.length > 0 ? known : [own || entries[0].id];
  runs.choose(first, entries);
  setState({run: first, main: first.includes(state.main) ? state.main : first[0]});
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

readState();
startTheme();
charts = new Charts({charts: $("charts"), times: $("times"), primitives: $("primitives"),
                     more: $("more-charts")}, $("more"),
                    {change, toggle: (list, id) => { toggleState(list, id); drawSoon(); }});
$("to-run").addEventListener("click", () => change({view: "run"}));
$("to-runs").addEventListener("click", () => change({view: "runs"}));
$("filter").value = state.filter;
$("filter").addEventListener("input", () => change({filter: $("filter").value}));
$("group-runs").checked = state.group;
$("group-runs").addEventListener("change", () => change({group: $("group-runs").checked}));
$("draw-chosen").addEventListener("click", () => change({view: "run"}));
addEventListener("resize", drawSoon);
// A browser keeps pages that were left, and would keep their streams: six of them are all that it
// opens to one host.
addEventListener("pagehide", () => runs.close());
addEventListener("pageshow", (event) => { if (event.persisted) runs.connect(); });
keepList();
keepSummary();
