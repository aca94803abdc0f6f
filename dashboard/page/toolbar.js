// The controls above the curves, for all of them.
import {groupsOf} from "./chart_list.js";
import {make} from "./format.js";
import {placeText} from "./panel.js";
import {AXES} from "./series.js";
import {state} from "./state.js";

function labelled(text, control) {
  return make("label", "", make("span", "", text), control);
}

export class Toolbar {
  constructor(place, change) {
    this.axis = make("select", "", ...Object.entries(AXES).map(([name, label]) => {
      const option = make("option", "", label);
      option.value = name;
      return option;
    }));
    this.axis.id = "axis";
    this.axis.addEventListener("change", () => change({x: this.axis.value}));
    this.smooth = make("input");
    Object.assign(this.smooth, {type: "range", min: "0", max: "0.99", step: "0.01", id: "smooth"});
    this.smooth.addEventListener("input", () => change({smooth: Number(this.smooth.value)}));
    this.weight = make("span", "note");
    this.marks = this.box("marks", change);
    this.group = this.box("group", change);
    this.groups = labelled("Seeds as one", this.group);
    this.zoom = make("button", "zoom");
    this.zoom.type = "button";
    this.zoom.id = "whole";
    this.zoom.addEventListener("click", () => change({from: null, to: null}));
    place.replaceChildren(
      labelled("Over", this.axis), labelled("Smooth", this.smooth), this.weight,
      labelled("Events", this.marks), this.groups, this.zoom,
      make("span", "note hint", "Drag to zoom, double click for all."));
  }

  box(name, change) {
    const box = make("input");
    box.type = "checkbox";
    box.id = "show-" + name;
    box.addEventListener("change", () => change({[name]: box.checked}));
    return box;
  }

  show(runs) {
    this.axis.value = state.x;
    if (document.activeElement !== this.smooth) this.smooth.value = String(state.smooth);
    this.weight.textContent = state.smooth > 0 ? state.smooth.toFixed(2) : "off";
    this.marks.checked = state.marks;
    this.group.checked = state.group;
    this.groups.hidden = !groupsOf(runs).some((group) => group.length > 1);
    this.zoom.hidden = state.from === null && state.to === null;
    if (!this.zoom.hidden) {
      this.zoom.textContent = `${placeText(state.from ?? 0, state.x)} to ` +
        `${state.to === null ? "the end" : placeText(state.to, state.x)} ×`;
    }
  }
}
