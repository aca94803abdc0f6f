// The card of the actors' past: which value, and what the server has of it. Asks and draws only while
// somebody can see it.
import {make} from "./format.js";
import {HEAT_KINDS, Heatmap, joined} from "./heatmap.js";
import {namedActors} from "./run_state.js";
import {state} from "./state.js";

const $ = (id) => document.getElementById(id);
const ASK_EVERY_MS = 2000;  // by a clock that nobody sets
const LABELS = {steps_per_s: "Steps/s", behind: "Weights' age", blocked: "Blocked share"};

export class ActorsCard {
  constructor(card, change) {
    this.card = card;
    this.map = new Heatmap($("heat"));
    this.grid = null;
    this.asked = "";
    this.visible = false;
    this.busy = false;
    this.last = -Infinity;
    this.buttons = HEAT_KINDS.map((kind) => {
      const button = make("button", "tool", LABELS[kind] ?? kind);
      button.type = "button";
      button.dataset.heat = kind;
      button.addEventListener("click", () => change({heat: kind}));
      return button;
    });
    this.every = make("button", "tool", "Every actor");
    this.every.type = "button";
    this.every.id = "every-actor";
    this.every.addEventListener("click", () => change({every: !state.every}));
    $("heat-tools").replaceChildren(...this.buttons, this.every);
    new IntersectionObserver((seen) => {
      this.visible = seen.at(-1).isIntersecting;
      if (this.visible) change({});
    }, {rootMargin: "200px"}).observe(card);
  }

  show(run) {
    const kind = HEAT_KINDS.includes(state.heat) ? state.heat : HEAT_KINDS[0];
    const about = run.name + " " + kind;
    if (about !== this.asked) {
      this.grid = null;
      this.asked = about;
      this.last = -Infinity;
    }
    for (const button of this.buttons) button.classList.toggle("on", button.dataset.heat === kind);
    this.every.classList.toggle("on", state.every);
    const actors = run.status?.actors?.rows.length ?? 0;
    this.card.hidden = actors === 0;
    if (this.card.hidden) return;
    this.every.hidden = (this.grid?.actors.length ?? 0) <= 160;
    if (this.visible && this.grid !== null && this.grid.actors.length > 0) {
      this.map.show(this.grid, kind, state.every, namedActors(run.status));
      this.card.dataset.times = String(this.grid.times);
    }
    if (this.visible && !this.busy && performance.now() - this.last >= ASK_EVERY_MS) {
      this.ask(run.name, kind, about);
    }
  }

  async ask(name, kind, about) {
    this.busy = true;
    this.last = performance.now();
    // The newest column still grows.
    const from = Math.max(0, (this.grid?.times ?? 0) - 1);
    const query = `run=${encodeURIComponent(name)}&value=${kind}` +
      `&merges=${this.grid?.merges ?? 0}&from=${this.grid === null ? 0 : from}`;
    try {
      const response = await fetch("/api/actors?" + query);
      const news = response.ok ? await response.json() : null;
      if (news !== null && about === this.asked) this.grid = joined(this.grid, news);
    } catch (error) {
      this.grid = null;
    }
    this.busy = false;
  }
}
