// A chart as a file: its points as CSV, its picture as PNG.
import {theme} from "./colors.js";

// A text that no spreadsheet takes for a formula, and no reader for two cells.
function cell(text) {
  const plain = /^[=+\-@\t\r]/.test(text) ? "'" + text : text;
  return /[",\n\r]/.test(plain) ? '"' + plain.replaceAll('"', '""') + '"' : plain;
}

// One row a place on the axis, one column a line; empty where a line has no point there.
export function csvOf(axis, lines) {
  const rows = new Map();
  lines.forEach((line, index) => {
    for (const {x, y} of line.data) {
      if (!rows.has(x)) rows.set(x, new Array(lines.length).fill(""));
      rows.get(x)[index] = String(y);
    }
  });
  const head = [axis, ...lines.map((line) => cell(line.label))].join(",");
  const places = [...rows.keys()].sort((a, b) => a - b);
  return [head, ...places.map((x) => [x, ...rows.get(x)].join(","))].join("\n") + "\n";
}

const TOP = 46;

// The picture with its title and the names of its lines, on the page's own ground.
export function pictureOf(canvas, title, lines) {
  const scale = canvas.width / canvas.clientWidth;
  const picture = document.createElement("canvas");
  picture.width = canvas.width;
  picture.height = canvas.height + TOP * scale;
  const draw = picture.getContext("2d");
  const {card, ink, soft} = theme();
  draw.fillStyle = card;
  draw.fillRect(0, 0, picture.width, picture.height);
  draw.scale(scale, scale);
  draw.fillStyle = ink;
  draw.font = "600 14px sans-serif";
  draw.fillText(title, 10, 20);
  draw.font = "12px sans-serif";
  let x = 10;
  for (const line of lines.slice(0, 10)) {
    draw.fillStyle = line.borderColor;
    draw.fillRect(x, 30, 9, 9);
    draw.fillStyle = soft;
    draw.fillText(line.label, x + 13, 39);
    x += 26 + draw.measureText(line.label).width;
  }
  draw.setTransform(1, 0, 0, 1, 0, 0);
  draw.drawImage(canvas, 0, TOP * scale);
  return picture;
}

export function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^\w.\-]+/g, "_");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
