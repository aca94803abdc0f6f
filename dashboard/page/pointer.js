// The mouse over a chart: dragging chooses a piece of the axis for all charts, a double click shows
// the whole again, and moving shows the same place in every chart. A finger only scrolls and taps.
const DRAG_MIN_PX = 6;

// on: {zoom(from, to), reset(), point(x, chart)}; x: null: the mouse has left.
export function listen(canvas, chartOf, on) {
  let begin = null;
  const place = (event) => {
    const {left, right} = chartOf().chartArea;
    return Math.min(Math.max(event.offsetX, left), right);
  };
  const value = (pixel) => chartOf().scales.x.getValueForPixel(pixel);
  canvas.addEventListener("pointerdown", (event) => {
    if (event.pointerType === "touch" || event.button !== 0 || chartOf() === null) return;
    begin = place(event);
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const chart = chartOf();
    if (chart === null) return;
    chart.dragged = begin === null ? null : [begin, place(event)];
    on.point(value(place(event)), chart);
  });
  canvas.addEventListener("pointerup", (event) => {
    if (begin === null) return;
    const [low, high] = [begin, place(event)].sort((a, b) => a - b);
    begin = null;
    chartOf().dragged = null;
    if (high - low >= DRAG_MIN_PX) on.zoom(value(low), value(high));
  });
  canvas.addEventListener("pointercancel", () => {
    begin = null;
    if (chartOf() !== null) chartOf().dragged = null;
  });
  canvas.addEventListener("pointerleave", () => on.point(null, chartOf()));
  canvas.addEventListener("dblclick", () => on.reset());
}

// The piece that is being chosen, and the place where the mouse is.
export function drawPointer(chart, x, {accent, soft}) {
  const {left, right, top, bottom} = chart.chartArea;
  const draw = chart.ctx;
  draw.save();
  if (chart.dragged) {
    const [from, to] = chart.dragged;
    draw.globalAlpha = 0.18;
    draw.fillStyle = accent;
    draw.fillRect(Math.min(from, to), top, Math.abs(to - from), bottom - top);
    draw.globalAlpha = 1;
  }
  const pixel = x === null ? NaN : chart.scales.x.getPixelForValue(x);
  if (pixel >= left && pixel <= right) {
    draw.strokeStyle = soft;
    draw.lineWidth = 1;
    draw.beginPath();
    draw.moveTo(pixel, top);
    draw.lineTo(pixel, bottom);
    draw.stroke();
  }
  draw.restore();
}
