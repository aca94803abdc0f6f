// Colours of runs, primitives and parts, and of the page around them; dark after light.
const COLORS = [
  ["#2563d9", "#6ea3ff"], ["#e0742a", "#f2995c"], ["#159a70", "#3fcf9c"],
  ["#c7359b", "#ef7cc8"], ["#8a56e2", "#b692ff"], ["#0d95b5", "#45cbe8"],
  ["#c99a06", "#ecc74b"], ["#b23b3b", "#ff8f87"], ["#5f7a22", "#a9cb5f"],
  ["#6b7280", "#a3abb9"],
];
export const GREY = COLORS.length - 1;

export function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

// In the order in which runs are chosen.
export function color(index, alpha = 1) {
  const hex = COLORS[index % COLORS.length][isDark() ? 1 : 0];
  if (alpha === 1) return hex;
  return hex + Math.round(255 * alpha).toString(16).padStart(2, "0");
}

export function theme() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue("--" + name).trim();
  return {ink: of("ink"), soft: of("soft"), line: of("line"), card: of("card"), bar: of("bar"),
          accent: of("accent"), good: of("good"), warn: of("warn"), bad: of("bad")};
}
