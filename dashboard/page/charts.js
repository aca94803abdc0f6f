// All curves together: they share their axis, the piece of it that is shown, and the mouse's place.
import {CHARTS, MORE, PRIMITIVES, TIMES} from "./chart_list.js";
import {placedMarks} from "./marks.js";
import {Panel} from "./panel.js";
import {state} from "./state.js";

export class Charts {
  // places: {charts, times, primitives, more}: elements; details: the one that `more` lies in.
  // change(changes), toggle(list, id): of the page's state.
  constructor(places, details, {change, toggle}) {
    this.runs = [];
    const on = {
      zoom: (from, to) => change({from: Number(from.toPrecision(6)), to: Number(to.toPrecision(6))}),
      reset: () => change({from: null, to: null}),
      point: (x, chart) => this.point(x, chart),
      toggle,
    };
    const panels = (specs, place) => specs.map((spec) => new Panel(spec, place, on));
    this.panels = [...panels(CHARTS, places.charts), ...panels(TIMES, places.times),
                   ...panels(PRIMITIVES, places.primitives)];
    this.sections = [places.times, places.primitives];
    this.more = panels(MORE, places.more);
    this.details = details;
    this.frame = 0;
    details.addEventListener("toggle", () => this.show(this.runs));
  }

  show(runs) {
    this.runs = runs;
    const axis = state.x;
    const main = runs.find((run) => run.main);
    const view = {
      axis, smooth: state.smooth, group: state.group, log: state.log, full: state.full,
      from: state.from, to: state.to, name: main?.name ?? "pmoe",
      marks: state.marks ? placedMarks(main, axis) : [],
      // All panels end where the longest run does, also those that have no value yet.
      max: Math.max(1, ...runs.map((run) => lastOf(run.columns[axis]))),
    };
    for (const panel of this.panels) panel.show(runs, view);
    for (const place of this.sections) {
      place.closest("section").hidden = ![...place.children].some((card) => !card.hidden);
    }
    if (!this.details.open) return;
    for (const panel of this.more) panel.show(runs, view);
  }

  point(x, chart) {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      for (const panel of [...this.panels, ...this.more]) {
        panel.point(x, panel.chart === chart);
      }
    });
  }

  // Colours are read when a chart is made.
  restyle() {
    for (const panel of [...this.panels, ...this.more]) panel.forget();
    this.show(this.runs);
  }
}

function lastOf(list) {
  for (let i = (list?.length ?? 0) - 1; i >= 0; --i) if (list[i] !== null) return list[i];
  return 0;
}
