// The newest numbers of the main run.
import {bytes, DASH, duration, make, number, percent} from "./format.js";
import {actorsOf, costOf, num, said, tablesOf} from "./run_state.js";
import {samplesPerInsert} from "./series.js";

const TILE_PX = 156;

function cpuTile(run) {
  const processes = [run.status, ...(run.status?.members ?? []).filter((m) => m.connected)];
  const usages = processes.map((process) => process?.usage).filter((usage) => usage)
    .map((usage) => [usage.cpu_cores, num(usage.memory_bytes)]);
  for (const actor of actorsOf(run.status)) {
    if (actor.connected && actor.cpu_cores !== null) {
      usages.push([actor.cpu_cores, actor.memory_bytes]);
    }
  }
  if (usages.length === 0) return {value: NaN};
  const sum = (i) => usages.reduce((total, usage) => total + usage[i], 0);
  const count = usages.length > 1 ? usages.length + " processes, " : "";
  return {value: sum(0), text: sum(0).toFixed(2) + " cores", sub: count + bytes(sum(1))};
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
    value: steps, bar: total > 0 ? steps / total : NaN,
    sub: total > 0 ? "of " + number(total) + (steps < total ? left : "") : "",
  };
}

function replayTile(run) {
  const live = tablesOf(run).reduce((sum, table) => sum + num(table.size), 0);
  const rows = tablesOf(run).length > 0 ? live : num(run.latest.replay_size);
  const fill = rows / (run.entry?.replay_capacity || NaN);
  return {value: rows, bar: fill, sub: percent(fill) + " of " +
    number(run.entry?.replay_capacity || NaN)};
}

// Lately, as replay counts; else since the start; else from updates and the batch size.
function ratioTile(run) {
  const lately = said(run.status?.samples_per_insert);
  if (Number.isFinite(lately)) {
    const window_s = said(run.status.samples_per_insert_window_s);
    return {value: lately, sub: Number.isFinite(window_s) ?
      `rows, over the last ${duration(window_s)}` : "rows, lately"};
  }
  const total = (field) => tablesOf(run).reduce((sum, table) => sum + num(table[field]), 0);
  const all = total("sampled") / total("inserted");
  if (all > 0) return {value: all, sub: "rows, since the start"};
  const points = samplesPerInsert(run);
  return {value: points.length > 0 ? points[points.length - 1].y : NaN, sub: "rows, at the last row"};
}

// Between the weights that act and the newest: what the actors really use.
function lagTile(run) {
  const known = num(run.status?.policy_lag_versions ?? run.latest.policy_lag);
  const seconds = num(run.status?.policy_lag_s ?? run.latest.policy_lag_s);
  return {value: known, sub: "snapshots, weights in use" +
    (Number.isFinite(seconds) ? ", " + number(seconds) + " s" : "")};
}

function ageTile(run) {
  const live = Number.isFinite(said(run.status?.lag_versions));
  const versions = live ? run.status.lag_versions : num(run.latest.sampled_lag);
  const seconds = live ? run.status.lag_s : num(run.latest.sampled_lag_s);
  return {value: versions, sub: "snapshots, " + (Number.isFinite(seconds) ?
    number(seconds) : DASH) + " s"};
}

const money = (value) => value.toFixed(value < 10 ? 2 : 0);

function costTiles(run) {
  const cost = costOf(run);
  if (!Number.isFinite(cost.cpu_h)) return [];
  const millions = cost.steps / 1e6;
  const gpu = cost.gpu_h > 0 ? `, GPU ${number(cost.gpu_h / millions)} h` : "";
  const tiles = [{
    id: "cost", label: "Cost of 1M steps", value: cost.cpu_h / millions,
    text: Number.isFinite(cost.money) ? money(cost.money / millions) :
      number(cost.cpu_h / millions) + " CPU-h",
    sub: `so far CPU ${number(cost.cpu_h)} h` + (cost.gpu_h > 0 ?
      `, GPU ${number(cost.gpu_h)} h` : "") + gpu.replace(", GPU", "; 1M: GPU") +
      (Number.isFinite(cost.money) ? `, money ${money(cost.money)}` : ""),
  }];
  const target = run.entry?.target_return;
  if (target === null || target === undefined) return tiles;
  // The file's own rows say it: points of the curve may be means of several.
  const {summary} = run;
  const reached = summary.target_env_steps !== undefined;
  const wall_h = num(summary.target_wall_s) / 3600;
  const cpu_h = num(summary.target_cpu_s) / 3600;
  const price = run.entry.price_per_hour || NaN;
  tiles.push({
    id: "target_cost", label: "To return " + number(target), value: cpu_h,
    text: !reached ? "not yet" : Number.isFinite(wall_h * price) ? money(wall_h * price) :
      number(cpu_h) + " CPU-h",
    sub: !reached ? "best so far " + number(num(summary.best_return)) :
      `${number(summary.target_env_steps)} steps, ${duration(3600 * wall_h)}, ` +
      `CPU ${number(cpu_h)} h`,
  });
  return tiles;
}

export function tilesOf(run) {
  const latest = run.latest;
  const evaluated = num(latest.eval_return_mean);
  const newest = run.status?.has_evaluation ? run.status.eval_return : evaluated;
  const top = Math.max(...[num(run.summary.best_return), newest].filter(Number.isFinite));
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
    {id: "policy_lag", label: "Policy lag", ...lagTile(run)},
    {id: "sampled_lag", label: "Age of sampled rows", ...ageTile(run)},
    {id: "replay_size", label: "Replay fill", ...replayTile(run)},
    {id: "samples_per_insert", label: "Samples/insert", ...ratioTile(run)},
    ...[{id: "cpu", label: "CPU", ...cpuTile(run)}].filter((tile) => Number.isFinite(tile.value)),
    ...(run.status?.gpus ?? []).map(gpuTile),
    ...costTiles(run),
  ];
}

// As many columns as there is room for, the rows equally long.
function columnsFor(place, count) {
  const room = Math.max(2, Math.floor(place.clientWidth / TILE_PX));
  return Math.ceil(count / Math.ceil(count / room));
}

export function showTiles(place, run) {
  const tiles = tilesOf(run);
  place.style.setProperty("--tiles", columnsFor(place, tiles.length));
  place.replaceChildren(...tiles.map((tile) => {
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
