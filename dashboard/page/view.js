// What stands beside the curves: tiles, members, limiter, log, and the choice of runs.
import {ago, bytes, DASH, duration, make, number, percent} from "./format.js";
import {color, samplesPerInsert} from "./charts.js";

const $ = (id) => document.getElementById(id);
const ROLES = {
  RUN_ROLE_ACTOR: "actor", RUN_ROLE_EVALUATOR: "evaluator", RUN_ROLE_REPLAY: "replay",
  RUN_ROLE_LEARNER: "learner",
};
const TILE_PX = 148;
const FRESH_S = 90;  // a run whose files changed this lately may be at work

// 64-bit numbers are texts in protobuf's JSON.
const num = (value) => (value === undefined || value === null ? NaN : Number(value));
const members = (run, role) =>
  (run.status?.members ?? []).filter((member) => ROLES[member.role] === role);

function last(list) {
  return list.length > 0 ? list[list.length - 1].y : NaN;
}

function best(values) {
  let top = -Infinity;
  for (const value of values ?? []) if (value !== null && value > top) top = value;
  return top;
}

// Elements that people click or select stay as they are until their content changes.
const shown = new Map();
function changed(place, content) {
  const text = JSON.stringify(content);
  if (shown.get(place) === text) return false;
  shown.set(place, text);
  return true;
}

// {state, tone} of a run, from its process or else from its files.
export function stateOf(run) {
  if (run.status !== null) {
    const tone = run.status.state.startsWith("waiting") ? "warn" : "good";
    return {state: run.status.state || "running", tone};
  }
  const steps = num(run.latest.env_steps);
  if (run.entry?.total_steps > 0 && steps >= run.entry.total_steps) {
    return {state: "finished", tone: ""};
  }
  const fresh = Date.now() / 1000 - (run.entry?.changed_unix_s ?? 0) < FRESH_S;
  return fresh ? {state: "running", tone: "good"} : {state: "stopped", tone: "warn"};
}

function cpuTile(run) {
  const processes = [run.status, ...(run.status?.members ?? []).filter((m) => m.connected)];
  const usages = processes.map((process) => process?.usage).filter((usage) => usage);
  if (usages.length === 0) return {value: NaN};
  const cores = usages.reduce((sum, usage) => sum + usage.cpu_cores, 0);
  const memory = usages.reduce((sum, usage) => sum + num(usage.memory_bytes), 0);
  const count = usages.length > 1 ? usages.length + " processes, " : "";
  return {value: cores, text: cores.toFixed(2) + " cores", sub: count + bytes(memory)};
}

function gpuTile(gpu) {
  return {
    id: "gpu_" + gpu.index, label: "GPU " + gpu.index, value: gpu.busy, text: percent(gpu.busy),
    bar: gpu.busy, sub: bytes(num(gpu.memory_used_bytes)) + " of " +
      bytes(num(gpu.memory_total_bytes)) + ", " + gpu.name,
  };
}

function stepsTile(run) {
  const status = run.status;
  const steps = Math.max(num(run.latest.env_steps) || 0, num(status?.env_steps) || 0);
  const total = num(status?.total_steps) || run.entry?.total_steps || 0;
  const rate = num(status?.env_steps_per_s);
  const left = status !== null && rate > 0 ? ", " + duration((total - steps) / rate) + " left" : "";
  return {
    value: steps, bar: total > 0 ? steps / total : 0,
    sub: total > 0 ? "of " + number(total) + (steps < total ? left : "") : "",
  };
}

function replayTile(run) {
  const shards = members(run, "replay").map((member) => member.table).filter((table) => table);
  const live = shards.reduce((sum, table) => sum + num(table.size), 0);
  const rows = shards.length > 0 ? live : num(run.latest.replay_size);
  const fill = rows / (run.entry?.replay_capacity || NaN);
  return {value: rows, bar: fill, sub: percent(fill) + " of " +
    number(run.entry?.replay_capacity)};
}

// As replay counts, or else from updates and the batch size.
function ratioTile(run) {
  const shards = members(run, "replay").map((member) => member.table).filter((table) => table);
  const inserted = shards.reduce((sum, table) => sum + num(table.inserted), 0);
  const sampled = shards.reduce((sum, table) => sum + num(table.sampled), 0);
  if (inserted > 0 && sampled > 0) return {value: sampled / inserted, sub: "rows, since the start"};
  return {value: last(samplesPerInsert(run)), sub: "rows, lately"};
}

function lagTile(run) {
  const live = run.status !== null;
  const versions = live ? run.status.lag_versions : num(run.latest.sampled_lag);
  const seconds = live ? run.status.lag_s : num(run.latest.sampled_lag_s);
  return {value: versions, sub: "snapshots, " + number(seconds) + " s"};
}

function tilesOf(run) {
  const latest = run.latest;
  const evaluated = num(latest.eval_return_mean);
  const newest = run.status?.has_evaluation ? run.status.eval_return : evaluated;
  const top = Math.max(best(run.columns.eval_return_mean), newest || -Infinity);
  return [
    {id: "env_steps", label: "Env steps", ...stepsTile(run)},
    {id: "eval_return_mean", label: "Eval return", value: newest,
     sub: Number.isFinite(top) ? "best " + number(top) : ""},
    {id: "train_return_mean", label: "Train return", value: num(latest.train_return_mean),
     sub: latest.train_length_mean ? number(latest.train_length_mean) + " steps an episode" : ""},
    {id: "env_steps_per_s", label: "Env steps/s",
     value: num(run.status?.env_steps_per_s ?? latest.env_steps_per_s)},
    {id: "updates_per_s", label: "Updates/s",
     value: num(run.status?.updates_per_s ?? latest.updates_per_s),
     sub: number(Math.max(num(latest.updates) || 0, num(run.status?.updates) || 0)) + " updates"},
    {id: "sampled_lag", label: "Policy lag", ...lagTile(run)},
    {id: "replay_size", label: "Replay fill", ...replayTile(run)},
    {id: "samples_per_insert", label: "Samples/insert", ...ratioTile(run)},
    {id: "cpu", label: "CPU", ...cpuTile(run)},
    ...(run.status?.gpus ?? []).map(gpuTile),
  ].filter((tile) => tile.id !== "cpu" || Number.isFinite(tile.value));
}

// As many columns as there is room for, the rows equally long.
function columnsFor(count) {
  const room = Math.max(2, Math.floor($("tiles").clientWidth / TILE_PX));
  return Math.ceil(count / Math.ceil(count / room));
}

export function showTiles(run) {
  const tiles = tilesOf(run);
  $("tiles").style.setProperty("--tiles", columnsFor(tiles.length));
  $("tiles").replaceChildren(...tiles.map((tile) => {
    const value = make("div", "value", tile.text ?? number(tile.value));
    value.dataset.metric = tile.id;
    value.dataset.value = Number.isFinite(tile.value) ? String(tile.value) : "";
    const card = make("article", "card tile", make("div", "label", tile.label), value,
                      make("div", "sub", tile.sub ?? ""));
    if (Number.isFinite(tile.bar)) {
      const fill = make("i");
      fill.style.width = (100 * Math.min(Math.max(tile.bar, 0), 1)).toFixed(1) + "%";
      card.append(make("div", "bar", fill));
    }
    return card;
  }));
}

// The limiter's own words say which side is blocked; several shards: one line each.
function limiterLines(run) {
  const shards = members(run, "replay").filter((member) => member.table);
  const lines = shards.map((member) => (shards.length > 1 ? "Replay " + member.index + ": " : "") +
    member.table.limiter).filter((text) => !text.endsWith(": ") && text !== "");
  if (shards.length !== 1 && run.status.limiter) lines.unshift(run.status.limiter);
  return lines;
}

function whoWaits(lines) {
  if (lines.some((text) => text.includes("inserts are blocked"))) {
    return "Actors wait for the learner.";
  }
  if (lines.some((text) => text.includes("samples are blocked"))) {
    return "The learner waits for rows.";
  }
  return "Nobody waits.";
}

function waitedLine(run) {
  const tables = members(run, "replay").map((member) => member.table).filter((table) => table);
  const longest = (field) => Math.max(0, ...tables.map((table) => num(table[field])));
  return "So far actors waited " + duration(longest("insert_blocked_s")) +
    " for the learner, the learner " + duration(longest("sample_blocked_s")) + " for rows.";
}

function waits(run) {
  if (run.status === null && run.entry?.mode !== "lockstep") {
    return ["No process of this run answers."];
  }
  if ((run.status ?? run.entry).mode === "lockstep") {
    return ["Lockstep: actors and learner take turns by rounds."];
  }
  const lines = limiterLines(run);
  return [whoWaits(lines), ...lines, waitedLine(run)];
}

export function showLimiter(run) {
  const [first, ...rest] = waits(run);
  $("limiter").replaceChildren(make("p", "first", first),
                               ...rest.map((text) => make("p", "note", text)));
}

function memberRow(member) {
  const role = ROLES[member.role] ?? "?";
  const name = role === "evaluator" || role === "learner" ? role : role + " " + member.index;
  const rate = role === "actor" ? number(num(member.rates?.env_steps_per_s)) :
    role === "replay" ? number(num(member.table?.size)) + " rows" : "";
  const version = role === "replay" || role === "learner" ? "" : "v" + member.policy_version;
  const usage = member.usage;
  const cells = [name, member.connected ? "alive" : "gone", rate, version,
                 usage ? usage.cpu_cores.toFixed(2) : DASH,
                 usage ? bytes(num(usage.memory_bytes)) : DASH,
                 member.last_report_s >= 0 ? member.last_report_s.toFixed(1) + " s" : DASH];
  const row = make("tr", "", ...cells.map((text) => make("td", "", String(text))));
  row.children[1].className = member.connected ? "good" : "bad";
  row.dataset.member = name;
  return row;
}

export function showMembers(run) {
  const list = run.status?.members ?? [];
  const actors = list.filter((member) => ROLES[member.role] === "actor");
  const alive = actors.filter((member) => member.connected).length;
  const weights = make("span", "", "v" + (run.status?.policy_version ?? ""));
  weights.dataset.metric = "weights";
  weights.dataset.value = run.status?.policy_version ?? "";
  $("member-count").replaceChildren(...(run.status === null ? [] :
    [alive + " of " + actors.length + " actors alive, newest weights ", weights]));
  if (run.status === null) {
    $("members").replaceChildren(make("tr", "", make("td", "note", "Not running.")));
    return;
  }
  const head = make("tr", "", ...["Who", "State", "Steps/s", "Weights", "CPU", "Memory", "Seen"].map(
    (text) => make("th", "", text)));
  const learner = {role: "RUN_ROLE_LEARNER", connected: true, usage: run.status.usage,
                   last_report_s: -1};
  $("members").replaceChildren(head, memberRow(learner), ...list.map(memberRow));
}

export function showLog(run) {
  if (!changed("log", [run.name, run.log])) return;
  const lines = run.log.slice(-60).reverse().map((text) => {
    const match = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (.*)$/.exec(text);
    return match ? make("li", "", make("time", "", match[1]), match[2]) : make("li", "", text);
  });
  $("log").replaceChildren(...(lines.length > 0 ? lines : [make("li", "note", "Nothing yet.")]));
}

export function showHeader(run) {
  const entry = run.entry;
  const title = entry?.env ? `${entry.env} · ${entry.algorithm} · seed ${entry.seed}` : run.name;
  $("title").textContent = title;
  document.title = title + " – pmoe";
  const {state, tone} = stateOf(run);
  $("state").textContent = state;
  $("state").className = "pill " + tone;
}

// One chip per chosen run: its name makes it the main one, × takes it away.
export function showChips(runs, onMain, onDrop) {
  if (!changed("chips", runs.map((run) => [run.name, run.main, color(run.slot)]))) return;
  $("chips").replaceChildren(...runs.map((run) => {
    const dot = make("i", "dot");
    dot.style.background = color(run.slot);
    const name = make("button", "", dot, make("span", "name", run.name));
    name.type = "button";
    name.title = "Show this run's numbers";
    name.addEventListener("click", () => onMain(run.name));
    const chip = make("div", "chip" + (run.main ? " main" : ""), name);
    const drop = make("button", "off", "×");
    drop.type = "button";
    drop.setAttribute("aria-label", "Take away " + run.name);
    drop.addEventListener("click", () => onDrop(run.name));
    if (runs.length > 1) chip.append(drop);
    else name.style.paddingRight = "12px";
    return chip;
  }));
}

export function showChooser(entries, chosen, limit, onToggle) {
  $("run-count").textContent = "(" + entries.length + ")";
  const words = $("filter").value.toLowerCase().split(/\s+/).filter((word) => word);
  const wanted = entries.filter((entry) => words.every((word) =>
    (entry.id + " " + entry.env + " " + entry.algorithm).toLowerCase().includes(word)));
  if (!changed("list", [wanted.map((entry) => [entry.id, ago(entry.changed_unix_s)]),
                        [...chosen]])) return;
  $("run-list").replaceChildren(...wanted.map((entry) => {
    const box = make("input");
    box.type = "checkbox";
    box.checked = chosen.has(entry.id);
    box.disabled = !box.checked && chosen.size >= limit;
    box.addEventListener("change", () => onToggle(entry.id));
    const label = make("label", "", box, make("span", "name", entry.id),
                       make("span", "note", ago(entry.changed_unix_s)));
    return make("li", "", label);
  }));
}
