// One chart in its card, with its buttons. Chart.js draws; ranges and ticks are chosen here.
import {theme} from "./colors.js";
import {csvOf, pictureOf, save} from "./download.js";
import {duration, make, number, short} from "./format.js";
import {drawMarks, marksNear} from "./marks.js";
import {drawPointer, listen} from "./pointer.js";
import {AXES, indexNear, robustRange, smooth} from "./series.js";
import {evenTicks, logTicks, tickText} from "./ticks.js";

const TICK_PX = 48;       // between two of them
const TIME_TICK_PX = 72;  // "90 min" is longer than "200k"
const POINT_PX = 4;       // radius of the largest point

export function placeText(x, axis) {
  return axis === "wall_s" ? duration(x, true) : number(x) + " " + AXES[axis];
}

// What lies within the axis' range; with the points next to it, so that lines reach the border.
function inside(list, from, to) {
  return list.filter((point) => point.x >= from && point.x <= to);
}

export class Panel {
  // on: what the charts do together: {zoom, reset, point, toggle(list, id)}.
  constructor(spec, parent, on) {
    this.spec = spec;
    this.on = on;
    this.chart = null;
    this.lines = [];
    this.marks = [];
    this.x = null;
    this.canvas = make("canvas");
    this.canvas.setAttribute("role", "img");
    this.canvas.setAttribute("aria-label", spec.title);
    this.legend = make("div", "legend");
    this.read = make("span", "note read");
    this.log = this.button("log", "Logarithmic", () => on.toggle("log", spec.id));
    this.full = this.button("all", "Show values far out too", () => on.toggle("full", spec.id));
    const tools = make("span", "tools", this.full, this.log,
                       this.button("CSV", "Save the points", () => this.saveCsv()),
                       this.button("PNG", "Save the picture", () => this.savePng()));
    if (spec.stacked) this.log.hidden = true;
    const title = make("h2", "", make("span", "", spec.title));
    if (spec.note) title.append(make("span", "note", spec.note));
    title.append(this.read, tools);
    this.card = make("article", "card chart" + (spec.wide ? " wide" : ""), title,
                     make("div", "box", this.canvas), this.legend);
    this.card.dataset.chart = spec.id;
    parent.append(this.card);
    listen(this.canvas, () => this.chart, on);
  }

  button(text, title, action) {
    const button = make("button", "tool", text);
    button.type = "button";
    button.title = title;
    button.dataset.tool = text;
    button.addEventListener("click", action);
    return button;
  }

  // view: {axis, smooth, log, full, marks, from, to, max}: what is chosen, and where the axis ends.
  show(runs, view) {
    this.view = view;
    this.lines = this.spec.lines(runs, view);
    this.card.hidden = Boolean(this.spec.optional) &&
      !this.lines.some((line) => line.data.length > 0);
    if (this.card.hidden) return;
    this.marks = this.spec.stacked ? [] : view.marks;
    this.showLegend();
    const from = view.from ?? 0;
    const to = view.to ?? view.max;
    const drawn = this.lines.map((line) => ({
      ...line, data: this.spec.stacked ? line.data : smooth(line.data, view.smooth)}));
    if (this.chart === null) this.make();
    this.chart.data.datasets = drawn;
    this.setRange(drawn, from, to);
    this.chart.update("none");
  }

  // The bottom, the top and what is said of values outside.
  setRange(lines, from, to) {
    const {x, y} = this.chart.options.scales;
    x.min = from;
    x.max = to;
    const values = lines.flatMap((line) => inside(line.data, from, to).map((point) => point.y));
    const isLog = this.view.log.includes(this.spec.id) && values.some((value) => value > 0);
    const whole = this.spec.robust === false || this.spec.stacked;
    const robust = whole ? null : robustRange(values);
    const cut = robust !== null && !this.view.full.includes(this.spec.id);
    const kept = cut ? values.filter((v) => v >= robust.low && v <= robust.high) : values;
    this.full.hidden = robust === null;
    this.full.classList.toggle("on", robust !== null && !cut);
    this.full.classList.toggle("cut", cut);
    this.full.title = robust === null ? "" : cut ?
      `${robust.outside} values lie outside; show them` : "Show the bulk of the values";
    this.log.classList.toggle("on", isLog);
    y.type = isLog ? "logarithmic" : "linear";
    Object.assign(y, this.bounds(kept, isLog));
  }

  bounds(values, isLog) {
    if (this.spec.stacked) return {min: 0, max: this.spec.whole === false ? undefined : 1};
    const known = isLog ? values.filter((value) => value > 0) : values;
    if (known.length === 0) return {min: isLog ? 0.1 : 0, max: 1};
    let low = Infinity;
    let high = -Infinity;
    for (const value of known) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    if (isLog) return {min: low / 1.15, max: high * 1.15};
    if (this.spec.zero !== false) low = Math.min(low, 0);
    // What differs by rounding alone is one value.
    const flat = high - low <= 1e-9 * Math.max(Math.abs(low), Math.abs(high));
    const pad = flat ? 0.1 * Math.abs(high) || 1 : 0.06 * (high - low);
    return {min: low < 0 || this.spec.zero === false ? low - pad : 0, max: high + pad};
  }

  showLegend() {
    this.legend.replaceChildren(...this.lines.filter((line) => line.key).map((line) => {
      const dot = make("i", "dot");
      dot.style.background = line.borderColor;
      return make("span", "", dot, line.key === true ? line.label : line.key);
    }));
  }

  make() {
    this.chart = new Chart(this.canvas, {
      type: "line", data: {datasets: []}, options: this.options(),
      plugins: [{
        afterDatasetsDraw: (chart) => drawMarks(chart, this.marks),
        afterDraw: (chart) => drawPointer(chart, this.x, theme()),
      }],
    });
  }

  options() {
    const {ink, soft, line, card} = theme();
    const grid = {color: line, drawBorder: false, drawTicks: false};
    const font = {size: 11};
    const even = (scale, count, axis) => {
      scale.ticks = scale.type === "logarithmic" ? logTicks(scale.min, scale.max) :
        evenTicks(scale.min, scale.max, count, axis === "wall_s");
    };
    return {
      animation: false, parsing: false, normalized: true, maintainAspectRatio: false,
      interaction: {mode: "nearest", axis: "x", intersect: false},
      layout: {padding: {right: 14, top: 4}},
      // A point on the edge, as of a success rate of 0, is drawn whole.
      clip: {left: 0, right: 0, top: POINT_PX, bottom: POINT_PX},
      scales: {
        x: {type: "linear", grid: {...grid, display: false},
            afterBuildTicks: (scale) =>
              even(scale, this.ticksFor(scale.width), this.view.axis),
            ticks: {color: soft, font, maxRotation: 0, autoSkip: false,
                    callback: (value) => tickText(value, this.view.axis)}},
        y: {type: "linear", grid, stacked: this.spec.stacked,
            afterBuildTicks: (scale) => even(scale, Math.max(2, Math.min(5, scale.height / 34))),
            ticks: {color: soft, font, autoSkip: false, callback: (value) => this.spec.share ?
              Math.round(100 * value) + " %" : short(value)}},
      },
      plugins: {
        legend: {display: false},
        tooltip: {
          backgroundColor: card, titleColor: soft, bodyColor: ink, borderColor: line,
          footerColor: soft, footerFont: {weight: "normal"}, borderWidth: 1, padding: 9,
          usePointStyle: true, boxWidth: 8, boxHeight: 8, filter: (item) => !item.dataset.silent,
          callbacks: {
            title: (items) => items.length > 0 ?
              placeText(items[0].parsed.x, this.view.axis) : "",
            label: (item) => " " + item.dataset.label + ": " + this.valueText(item.parsed.y),
            footer: (items) => items.length > 0 ?
              marksNear(this.chart, this.marks, items[0].element.x) : "",
          },
        },
      },
    };
  }

  ticksFor(width) {
    const apart = this.view.axis === "wall_s" ? TIME_TICK_PX : TICK_PX;
    return Math.max(2, Math.min(7, width / apart));
  }

  valueText(value) {
    return this.spec.share ? (100 * value).toFixed(1) + " %" : number(value);
  }

  // The mouse is there, in this chart or another; null: nowhere.
  point(x, isHere) {
    if (this.card.hidden || this.chart === null) return;
    const box = this.canvas.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight) return;
    this.x = x;
    const line = this.lines.find((line) => !line.silent && line.data.length > 0);
    const other = x !== null && !isHere && line !== undefined && !this.spec.stacked;
    this.read.textContent = other ? this.valueText(line.data[indexNear(line.data, x)].y) : "";
    this.chart.draw();
  }

  saveCsv() {
    const lines = this.lines.filter((line) => line.data.length > 0);
    const text = csvOf(this.view.axis, lines);
    save(this.fileName("csv"), new Blob([text], {type: "text/csv"}));
  }

  savePng() {
    const lines = this.lines.filter((line) => line.data.length > 0 && !line.silent);
    pictureOf(this.canvas, this.spec.title, lines).toBlob(
      (blob) => save(this.fileName("png"), blob), "image/png");
  }

  fileName(ending) {
    return `${this.view.name}_${this.spec.id}.${ending}`;
  }

  forget() {
    this.chart?.destroy();
    this.chart = null;
  }
}
