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

export function bytes(value) {
  if (!(value > 0)) return DASH;
  if (value >= 1e9) return (value / 1e9).toFixed(1) + " GB";
  return Math.round(value / 1e6) + " MB";
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return DASH;
  if (seconds < 60) return Math.round(seconds) + " s";
  if (seconds < 3600) return Math.round(seconds / 60) + " min";
  const hours = Math.floor(seconds / 3600);
  if (hours < 48) return hours + " h " + Math.round((seconds % 3600) / 60) + " min";
  return Math.round(hours / 24) + " days";
}

export function ago(unixSeconds) {
  const seconds = Date.now() / 1000 - unixSeconds;
  return seconds < 60 ? "now" : duration(seconds) + " ago";
}

// An element with classes and children; a string becomes text.
export function make(tag, classes, ...children) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  element.append(...children);
  return element;
}
