// All curves together: they share their axis, the piece of it that is shown, and the mouse's place.
import {CHARTS, MORE, PRIMITIVES, TIMES} from "./chart_list.js";
import {placedMarks} from "./marks.js";
import {Panel} from "./panel.js";
import {state} from "./state.js";

const CARD_PX = 318;
const GAP_PX = 12;

// As many columns as there is room for, and no more than fill the rows; the last row's cards share
// its whole width.
export function fill(place) {
  const cards = [...place.children].filter((card) => !card.hidden);
  const room = Math.max(1, Math.floor((place.clientWidth + GAP_PX) / (CARD_PX + GAP_PX)));
  const spans = cards.map((card) => card.classList.contains("wide") && room > 2 ? 2 : 1);
  const cells = spans.reduce((sum, span) => sum + span, 0);
  const rows = Math.ceil(cells / room);
  const columns = Math.ceil(cells / rows);
  const last = cells - (rows - 1) * columns;
  place.style.setProperty("--columns", String(columns));
  cards.forEach((card, i) => {
    const inLast = i - (cards.length - last);
    const share = (k) => Math.floor(k * columns / last);
    const span = inLast >= 0 && spans[i] === 1 ?
      share(inLast + 1) - share(inLast) : spans[i];
    card.style.gridColumn = `span ${span}`;
  });
}

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
    this.places = places;
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
    if (this.details.open) for (const panel of this.more) panel.show(runs, view);
    for (const place of Object.values(this.places)) fill(place);
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
