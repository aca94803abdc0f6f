// The curves. A chart knows how to take its lines from the runs that are shown; Chart.js draws.
import {make, number, short} from "./format.js";

// In the order in which runs are chosen; dark after light. Primitives use them too.
const COLORS = [
  ["#2563d9", "#6ea3ff"], ["#e0742a", "#f2995c"], ["#159a70", "#3fcf9c"],
  ["#c7359b", "#ef7cc8"], ["#8a56e2", "#b692ff"], ["#0d95b5", "#45cbe8"],
  ["#c99a06", "#ecc74b"], ["#b23b3b", "#ff8f87"], ["#5f7a22", "#a9cb5f"],
  ["#6b7280", "#a3abb9"],
];

export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

export function color(index, alpha = 1) {
  const hex = COLORS[index % COLORS.length][isDark() ? 1 : 0];
  if (alpha === 1) return hex;
  return hex + Math.round(255 * alpha).toString(16).padStart(2, "0");
}

// The points of one column that have a value.
function points(run, column) {
  const steps = run.columns.env_steps ?? [];
  const values = run.columns[column] ?? [];
  const list = [];
  for (let i = 0; i < values.length; ++i) {
    if (values[i] !== null) list.push({x: steps[i], y: values[i]});
  }
  return list;
}

// All panels end where the longest run does, also those that have no value yet.
function stepsOf(runs) {
  return Math.max(1, ...runs.map((run) => run.columns.env_steps?.at(-1) ?? 0));
}

// Rows sampled for each row inserted, from one point to the next.
export function samplesPerInsert(run) {
  const steps = run.columns.env_steps ?? [];
  const updates = run.columns.updates ?? [];
  const batch = run.entry?.batch_size ?? 0;
  const list = [];
  for (let i = 0; batch > 0 && i < updates.length; ++i) {
    const inserted = steps[i] - (i > 0 ? steps[i - 1] : 0);
    const sampled = (updates[i] - (i > 0 ? updates[i - 1] : 0)) * batch;
    if (inserted > 0 && sampled >= 0) list.push({x: steps[i], y: sampled / inserted});
  }
  return list;
}

const line = (data, index, label, more = {}) => ({
  data, label, borderColor: color(index), backgroundColor: color(index, 0.15),
  borderWidth: 1.8, pointRadius: 0, pointHoverRadius: 4, tension: 0, ...more,
});

const ofColumn = (column) => (runs) =>
  runs.map((run) => line(points(run, column), run.slot, run.name));

// Of evaluations bold, of training thin.
const evaluatedAndTrained = (evaluated, trained) => (runs) => {
  const lines = [];
  for (const run of runs) {
    const evaluations = points(run, evaluated);
    lines.push(line(evaluations, run.slot, run.name + ", evaluation", {
      borderWidth: 2.4, pointRadius: evaluations.length < 60 ? 2.2 : 0, order: 1,
    }));
    lines.push(line(points(run, trained), run.slot, run.name + ", training", {
      borderColor: color(run.slot, 0.38), borderWidth: 1.2, order: 2,
    }));
  }
  return lines;
};

// Of the main run alone: shares of several runs would hide each other.
function routerUsage(runs) {
  const main = runs.find((run) => run.main);
  if (main === undefined) return [];
  const lines = [];
  for (let k = 0; main.columns["primitive_usage_" + k] !== undefined; ++k) {
    lines.push(line(points(main, "primitive_usage_" + k), k, "primitive " + k, {
      fill: k === 0 ? "origin" : "-1", backgroundColor: color(k, 0.65), borderWidth: 1, key: true,
    }));
  }
  return lines.length > 1 ? lines : [];
}

const CHARTS = [
  {id: "return", title: "Return", note: "over env steps; bold: evaluation, thin: training", wide: true,
   lines: evaluatedAndTrained("eval_return_mean", "train_return_mean"), zero: false},
  {id: "success_rate", title: "Success rate", note: "share of episodes; bold: evaluation",
   lines: evaluatedAndTrained("eval_success_rate", "train_success_rate"), optional: true},
  {id: "router", title: "Router usage per primitive", lines: routerUsage, stacked: true,
   optional: true},
  {id: "env_steps_per_s", title: "Env steps/s", lines: ofColumn("env_steps_per_s")},
  {id: "updates_per_s", title: "Updates/s", lines: ofColumn("updates_per_s")},
  {id: "sampled_lag", title: "Policy lag", note: "snapshots, of sampled rows",
   lines: ofColumn("sampled_lag")},
  {id: "replay_size", title: "Replay fill", note: "rows", lines: ofColumn("replay_size")},
  {id: "samples_per_insert", title: "Samples per insert", note: "rows",
   lines: (runs) => runs.map((run) => line(samplesPerInsert(run), run.slot, run.name))},
  {id: "critic_loss", title: "Critic loss", lines: ofColumn("critic_loss")},
];
const MORE = [
  ["actor_loss", "Actor loss"], ["router_loss", "Router loss"],
  ["qnet_loss", "Q-network loss"], ["entropy", "Entropy"], ["alpha", "Temperature α"],
  ["q_mean", "Mean Q"], ["router_entropy", "Router entropy"],
  ["primitive_distance", "Distance of primitives"], ["dead_primitives", "Dead primitives"],
  ["approx_kl", "Approximate KL"], ["clip_fraction", "Clip fraction"],
  ["explained_variance", "Explained variance"], ["grad_norm", "Gradient norm"],
  ["train_length_mean", "Episode length"], ["option_termination", "Option termination"],
].map(([column, title]) => ({
  id: column, title, lines: ofColumn(column), optional: true, zero: false,
}));

function theme() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(name).trim();
  return {ink: of("--ink"), soft: of("--soft"), line: of("--line"), card: of("--card")};
}

function options(spec) {
  const {ink, soft, line, card} = theme();
  const ticks = {color: soft, font: {size: 11}, callback: short, maxRotation: 0};
  const grid = {color: line, drawBorder: false, drawTicks: false};
  return {
    animation: false, parsing: false, normalized: true, maintainAspectRatio: false,
    interaction: {mode: "nearest", axis: "x", intersect: false},
    scales: {
      x: {type: "linear", bounds: "data", min: 0, ticks: {...ticks, maxTicksLimit: 7},
          grid: {...grid, display: false}},
      y: {ticks: {...ticks, maxTicksLimit: 6}, grid, stacked: spec.stacked,
          beginAtZero: spec.zero !== false},
    },
    plugins: {
      legend: {display: false},
      tooltip: {
        backgroundColor: card, titleColor: soft, bodyColor: ink, borderColor: line,
        borderWidth: 1, padding: 9, usePointStyle: true, boxWidth: 8, boxHeight: 8,
        callbacks: {
          title: (items) => items.length > 0 ? number(items[0].parsed.x) + " env steps" : "",
          label: (item) => " " + item.dataset.label + ": " + number(item.parsed.y),
        },
      },
    },
  };
}

class Panel {
  constructor(spec, parent) {
    this.spec = spec;
    this.chart = null;
    this.canvas = make("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", spec.title);
    this.legend = make("div", "legend");
    const title = make("h2", "", spec.title);
    if (spec.note) title.append(make("span", "note", spec.note));
    this.card = make("article", "card chart" + (spec.wide ? " wide" : ""), title,
                     make("div", "box", this.canvas), this.legend);
    this.card.dataset.chart = spec.id;
    parent.append(this.card);
  }

  show(runs) {
    const lines = this.spec.lines(runs);
    this.card.hidden = this.spec.optional && !lines.some((line) => line.data.length > 0);
    if (this.card.hidden) return;
    this.legend.replaceChildren(...lines.filter((line) => line.key).map((line) => {
      const dot = make("i", "dot");
      dot.style.background = line.borderColor;
      return make("span", "", dot, line.label.replace("primitive ", ""));
    }));
    if (this.chart === null) {
      this.chart = new Chart(this.canvas, {
        type: "line", data: {datasets: lines}, options: options(this.spec),
      });
    }
    this.chart.data.datasets = lines;
    this.chart.options.scales.x.max = stepsOf(runs);
    this.chart.options.scales.y.max = this.top(lines);
    this.chart.update("none");
  }

  // Shares of one whole end at 1, not at the rounding above it.
  top(lines) {
    if (!this.spec.stacked || lines.length === 0) return undefined;
    const sums = lines[0].data.map((_, i) =>
      lines.reduce((sum, line) => sum + (line.data[i]?.y ?? 0), 0));
    return Math.max(...sums) < 1.01 ? 1 : undefined;
  }

  forget() {
    this.chart?.destroy();
    this.chart = null;
  }
}

// All panels: the first ones, and those of the part that can be opened.
export class Charts {
  constructor(parent, moreParent, moreDetails) {
    this.parent = parent;
    this.panels = CHARTS.map((spec) => new Panel(spec, parent));
    this.more = MORE.map((spec) => new Panel(spec, moreParent));
    this.details = moreDetails;
    this.runs = [];
    moreDetails.addEventListener("toggle", () => this.show(this.runs));
  }

  show(runs) {
    this.runs = runs;
    for (const panel of this.panels) panel.show(runs);
    this.parent.classList.toggle("no-router", this.panels.some((panel) =>
      panel.spec.id === "router" && panel.card.hidden));
    if (!this.details.open) return;
    for (const panel of this.more) panel.show(runs);
  }

  // Colours are read when a chart is made.
  restyle() {
    for (const panel of [...this.panels, ...this.more]) panel.forget();
    this.show(this.runs);
  }
}
