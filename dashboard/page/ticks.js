// Few and even ticks: multiples of 1, 2 or 5 times a power of ten; of time, of what clocks count.
import {short} from "./format.js";

const CLOCK_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
                 43200, 86400];

export function niceStep(width, count) {
  const raw = width / count;
  if (!(raw > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= raw * 0.999999);
}

function clockStep(width, count) {
  const raw = width / count;
  return CLOCK_S.find((step) => step >= raw) ?? 86400 * niceStep(width / 86400, count);
}

const TICKS_MAX = 100;  // whatever the range is, drawing must end

export function evenTicks(min, max, count, isTime = false) {
  const step = isTime ? clockStep(max - min, count) : niceStep(max - min, count);
  const first = Math.ceil(min / step - 1e-9);
  const ticks = [];
  for (let i = 0; i < TICKS_MAX && (first + i) * step <= max + step * 1e-9; ++i) {
    ticks.push({value: Number(((first + i) * step).toPrecision(12))});
  }
  return ticks;
}

// Whole decades; where there are fewer than three, also twice and five times them.
export function logTicks(min, max) {
  if (!(min > 0) || !Number.isFinite(max)) return [];
  const decades = Math.log10(max / min);
  const factors = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 5];
  const every = Math.max(1, Math.ceil(decades / 6));
  const ticks = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); ++power) {
    if (power % every !== 0) continue;
    for (const factor of factors) {
      const value = Number((factor * 10 ** power).toPrecision(12));
      if (value >= min * 0.999 && value <= max * 1.001) ticks.push({value});
    }
  }
  return ticks;
}

export function tickText(value, axis) {
  if (axis !== "wall_s") return short(value);
  if (value === 0) return "0";
  if (value % 86400 === 0) return value / 86400 + " d";
  if (value % 3600 === 0 || value >= 7200) return Number((value / 3600).toFixed(2)) + " h";
  if (value % 60 === 0 || value >= 120) return Number((value / 60).toFixed(2)) + " min";
  return short(value) + " s";
}
