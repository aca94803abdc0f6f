// Actors × time: what each actor did, a colour each. Rows are scrolled or, when there are many,
// merged, the worst of a row's actors being shown, so that none that lags is hidden. Those that the
// run itself calls slow or silent have a mark.
import {theme} from "./colors.js";
import {duration, make, number, percent} from "./format.js";

const ROWS_MAX = 160;      // more are merged
const HEIGHT_PX = 420;
const LABEL_PX = 46;
const NAMED_MAX = 20;      // in words
const KINDS = {
  steps_per_s: {label: "steps/s", text: number, worst: Math.min},
  behind: {label: "snapshots behind", text: number, worst: Math.max},
  blocked: {label: "share of time blocked", text: percent, worst: Math.max},
};
export const HEAT_KINDS = Object.keys(KINDS);

// "Actors 3, 7 are slow.", "Actor 5 is silent."
function sentence(actors, what) {
  const names = actors.slice(0, NAMED_MAX).join(", ");
  return actors.length === 1 ? `Actor ${names} is ${what}.` : actors.length <= NAMED_MAX ?
    `Actors ${names} are ${what}.` : `${actors.length} actors are ${what}: ${names}, ….`;
}

// The rows that are drawn: {actors: [indices], values}.
export function rowsOf(grid, kind, every) {
  const size = every ? 1 : Math.ceil(grid.actors.length / ROWS_MAX);
  const rows = [];
  for (let i = 0; i < grid.actors.length; i += size) {
    const merged = grid.rows.slice(i, i + size);
    const values = merged.length === 1 ? merged[0] : merged[0].map((_, t) => {
      const known = merged.map((row) => row[t]).filter((value) => value !== null);
      return known.length > 0 ? KINDS[kind].worst(...known) : null;
    });
    rows.push({actors: grid.actors.slice(i, i + size), values});
  }
  return rows;
}

// What a new answer adds to the grid that was there; null: the answer goes on from a grid that is
// there no longer, and all has to be asked for anew.
export function joined(grid, news) {
  if (news.from === 0) return {...news, from: 0};
  if (grid === null) return null;
  const before = new Map(grid.actors.map((actor, i) => [actor, grid.rows[i]]));
  const rows = news.actors.map((actor, i) => {
    const old = (before.get(actor) ?? []).slice(0, news.from);
    while (old.length < news.from) old.push(null);
    return old.concat(news.rows[i]);
  });
  return {...news, from: 0, rows};
}

// The value of the full colour: the bulk's, not that of one far out.
function topOf(grid, kind) {
  if (kind === "blocked") return 1;
  const values = Float64Array.from(grid.rows.flat().filter((value) => value !== null)).sort();
  return values.length > 0 ? values[Math.floor(0.98 * (values.length - 1))] : 0;
}

export class Heatmap {
  constructor(place) {
    this.canvas = make("canvas", "heat");
    this.canvas.setAttribute("role", "img");
    this.canvas.height = 0;
    this.scroll = make("div", "heat-scroll", this.canvas);
    this.note = make("p", "note");
    this.legend = make("div", "heat-legend");
    this.read = make("span", "note");
    place.replaceChildren(this.note, this.scroll, this.legend);
    this.canvas.addEventListener("pointermove", (event) => this.point(event));
    this.canvas.addEventListener("pointerleave", () => { this.read.textContent = ""; });
  }

  // Thousands of actors take a while to draw: only what is new is drawn.
  show(grid, kind, every, {slow, silent}) {
    const how = [kind, every, this.scroll.clientWidth, window.devicePixelRatio,
                 document.documentElement.dataset.theme, ...slow, "silent", ...silent].join(" ");
    if (grid === this.grid && how === this.how) return;
    if (grid !== this.grid || kind !== this.kind) this.top = topOf(grid, kind);
    this.grid = grid;
    this.kind = kind;
    this.how = how;
    this.rows = rowsOf(grid, kind, every);
    this.slow = slow;
    this.silent = silent;
    this.draw(every);
    this.tell();
  }

  draw(every) {
    const {rows, grid} = this;
    const row_px = Math.max(every ? 8 : 1, Math.min(18, Math.floor(HEIGHT_PX / rows.length)) || 1);
    const width = Math.max(200, this.scroll.clientWidth);
    const height = row_px * rows.length;
    const scale = window.devicePixelRatio || 1;
    this.size = {row_px, width};
    this.canvas.style.height = height + "px";
    this.canvas.width = width * scale;
    this.canvas.height = height * scale;
    const draw = this.canvas.getContext("2d");
    draw.scale(scale, scale);
    const {bar, accent, bad, soft} = theme();
    const {top} = this;
    // Whole pixels: no seams.
    const left = (t) => Math.round(LABEL_PX + t * (width - LABEL_PX) / Math.max(1, grid.times));
    rows.forEach(({actors, values}, i) => {
      draw.globalAlpha = 1;
      draw.fillStyle = bar;
      draw.fillRect(LABEL_PX, i * row_px, width - LABEL_PX, row_px);
      draw.fillStyle = accent;
      values.forEach((value, t) => {
        if (value === null) return;
        const piece = [left(t), i * row_px, left(t + 1) - left(t), row_px];
        draw.clearRect(...piece);
        draw.globalAlpha = top > 0 ? Math.min(1, 0.06 + 0.94 * Math.max(0, value) / top) : 0.06;
        draw.fillRect(...piece);
      });
      draw.globalAlpha = 1;
      this.label(draw, i, actors, {bad, soft});
    });
  }

  // Each row's number where there is room, else some; and a mark where an actor is named.
  label(draw, i, actors, {bad, soft}) {
    const {row_px} = this.size;
    const every = Math.max(1, Math.ceil(12 / row_px));
    const named = actors.some((actor) => this.slow.has(actor) || this.silent.has(actor));
    if (named) {
      draw.fillStyle = bad;
      draw.fillRect(LABEL_PX - 8, i * row_px, 6, Math.max(2, row_px));
    }
    if (i % every !== 0) return;
    draw.fillStyle = named ? bad : soft;
    draw.font = "11px sans-serif";
    draw.textAlign = "right";
    draw.textBaseline = row_px >= 12 ? "middle" : "top";
    draw.fillText(String(actors[0]), LABEL_PX - 11, i * row_px + (row_px >= 12 ? row_px / 2 : 0));
  }

  tell() {
    const {grid, kind, rows} = this;
    const {text, label} = KINDS[kind];
    const said = [[[...this.slow], "slow"], [[...this.silent], "silent"]]
      .filter(([actors]) => actors.length > 0);
    const merged = Math.max(1, ...rows.map((row) => row.actors.length));
    const first = make("span", said.length > 0 ? "bad" : "", said.length === 0 ?
      "No actor is slow or silent." : said.map(([actors, what]) => sentence(actors, what)).join(" "));
    this.note.replaceChildren(first, merged > 1 ?
      ` Each row is the worst of ${merged} actors.` : "");
    this.note.dataset.slow = [...this.slow].join(",");
    this.note.dataset.silent = [...this.silent].join(",");
    this.canvas.setAttribute("aria-label", first.textContent);
    const known = grid.rows.some((row) => row.some((value) => value !== null));
    const ramp = make("i", "ramp");
    this.legend.replaceChildren(
      make("span", "", duration(grid.times * grid.column_s) + " ago to now"), this.read,
      known ? make("span", "", "0 ", ramp, ` ${text(this.top)} ${label}`) :
        make("span", "", "not measured"));
  }

  point(event) {
    const {row_px, width} = this.size;
    const row = this.rows[Math.floor(event.offsetY / row_px)];
    const share = (event.offsetX - LABEL_PX) / (width - LABEL_PX);
    const time = Math.floor(share * this.grid.times);
    if (row === undefined || time < 0 || time >= this.grid.times) return;
    const {text, label} = KINDS[this.kind];
    const who = row.actors.length === 1 ? `actor ${row.actors[0]}` :
      `actors ${row.actors[0]} to ${row.actors[row.actors.length - 1]}`;
    const value = row.values[time];
    const past_s = (this.grid.times - time - 1) * this.grid.column_s;
    this.read.textContent = `${who}, ${past_s < 1 ? "now" : duration(past_s) + " ago"}: ` +
      (value === null || value === undefined ? "nothing known" : `${text(value)} ${label}`);
  }
}
