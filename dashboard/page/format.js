// Numbers and times as text, and elements made of text: nothing that a run wrote is ever parsed as
// HTML.

export const DASH = "–";

// 1,234,567; 123.4; 1.23; 0.00123
export function number(value, digits = 3) {
  if (value === null || value === undefined || !Number.isFinite(value)) return DASH;
  const size = Math.abs(value);
  if (size >= 1000 || Number.isInteger(value)) {
    return Math.round(value).toLocaleString("en-US");
  }
  if (size >= 100) return value.toFixed(1);
  if (size >= 10) return value.toFixed(Math.min(digits - 1, 2));
  if (size >= 0.1) return value.toFixed(Math.min(digits - 1, 2));
  return value.toPrecision(2);
}

// 12k, 1.2M, for axes
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e9) return trim(value / 1e9) + "G";
  if (size >= 1e6) return trim(value / 1e6) + "M";
  if (size >= 1e3) return trim(value / 1e3) + "k";
  return trim(value);
}
function trim(value) {
  return String(Number(value.toPrecision(3)));
}

export function percent(share) {
  return Number.isFinite(share) ? (100 * share).toFixed(share < 0.1 ? 1 : 0) + " %" : DASH;
}

// Of a task that is a file, the file's name: "point.so" of "plugin:/home/me/point.so".
export function taskName(env) {
  return /^(plugin|mjcf):/.test(env) ? env.slice(env.search(/[^/:]*$/)) : env;
}

export function bytes(value) {
  if (!(value > 0)) return DASH;
  if (value >= 1e9) return (value / 1e9).toFixed(1) + " GB";
  return Math.round(value / 1e6) + " MB";
}

// 42 s, 7 min, 3 h 20 min; `fine`: 7 min 30 s too
export function duration(seconds, fine = false) {
  if (!Number.isFinite(seconds)) return DASH;
  if (seconds < 60) return (fine && seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)) + " s";
  if (seconds < 3600) {
    const rest = Math.round(seconds % 60);
    return fine && rest > 0 && rest < 60 ? `${Math.floor(seconds / 60)} min ${rest} s` :
      Math.round(seconds / 60) + " min";
  }
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return Math.floor(minutes / 60) + " h " + minutes % 60 + " min";
  return (minutes / 1440).toFixed(minutes < 14400 ? 1 : 0) + " days";
}

// 350 µs, 1.2 ms, 3.4 s
export function latency(seconds) {
  if (!Number.isFinite(seconds)) return DASH;
  if (seconds < 1e-3) return Math.round(seconds * 1e6) + " µs";
  if (seconds < 1) return Number((seconds * 1e3).toPrecision(3)) + " ms";
  return Number(seconds.toPrecision(3)) + " s";
}

export function ago(seconds) {
  return seconds === null ? DASH : seconds < 60 ? "now" : duration(seconds) + " ago";
}

// An element with classes and children; a string becomes text.
export function make(tag, classes, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...children);
  return element;
}
