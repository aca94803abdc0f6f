// Which charts there are, and how each takes its lines from the runs that are shown.
import {color, GREY} from "./colors.js";
import {taskName} from "./format.js";
import {bandOf, gains, points, pointsOf, samplesPerInsert} from "./series.js";

const line = (data, index, label, more = {}) => ({
  data, label, borderColor: color(index), backgroundColor: color(index, 0.15),
  borderWidth: 1.8, pointRadius: 0, pointHoverRadius: 4, tension: 0, ...more,
});

// Runs whose configurations differ in the seed alone, in the order of their first ones.
export function groupsOf(runs) {
  const groups = new Map();
  for (const run of runs) {
    const key = run.entry?.group || run.name;
    groups.set(key, [...groups.get(key) ?? [], run]);
  }
  return [...groups.values()];
}

function groupName(group) {
  const {env, algorithm} = group[0].entry;
  return `${taskName(env)} ${algorithm}, mean of ${group.length} seeds`;
}

// A line per run, or per group of seeds with its 95 % interval.
function linesOf(runs, view, curve, more = {}) {
  if (!view.group) {
    return runs.map((run) => line(curve(run), run.slot, run.name + (more.of ?? ""), more));
  }
  return groupsOf(runs).flatMap((group) => {
    const [{slot, name}] = group;
    if (group.length < 2) return [line(curve(group[0]), slot, name + (more.of ?? ""), more)];
    const {mean, low, high} = bandOf(group.map(curve));
    const edge = {borderWidth: 0, pointHoverRadius: 0, silent: true, order: 9};
    const title = groupName(group) + (more.of ?? "");
    return [line(mean, slot, title, {...more, pointRadius: 0}),
            line(low, slot, title + ", low end of 95 %", edge),
            line(high, slot, title + ", high end of 95 %", {...edge, fill: "-1"})];
  });
}

const ofColumn = (column) => (runs, view) =>
  linesOf(runs, view, (run) => points(run, column, view.axis));

// Of evaluations bold, of training thin.
const evaluatedAndTrained = (evaluated, trained) => (runs, view) => {
  const few = runs.every((run) => (run.columns.env_steps?.length ?? 0) < 60);
  const bold = linesOf(runs, view, (run) => points(run, evaluated, view.axis), {
    of: ", evaluation", borderWidth: 2.4, pointRadius: few ? 2.2 : 0, order: 1});
  const thin = linesOf(runs, {...view, group: false},
                       (run) => points(run, trained, view.axis), {
    of: ", training", borderWidth: 1.2, order: 2});
  for (const [i, one] of thin.entries()) one.borderColor = color(runs[i].slot, 0.38);
  return view.group ? bold : [...bold, ...thin];
};

// Of the main run alone: shares of several runs would hide each other.
const ofPrimitives = (column, more = {}) => (runs, view) => {
  const main = runs.find((run) => run.main);
  const lines = [];
  for (let k = 0; main !== undefined && main.columns[column + k] !== undefined; ++k) {
    lines.push(line(points(main, column + k, view.axis), k, "primitive " + k, {
      fill: k === 0 ? "origin" : "-1", backgroundColor: color(k, 0.65), borderWidth: 1,
      key: String(k), ...more}));
  }
  return lines.length > 1 ? lines : [];
};

// Parts of a role's time: column, colour, label. Those of the columns that are there are made
// shares of the whole: of what all of them took or, with `ofWall`, of the time that went by, the
// rest being a part of its own.
const ofTime = (parts, ofWall) => (runs, view) => {
  const main = runs.find((run) => run.main);
  if (main === undefined) return [];
  const there = parts.filter(([column]) => main.columns[column] !== undefined);
  if (there.length < 2) return [];
  const gained = new Map(there.map(([column]) => [column, gains(main.columns[column])]));
  const of = ([column, , , inner], i) => {
    const whole = gained.get(column)[i] ?? 0;
    return inner && gained.has(inner) ? Math.max(0, whole - (gained.get(inner)[i] ?? 0)) : whole;
  };
  const wall = gains(main.columns.wall_s);
  const totals = wall.map((gain, i) => {
    const sum = there.reduce((total, part) => total + of(part, i), 0);
    return ofWall ? Math.max(sum, gain ?? 0) : sum;
  });
  const shares = there.map((part) => totals.map((all, i) => all > 0 ? of(part, i) / all : null));
  const drawn = there.map(([, index, label, inner], k) =>
    [shares[k], index, label + (inner && !gained.has(inner) ? ", waiting included" : "")]);
  if (ofWall) {
    drawn.push([totals.map((all, i) => all > 0 ?
      Math.max(0, 1 - shares.reduce((sum, list) => sum + list[i], 0)) : null), GREY, "other"]);
  }
  return drawn.map(([list, index, label], k) => line(
    pointsOf(main, view.axis, list), index, label,
    {fill: k === 0 ? "origin" : "-1", backgroundColor: color(index, 0.65), borderWidth: 1,
     key: true}));
};

export const ACTOR_PARTS = [
  ["time_env_s", 0, "environment"], ["time_policy_s", 4, "policy"],
  ["time_write_s", 2, "write", "time_blocked_s"], ["time_blocked_s", 7, "blocked: no room"],
  ["time_idle_s", GREY, "idle"],
];
export const LEARNER_PARTS = [
  ["time_update_s", 2, "update"], ["time_replay_s", 7, "waits for samples"],
  ["time_publish_s", 4, "publish"], ["time_eval_wait_s", 1, "waits for evaluation"],
  ["time_checkpoint_s", 6, "checkpoint"],
];

export const CHARTS = [
  {id: "return", title: "Return", note: "bold: evaluation, thin: training", wide: true,
   lines: evaluatedAndTrained("eval_return_mean", "train_return_mean"), zero: false,
   robust: false},
  {id: "success_rate", title: "Success rate", note: "bold: evaluation", share: true,
   lines: evaluatedAndTrained("eval_success_rate", "train_success_rate"), optional: true,
   robust: false},
  {id: "env_steps_per_s", title: "Env steps/s", lines: ofColumn("env_steps_per_s")},
  {id: "updates_per_s", title: "Updates/s", lines: ofColumn("updates_per_s")},
  {id: "policy_lag", title: "Policy lag", note: "snapshots",
   lines: ofColumn("policy_lag"), optional: true},
  {id: "sampled_lag", title: "Age of sampled rows", note: "snapshots",
   lines: ofColumn("sampled_lag")},
  {id: "replay_size", title: "Replay fill", note: "rows", lines: ofColumn("replay_size"),
   robust: false},
  {id: "samples_per_insert", title: "Samples per insert", note: "rows",
   lines: (runs, view) => linesOf(runs, view, (run) => samplesPerInsert(run, view.axis))},
  {id: "critic_loss", title: "Critic loss", lines: ofColumn("critic_loss")},
];
export const TIMES = [
  {id: "time_actors", title: "Actors' time", lines: ofTime(ACTOR_PARTS, false), stacked: true,
   optional: true, share: true},
  {id: "time_learner", title: "Learner's time", lines: ofTime(LEARNER_PARTS, true),
   stacked: true, optional: true, share: true},
];
export const PRIMITIVES = [
  {id: "router", title: "Usage", note: "share of the weight",
   lines: ofPrimitives("primitive_usage_"), stacked: true, optional: true, share: true},
  {id: "win_rate", title: "Win rate", note: "share of states where it is best",
   lines: ofPrimitives("primitive_win_rate_"), stacked: true, optional: true, share: true},
  {id: "primitive_distance", title: "Distance", note: "of two primitives' actions",
   lines: ofColumn("primitive_distance"), optional: true},
  {id: "router_entropy", title: "Router entropy", note: "nats",
   lines: ofColumn("router_entropy"), optional: true},
  {id: "router_information", title: "Router's information", note: "of the state, nats",
   lines: ofColumn("router_information"), optional: true},
];
export const MORE = [
  ["actor_loss", "Actor loss"], ["router_loss", "Router loss"],
  ["qnet_loss", "Q-network loss"], ["entropy", "Entropy"], ["alpha", "Temperature α"],
  ["q_mean", "Mean Q"], ["loser_std", "σ of primitives that lose"],
  ["dead_primitives", "Dead primitives"], ["approx_kl", "Approximate KL"],
  ["clip_fraction", "Clip fraction"], ["explained_variance", "Explained variance"],
  ["grad_norm", "Gradient norm"], ["train_length_mean", "Episode length"],
  ["option_termination", "Option termination"],
].map(([column, title]) => ({
  id: column, title, lines: ofColumn(column), optional: true, zero: false,
}));
