// What befell the main run, drawn into its curves: restarts as lines, actors that came or went at
// the top, checkpoints at the bottom.
import {theme} from "./colors.js";
import {valueAt} from "./series.js";

const NEAR_PX = 7;

// The run's marks with their places on the axis.
export function placedMarks(run, axis) {
  // That actors join as the run begins is no news.
  const marks = (run?.marks ?? []).filter((mark) => mark.env_steps > 0);
  if (axis === "env_steps") return marks.map((mark) => ({...mark, x: mark.env_steps}));
  const steps = run?.columns.env_steps ?? [];
  const places = run?.columns[axis] ?? [];
  const list = [{x: 0, y: 0}];
  for (let i = 0; i < steps.length; ++i) {
    if (Number.isFinite(places[i])) list.push({x: steps[i], y: places[i]});
  }
  return marks.map((mark) => ({...mark, x: valueAt(list, mark.env_steps)}))
    .filter((mark) => mark.x !== null);
}

// Texts of the marks next to a pixel of the chart.
export function marksNear(chart, marks, pixel) {
  return marks.filter((mark) => Math.abs(chart.scales.x.getPixelForValue(mark.x) - pixel) <= NEAR_PX)
    .map((mark) => mark.text);
}

export function drawMarks(chart, marks) {
  const {left, right, top, bottom} = chart.chartArea;
  const {warn, good, bad, soft} = theme();
  const draw = chart.ctx;
  draw.save();
  for (const mark of marks) {
    const x = chart.scales.x.getPixelForValue(mark.x);
    if (!(x >= left - 1 && x <= right + 1)) continue;
    if (mark.kind === "restart") {
      draw.strokeStyle = warn;
      draw.setLineDash([4, 3]);
      draw.beginPath();
      draw.moveTo(x, top);
      draw.lineTo(x, bottom);
      draw.stroke();
    } else if (mark.kind === "checkpoint") {
      draw.fillStyle = soft;
      draw.fillRect(x - 0.5, bottom - 4, 1, 4);
    } else {
      const up = mark.kind === "joined";
      draw.fillStyle = up ? good : bad;
      draw.beginPath();
      draw.moveTo(x - 4, up ? top + 7 : top);
      draw.lineTo(x + 4, up ? top + 7 : top);
      draw.lineTo(x, up ? top : top + 7);
      draw.fill();
    }
  }
  draw.restore();
}
