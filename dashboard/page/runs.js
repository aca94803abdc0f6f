// The runs that are shown, and what the server says of them: one stream of events for all.

const RETRY_MS = 5000;
const LOG_MAX = 200;
const SUMMARY_EVERY_MS = 3000;

// Points from value.from on are new; a column that is not there has no value in them.
function addHistory(run, value) {
  const count = value.columns.env_steps?.length ?? 0;
  for (const name of Object.keys(value.columns)) run.columns[name] ??= [];
  for (const [name, list] of Object.entries(run.columns)) {
    list.length = Math.min(list.length, value.from);
    while (list.length < value.from) list.push(null);
    const added = value.columns[name];
    for (let i = 0; i < count; ++i) list.push(added === undefined ? null : added[i]);
  }
  if (value.from === 0 && count === 0) run.columns = {};
  run.latest = value.latest;
  run.summaryIsOld = true;
}

const ON_EVENT = {
  history: addHistory,
  log: (run, value) => {
    run.log = (value.reset ? [] : run.log).concat(value.lines).slice(-LOG_MAX);
  },
  marks: (run, value) => { run.marks = value; },
  status: (run, value) => { run.status = value; },
};

export class Runs {
  // onNews(): something is new; onLink(text): whether the server answers.
  constructor(onNews, onLink) {
    this.byId = new Map();  // in the order chosen
    this.onNews = onNews;
    this.onLink = onLink;
    this.events = null;
    this.retry = 0;
  }

  get ids() {
    return [...this.byId.keys()];
  }

  // These and no others; those that stay keep what they have.
  choose(ids, entries) {
    for (const id of this.ids) if (!ids.includes(id)) this.byId.delete(id);
    for (const id of ids) if (!this.byId.has(id)) this.add(id, entries);
    this.byId = new Map(ids.map((id) => [id, this.byId.get(id)]));
    this.connect();
  }

  add(id, entries) {
    const used = new Set([...this.byId.values()].map((run) => run.slot));
    let slot = 0;
    while (used.has(slot)) ++slot;
    this.byId.set(id, {name: id, slot, entry: entries.find((entry) => entry.id === id) ?? null,
                       columns: {}, latest: {}, log: [], marks: [], status: null, main: false,
                       summary: {}, summaryIsOld: true, summaryAt: -Infinity});
  }

  setEntries(entries) {
    for (const run of this.byId.values()) {
      run.entry = entries.find((entry) => entry.id === run.name) ?? run.entry;
      run.summaryIsOld = true;  // its aim may be another
    }
  }

  // What the run's whole file says, for the tiles; asks only after news, and not with each row.
  async keepSummary(run) {
    if (run === undefined || !run.summaryIsOld) return;
    if (performance.now() - run.summaryAt < SUMMARY_EVERY_MS) return;
    run.summaryIsOld = false;
    try {
      const response = await fetch("/api/summaries?run=" + encodeURIComponent(run.name));
      const answer = response.ok ? await response.json() : {pending: 1, runs: {}};
      if (answer.pending > 0) run.summaryIsOld = true;
      else run.summaryAt = performance.now();
      run.summary = answer.runs[run.name] ?? run.summary;
      this.onNews();
    } catch (error) {
      run.summaryIsOld = true;
    }
  }

  close() {
    this.events?.close();
    clearTimeout(this.retry);
  }

  connect() {
    this.close();
    if (this.byId.size === 0) return;
    const query = this.ids.map((id) => "run=" + encodeURIComponent(id)).join("&");
    const events = new EventSource("/api/events?" + query);
    this.events = events;
    events.onopen = () => this.onLink("live");
    events.onerror = () => {
      this.onLink("no answer");
      for (const run of this.byId.values()) run.status = null;
      this.onNews();
      // A stream that broke is opened again by the browser, one that was refused is not.
      if (events.readyState === EventSource.CLOSED) {
        this.retry = setTimeout(() => this.connect(), RETRY_MS);
      }
    };
    for (const [name, add] of Object.entries(ON_EVENT)) {
      events.addEventListener(name, (event) => {
        const {run: id, value} = JSON.parse(event.data);
        const run = this.byId.get(id);
        if (run === undefined) return;
        add(run, value);
        this.onNews();
      });
    }
  }
}
