// What a run that trains says of itself: what holds it back, where its time goes now, how long
// things take.
import {color, GREY} from "./colors.js";
import {latency, make, percent} from "./format.js";
import {actorsOf, num} from "./run_state.js";
import {median} from "./series.js";

const GAIN_MIN = 1.05;  // less is no gain

export function showVerdict(place, run) {
  place.hidden = run.status === null;
  if (place.hidden) return;
  const verdict = run.status.verdict;
  const known = Boolean(verdict?.bottleneck);
  place.className = "card verdict" + (known ? "" : " unknown");
  place.dataset.bottleneck = verdict?.bottleneck ?? "";
  const chips = known ? (verdict.gains ?? []).map((gain) => {
    const chip = make("span", gain.factor >= GAIN_MIN ? "gain more" : "gain", gain.change + " ",
                      make("b", "", gain.factor >= GAIN_MIN ? "×" + gain.factor.toFixed(2) :
                        "no gain"));
    return chip;
  }) : [];
  place.replaceChildren(
    make("p", "first", verdict?.text || "What holds this run back is not known yet."),
    make("div", "gains", ...chips));
}

const ACTOR = [["env", 0, "environment"], ["policy", 4, "policy"], ["write", 2, "write"],
               ["blocked", 7, "blocked: no room"], ["idle", GREY, "idle"]];
const LEARNER = [["update", 2, "update"], ["sample_wait", 7, "waits for samples"],
                 ["publish", 4, "publish"], ["evaluation", 1, "waits for evaluation"],
                 ["checkpoint", 6, "checkpoint"], ["idle", GREY, "idle"]];

function bar(title, parts) {
  const known = parts.filter(({share}) => share > 0);
  const pieces = known.map(({share, index, label}) => {
    const piece = make("i");
    piece.style.width = (100 * share).toFixed(2) + "%";
    piece.style.background = color(index);
    piece.title = `${label}: ${percent(share)}`;
    return piece;
  });
  const legend = known.map(({share, index, label}) => {
    const dot = make("i", "dot");
    dot.style.background = color(index);
    return make("span", "", dot, `${label} ${percent(share)}`);
  });
  return make("div", "share", make("h3", "", title), make("div", "stack", ...pieces),
              make("div", "legend", ...legend));
}

export function barsOf(run) {
  const actors = actorsOf(run.status).filter((actor) => actor.connected && actor.env !== null);
  const bars = [];
  if (actors.length > 0) {
    bars.push({id: "actors", title: actors.length === 1 ? "The actor, last 10 s" :
                 `${actors.length} actors, mean of the last 10 s`,
               parts: ACTOR.map(([name, index, label]) => ({
                 name, index, label,
                 share: actors.reduce((sum, actor) => sum + actor[name], 0) / actors.length}))});
  }
  const time = run.status?.time;
  const learner = LEARNER.map(([name, index, label]) =>
    ({name, index, label, share: num(time?.[name]) || 0}));
  if (learner.some(({share}) => share > 0)) {
    bars.push({id: "learner", title: "The learner, last 10 s", parts: learner});
    const phases = (time.phases ?? []).map((phase, index) =>
      ({name: phase.name, index, label: phase.name.replaceAll("_", " "), share: phase.share}));
    if (phases.length > 0) bars.push({id: "phases", title: "Its updates", parts: phases});
  }
  return bars;
}

export function showBars(place, run) {
  const bars = barsOf(run);
  place.hidden = bars.length === 0;
  place.replaceChildren(make("h2", "", "Now"), ...bars.map(({id, title, parts}) => {
    const element = bar(title, parts);
    element.dataset.bar = id;
    element.dataset.shares = JSON.stringify(
      Object.fromEntries(parts.map(({name, share}) => [name, share])));
    return element;
  }));
}

const NAMES = {insert_ack: "Insert to acknowledgement", sample: "Sample",
               publish_to_use: "Publish to first use"};

// Of the run's own kinds; of inserts, which each actor measures, the median actor and the slowest.
export function latenciesOf(run) {
  const list = (run.status?.latencies ?? []).filter((one) => num(one.count) > 0)
    .map((one) => ({name: one.name, p50: one.p50_s, p90: one.p90_s, p99: one.p99_s,
                    max: one.max_s}));
  const actors = actorsOf(run.status).filter((actor) => actor.connected && actor.ack_p50_s !== null);
  if (actors.length === 0 || list.some((one) => one.name === "insert_ack")) return list;
  const of = (name) => actors.map((actor) => actor[name]);
  const worst = (name) => Math.max(...of(name));
  return [{name: "insert_ack", p50: median(of("ack_p50_s")), p90: median(of("ack_p90_s")),
           p99: worst("ack_p99_s"), max: worst("ack_max_s"),
           note: actors.length > 1 ? "median actor; 99 % and longest: the slowest" : ""}, ...list];
}

export function showLatencies(place, run) {
  const list = latenciesOf(run);
  place.closest("article").hidden = run.status === null;
  const head = make("tr", "", ...["", "Half", "90 %", "99 %", "Longest"].map(
    (text) => make("th", "", text)));
  const rows = list.map((one) => {
    const name = make("td", "", NAMES[one.name] ?? one.name);
    if (one.note) name.append(make("div", "note", one.note));
    const row = make("tr", "", name, ...[one.p50, one.p90, one.p99, one.max].map(
      (value) => make("td", "", latency(value))));
    row.dataset.latency = one.name;
    row.dataset.p50 = String(one.p50);
    return row;
  });
  place.replaceChildren(...(rows.length > 0 ? [head, ...rows] :
    [make("tr", "", make("td", "note", "Not measured yet."))]));
}

