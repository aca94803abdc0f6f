// What the page shows, as the address line says it: a link or a bookmark shows the same again.
const LISTS = ["run", "log", "full"];
const TEXTS = {main: "", view: "run", x: "env_steps", heat: "steps_per_s", sort: "changed",
               filter: ""};
const NUMBERS = {smooth: 0, from: null, to: null};
const SWITCHES = {group: false, marks: true, up: false, every: false, table: false};

export const state = {};

export function readState() {
  const query = new URLSearchParams(location.search);
  for (const name of LISTS) state[name] = query.getAll(name);
  for (const [name, usual] of Object.entries(TEXTS)) state[name] = query.get(name) ?? usual;
  for (const [name, usual] of Object.entries(NUMBERS)) {
    const value = query.has(name) ? Number(query.get(name)) : NaN;
    state[name] = Number.isFinite(value) ? value : usual;
  }
  for (const [name, usual] of Object.entries(SWITCHES)) {
    state[name] = query.has(name) ? query.get(name) === "1" : usual;
  }
}

// Changes some of it, and the address line. What is as usual does not stand there.
export function setState(changes) {
  Object.assign(state, changes);
  const query = new URLSearchParams();
  for (const name of LISTS) for (const value of state[name]) query.append(name, value);
  for (const [name, usual] of Object.entries({...TEXTS, ...NUMBERS})) {
    if (state[name] !== usual) query.set(name, state[name]);
  }
  if (state.main === state.run[0]) query.delete("main");
  for (const [name, usual] of Object.entries(SWITCHES)) {
    if (state[name] !== usual) query.set(name, state[name] ? "1" : "0");
  }
  history.replaceState(null, "", "?" + query);
}

// Adds a value to one of the lists, or takes it away.
export function toggleState(list, value) {
  const others = state[list].filter((one) => one !== value);
  setState({[list]: others.length < state[list].length ? others : [...others, value]});
}
