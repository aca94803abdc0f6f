// What is known of a run right now, from its process or else from its files. Pure functions. What an
// older process does not say is absent or zero, and means nothing.

export const ROLES = {
  RUN_ROLE_ACTOR: "actor", RUN_ROLE_EVALUATOR: "evaluator", RUN_ROLE_REPLAY: "replay",
  RUN_ROLE_LEARNER: "learner",
};
const FRESH_S = 90;  // a run of another machine whose files changed this lately may be at work

// 64-bit numbers are texts in protobuf's JSON.
export const num = (value) => (value === undefined || value === null ? NaN : Number(value));
// Zero: not said.
export const said = (value) => num(value) || NaN;

export function membersOf(run, role) {
  return (run.status?.members ?? []).filter((member) => ROLES[member.role] === role);
}

export function tablesOf(run) {
  return membersOf(run, "replay").map((member) => member.table).filter((table) => table);
}

// The actors' table as objects.
export function actorsOf(status) {
  const {columns, rows} = status?.actors ?? {columns: [], rows: []};
  return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]])));
}

// The actors that the run itself names, by index: {slow, silent}. Those that are gone are silent.
export function namedActors(status) {
  const {slow_actors = [], silent_actors = []} = status?.verdict ?? {};
  return {slow: new Set(slow_actors), silent: new Set(silent_actors)};
}

// {state, tone} of an entry of the list, with what its process or its files say of it.
export function stateOf(entry, status, steps) {
  if (status !== null) {
    const tone = status.state.startsWith("waiting") ? "warn" : "good";
    return {state: status.state || "running", tone};
  }
  if (entry?.held) return {state: "running", tone: "good"};
  if (entry?.total_steps > 0 && steps >= entry.total_steps) return {state: "finished", tone: ""};
  return (entry?.changed_ago_s ?? Infinity) < FRESH_S ? {state: "running", tone: "good"} :
    {state: "stopped", tone: "warn"};
}

// What a run has cost: hours, and money where a price is known. Unknown: NaN.
export function costOf(run) {
  const {status, summary, entry} = run;
  const wall_h = num(summary.wall_s) / 3600;
  const price = entry?.price_per_hour || NaN;
  return {
    cpu_h: said(status?.cpu_hours) || num(summary.cpu_s) / 3600,
    gpu_h: said(status?.gpu_hours) || num(summary.gpu_s) / 3600,
    money: said(status?.cost) || wall_h * price,
    steps: num(summary.env_steps),
  };
}
