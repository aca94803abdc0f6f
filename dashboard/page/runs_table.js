// All runs as a table: sorted, filtered, by groups of seeds, with those chosen that are drawn.
import {ago, DASH, duration, make, number, taskName} from "./format.js";
import {stateOf} from "./run_state.js";
import {meanInterval} from "./series.js";
import {setState, state} from "./state.js";
import {changed} from "./view.js";

const $ = (id) => document.getElementById(id);
const ROWS_MAX = 500;

// name, title, value of a row for sorting, text.
const COLUMNS = [
  ["env", "Task", (row) => row.entry.env, (row) => taskName(row.entry.env) || "?"],
  ["algorithm", "Algorithm", (row) => row.entry.algorithm],
  ["seed", "Seed", (row) => row.entry.seed, (row) => row.seeds ?? String(row.entry.seed)],
  ["steps", "Steps", (row) => row.sum.env_steps, (row) => number(row.sum.env_steps)],
  ["last", "Last return", (row) => row.sum.last_return, (row) => interval(row, "last_return")],
  ["best", "Best return", (row) => row.sum.best_return, (row) => interval(row, "best_return")],
  ["duration", "Duration", (row) => row.sum.wall_s, (row) => duration(row.sum.wall_s)],
  ["rate", "Steps/s", (row) => row.rate, (row) => number(row.rate)],
  ["state", "State", (row) => row.state],
  ["commit", "Commit", (row) => row.entry.commit, (row) => row.entry.commit.slice(0, 12) || DASH],
  ["changed", "Changed", (row) => -(row.entry.changed_ago_s ?? 1e12),
   (row) => ago(row.entry.changed_ago_s)],
];

function interval(row, field) {
  const half = row.half?.[field];
  return number(row.sum[field]) + (half > 0 ? " ± " + number(half) : "");
}

function rowOf(entry, summaries, statusOf) {
  const sum = summaries[entry.id] ?? {};
  return {
    ids: [entry.id], name: entry.id, entry, sum, rate: sum.env_steps / sum.wall_s,
    state: stateOf(entry, statusOf(entry.id), sum.env_steps).state,
  };
}

// One row for all seeds of a configuration: means, of returns with their 95 % interval.
function groupRow(rows) {
  if (rows.length === 1) return rows[0];
  const [{entry}] = rows;
  const sum = {};
  const half = {};
  for (const field of ["env_steps", "last_return", "best_return", "wall_s"]) {
    const known = rows.map((row) => row.sum[field]).filter((value) => value !== undefined);
    if (known.length === 0) continue;
    const {mean, half: width} = meanInterval(known);
    sum[field] = mean;
    half[field] = width;
  }
  const rates = rows.map((row) => row.rate).filter((rate) => Number.isFinite(rate));
  const states = new Set(rows.map((row) => row.state));
  return {
    ids: rows.map((row) => row.ids[0]), entry, sum, half,
    name: `${rows.length} seeds: ${rows.map((row) => row.name).join(", ")}`,
    seeds: rows.map((row) => row.entry.seed).sort((a, b) => a - b).join(", "),
    rate: rates.length > 0 ? meanInterval(rates).mean : NaN,
    state: states.size === 1 ? [...states][0] : "several",
  };
}

function compare(a, b) {
  const missing = (value) => value === undefined || value === null || Number.isNaN(value);
  if (missing(a) || missing(b)) return missing(a) - missing(b);  // the unknown comes last
  const order = typeof a === "string" ? a.localeCompare(b) : a - b;
  return state.up ? order : -order;
}

export function rowsOf(entries, summaries, statusOf) {
  const words = state.filter.toLowerCase().split(/\s+/).filter((word) => word);
  let rows = entries.filter((entry) => words.every((word) =>
    `${entry.id} ${entry.env} ${entry.algorithm} ${entry.preset} ${entry.commit}`.toLowerCase()
      .includes(word))).map((entry) => rowOf(entry, summaries, statusOf));
  if (state.group) {
    const groups = new Map();
    for (const row of rows) {
      const key = row.entry.group || row.name;
      groups.set(key, [...groups.get(key) ?? [], row]);
    }
    rows = [...groups.values()].map(groupRow);
  }
  const [, , value] = COLUMNS.find(([name]) => name === state.sort) ??
    [null, null, (row) => row.name];
  return rows.sort((a, b) => compare(value(a), value(b))).slice(0, ROWS_MAX);
}

function headCell(name, title, redraw) {
  const button = make("button", "", title);
  button.type = "button";
  button.addEventListener("click", () => {
    setState(state.sort === name ? {up: !state.up} : {sort: name, up: name === "env"});
    redraw();
  });
  const cell = make("th", "", button);
  cell.dataset.sort = name;
  if (state.sort === name) cell.setAttribute("aria-sort", state.up ? "ascending" : "descending");
  return cell;
}

function bodyRow(row, chosen, limit, on) {
  const box = make("input");
  box.type = "checkbox";
  // Of more than can be drawn, the first ones are.
  box.checked = row.ids.slice(0, limit).every((id) => chosen.has(id));
  box.disabled = !box.checked && chosen.size >= limit;
  box.setAttribute("aria-label", "Draw " + row.name);
  box.addEventListener("change", () => on.choose(row.ids, box.checked));
  const name = make("button", "name", row.name);
  name.type = "button";
  name.addEventListener("click", () => on.open(row.ids));
  const cells = COLUMNS.map(([, title, value, text]) => {
    const cell = make("td", "", (text ?? value)(row));
    cell.dataset.label = title;
    return cell;
  });
  const element = make("tr", "", make("td", "", box), make("td", "", name), ...cells);
  element.dataset.run = row.ids.join(" ");
  return element;
}

// on: {choose(ids, yes), open(ids), redraw(), statusOf(id)}
export function showTable(entries, summaries, chosen, limit, on) {
  const rows = rowsOf(entries, summaries.runs, on.statusOf);
  $("pending").textContent = summaries.pending > 0 ?
    `reading ${summaries.pending} more files …` : "";
  $("run-count").textContent = `${rows.length} of ${entries.length}`;
  if (!changed("table", [rows, [...chosen], state.sort, state.up])) return;
  const head = make("tr", "", make("th", ""), headCell("name", "Run", on.redraw),
                    ...COLUMNS.map(([name, title]) => headCell(name, title, on.redraw)));
  $("table").replaceChildren(make("thead", "", head), make("tbody", "", ...rows.map(
    (row) => bodyRow(row, chosen, limit, on))));
}
