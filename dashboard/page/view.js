// What stands around the curves: header, chips, limiter, members, log.
import {color} from "./colors.js";
import {bytes, DASH, duration, make, number, percent, taskName} from "./format.js";
import {actorsOf, membersOf, namedActors, num, ROLES, stateOf, tablesOf} from "./run_state.js";

const $ = (id) => document.getElementById(id);
const MEMBERS_MAX = 64;  // rows of the table

// Elements that people click or select stay as they are until their content changes.
const shown = new Map();
export function changed(place, content) {
  const text = JSON.stringify(content);
  if (shown.get(place) === text) return false;
  shown.set(place, text);
  return true;
}
// The next changed() of the place is true.
export function forget(place) {
  shown.delete(place);
}

// The limiter's own words say which side is blocked; several shards: one line each.
function limiterLines(run) {
  const shards = membersOf(run, "replay").filter((member) => member.table);
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
  const longest = (field) => Math.max(0, ...tablesOf(run).map((table) => num(table[field])));
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

const TONES = {alive: "good", slow: "warn", silent: "warn", gone: "bad"};

function memberRow(name, state, cells, seen_s) {
  const row = make("tr", "", make("td", "", name), make("td", TONES[state], state), ...cells.map((text) => make("td", "", text)),
                   make("td", "", seen_s >= 0 ? seen_s.toFixed(1) + " s" : DASH));
  row.dataset.member = name;
  return row;
}

const usageCells = (cores, memory) => Number.isFinite(cores) ?
  [cores.toFixed(2), bytes(memory)] : [DASH, DASH];

function otherRow(member) {
  const role = ROLES[member.role] ?? "?";
  const rate = role === "replay" ? number(num(member.table?.size)) + " rows" : "";
  const version = role === "evaluator" ? "v" + member.policy_version : "";
  const usage = member.usage;
  return memberRow(role === "replay" ? role + " " + member.index : role,
                   member.connected ? "alive" : "gone",
                   [rate, "", version, ...usageCells(num(usage?.cpu_cores),
                                                     num(usage?.memory_bytes))],
                   member.last_report_s);
}

const RANKS = ["gone", "silent", "slow", "alive"];  // of actorState, the worst first

function actorState(actor, {slow, silent}) {
  return !actor.connected ? "gone" : silent.has(actor.index) ? "silent" :
    slow.has(actor.index) ? "slow" : "alive";
}

function actorRow(actor, named) {
  return memberRow("actor " + actor.index, actorState(actor, named), [
    actor.connected ? number(actor.env_steps_per_s) : DASH,
    actor.connected && actor.blocked !== null ? percent(actor.blocked) : DASH,
    "v" + actor.policy_version, ...usageCells(actor.cpu_cores ?? NaN, actor.memory_bytes)],
    actor.last_report_s);
}

// Of very many actors those that are gone, silent or named slow, then the slowest: in lockstep all
// make as many steps.
function chosenActors(actors, named) {
  if (actors.length <= MEMBERS_MAX) return actors;
  const rank = (actor) => RANKS.indexOf(actorState(actor, named));
  return [...actors].sort((a, b) => rank(a) - rank(b) ||
    (a.env_steps_per_s ?? 0) - (b.env_steps_per_s ?? 0)).slice(0, MEMBERS_MAX);
}

export function showMembers(run) {
  const actors = actorsOf(run.status);
  const alive = actors.filter((actor) => actor.connected).length;
  const weights = make("span", "", "v" + (run.status?.policy_version ?? ""));
  weights.dataset.metric = "weights";
  weights.dataset.value = run.status?.policy_version ?? "";
  const named = namedActors(run.status);
  const listed = chosenActors(actors, named);
  $("member-count").replaceChildren(...(run.status === null ? [] :
    [`${number(alive)} of ${number(actors.length)} actors alive, newest weights `, weights,
     listed.length < actors.length ? `; the ${MEMBERS_MAX} slowest` : ""]));
  if (run.status === null) {
    $("members").replaceChildren(make("tr", "", make("td", "note", "Not running.")));
    return;
  }
  const head = make("tr", "", ...["Who", "State", "Steps/s", "Blocked", "Weights", "CPU", "Memory",
                                  "Seen"].map((text) => make("th", "", text)));
  const usage = run.status.usage;
  const learner = memberRow("learner", "alive", ["", "", "", ...usageCells(
    num(usage?.cpu_cores), num(usage?.memory_bytes))], -1);
  $("members").replaceChildren(head, learner, ...(run.status.members ?? []).map(otherRow),
                               ...listed.map((actor) => actorRow(actor, named)));
}

export function showLog(run) {
  if (!changed("log", [run.name, run.log])) return;
  const lines = run.log.slice(-60).reverse().map((text) => {
    const match = /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (.*)$/.exec(text);
    return match ? make("li", "", make("time", "", match[1]), match[2]) : make("li", "", text);
  });
  $("log").replaceChildren(...(lines.length > 0 ? lines : [make("li", "note", "Nothing yet.")]));
}

export function showHeader(run, isTable) {
  const entry = run?.entry;
  const title = isTable ? "Runs" : entry?.env ?
    `${taskName(entry.env)} · ${entry.algorithm} · seed ${entry.seed}` : run?.name ?? "pmoe";
  $("title").textContent = title;
  document.title = title + " – pmoe";
  const {state, tone} = isTable || run === undefined ? {state: "", tone: ""} :
    stateOf(entry, run.status, num(run.latest.env_steps));
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
