// From a run's columns to the points of a curve. Pure functions: a point is {x, y}.

export const AXES = {env_steps: "env steps", wall_s: "wall time", updates: "updates"};

// The points of one column that have a value and a place on the axis.
export function points(run, column, axis) {
  return pointsOf(run, axis, run.columns[column] ?? []);
}

export function pointsOf(run, axis, values) {
  const places = run.columns[axis] ?? [];
  const list = [];
  for (let i = 0; i < values.length; ++i) {
    if (values[i] !== null && values[i] !== undefined && Number.isFinite(places[i])) {
      list.push({x: places[i], y: values[i]});
    }
  }
  return list;
}

// What a column of totals gained from one point to the next; null where either is not known, or
// less is counted than before.
export function gains(values) {
  const list = [];
  let before = 0;
  for (const value of values ?? []) {
    const gain = value === null ? null : value - before;
    list.push(gain !== null && gain >= 0 ? gain : null);
    if (value !== null) before = value;
  }
  return list;
}

// Rows sampled for each row inserted, from one point to the next.
export function samplesPerInsert(run, axis = "env_steps") {
  if (run.columns.samples_per_insert) return points(run, "samples_per_insert", axis);
  const batch = run.entry?.batch_size ?? 0;
  const inserted = gains(run.columns.env_steps);
  const sampled = gains(run.columns.updates);
  return pointsOf(run, axis, inserted.map((rows, i) =>
    batch > 0 && rows > 0 && sampled[i] !== null && sampled[i] !== undefined ?
      sampled[i] * batch / rows : null));
}

// An exponential mean with that weight of the past, 0 to 1, that begins with the first value.
export function smooth(list, weight) {
  if (!(weight > 0)) return list;
  let mean = 0;
  let seen = 0;
  return list.map(({x, y}) => {
    mean = weight * mean + (1 - weight) * y;
    seen = weight * seen + (1 - weight);
    return {x, y: mean / seen};
  });
}

function quantile(sorted, share) {
  const place = share * (sorted.length - 1);
  const low = Math.floor(place);
  const high = Math.min(low + 1, sorted.length - 1);
  return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
}

export function median(values) {
  return values.length === 0 ? NaN : quantile([...values].sort((a, b) => a - b), 0.5);
}

// The range that shows the bulk: a few values far out, as those of a warm-up, must not flatten the
// rest. Null: all values are in one bulk.
export function robustRange(values) {
  const sorted = values.filter((value) => Number.isFinite(value)).sort((a, b) => a - b);
  if (sorted.length < 8) return null;
  const [low, middle, high] = [0.25, 0.5, 0.75].map((share) => quantile(sorted, share));
  const width = Math.max(high - low, 0.04 * Math.abs(middle), 1e-12);
  const inside = sorted.filter((value) => value >= low - 4 * width && value <= high + 4 * width);
  const outside = sorted.length - inside.length;
  if (outside === 0 || outside > 0.2 * sorted.length) return null;
  return {low: inside[0], high: inside[inside.length - 1], outside};
}

// y at x between the points, which are sorted; null outside of them.
export function valueAt(list, x) {
  if (list.length === 0 || x < list[0].x || x > list[list.length - 1].x) return null;
  const i = indexNear(list, x);
  const [a, b] = list[i].x <= x ? [list[i], list[i + 1]] : [list[i - 1], list[i]];
  if (b === undefined || b.x === a.x) return a.y;
  return a.y + (b.y - a.y) * (x - a.x) / (b.x - a.x);
}

export function indexNear(list, x) {
  let low = 0;
  let high = list.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (list[middle].x <= x) low = middle;
    else high = middle;
  }
  return high > low && x - list[low].x > list[high].x - x ? high : low;
}

const T_95 = [12.71, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

// Mean of a few values with the half width of its 95 % interval (Student's t); 0 of a single one.
export function meanInterval(values) {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return {mean, half: 0, n};
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const t = T_95[n - 2] ?? 1.96 + 2.6 / (n - 1);
  return {mean, half: t * Math.sqrt(variance / n), n};
}

const GRID = 200;

// The mean of curves with its 95 % interval, on a grid over what at least two of them have.
export function bandOf(curves) {
  const ends = curves.filter((list) => list.length > 1);
  const band = {mean: [], low: [], high: []};
  if (ends.length < 2) return band;
  const from = ends.map((list) => list[0].x).sort((a, b) => a - b)[1];
  const to = ends.map((list) => list[list.length - 1].x).sort((a, b) => b - a)[1];
  for (let i = 0; i <= GRID && to > from; ++i) {
    const x = from + (to - from) * i / GRID;
    const here = ends.map((list) => valueAt(list, x)).filter((value) => value !== null);
    if (here.length < 2) continue;
    const {mean, half} = meanInterval(here);
    band.mean.push({x, y: mean});
    band.low.push({x, y: mean - half});
    band.high.push({x, y: mean + half});
  }
  return band;
}
