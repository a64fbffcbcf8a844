// The state of the picture, and drawing it.
const canvas = $("cells");
const pen = canvas.getContext("2d");
const state = { x: 0, y: 0, scale: 1, selected: -1, hover: -1, mode: "pattern",
  layers: data.widths.map(() => true), dual: false, width: 1, height: 1 };
// what a mode paints: cells or parts of them, in one colour each or shaded by corner heights
const paints = {};
const paint = (mode) => {
  if (!paints[mode]) {
    const { parts, colors, heights, borders } = data.modes[mode];
    const rgb = colors && unpack(colors, Uint8Array);
    paints[mode] = {
      shapes: parts ? polygons(parts) : cells,
      colors: rgb && Array.from({ length: rgb.length / 3 }, (_, c) =>
        `rgb(${rgb.subarray(3 * c, 3 * c + 3).join()})`),
      heights: heights && unpack(heights, Float32Array),
      borders: borders && unpack(borders, Float32Array),
    };
  }
  return paints[mode];
};
const stops = data.stops.map((color) => [1, 3, 5].map((k) => parseInt(color.slice(k, k + 2), 16)));
const colorAt = (height) => {
  const place = Math.max(0, Math.min(1, height)) * (stops.length - 1);
  const k = Math.min(stops.length - 2, Math.floor(place));
  return `rgb(${stops[k].map((part, j) => Math.round(part + (place - k) * (stops[k + 1][j] - part))).join()})`;
};
// a function that is affine on the cell as a gradient from its lowest to its highest corner
const shade = (c, heights, ox, oy, kx, ky) => {
  let low = ends[c], high = ends[c];
  for (let k = ends[c]; k < ends[c + 1]; k++) {
    if (heights[k] < heights[low]) low = k;
    if (heights[k] > heights[high]) high = k;
  }
  const from = heights[low], to = heights[high];
  const at = (c * data.outputs.length + data.outputs.indexOf(data.output)) * inputs;
  const gx = matrix[at] * size[0] / kx, gy = inputs === 2 ? -matrix[at + 1] * size[1] / ky : 0;
  const x = ox + corners[2 * low] * kx, y = oy - corners[2 * low + 1] * ky;
  // along the steepest way, as far as the highest corner lies along it
  const length = Math.hypot(gx, gy), nx = gx / length, ny = gy / length;
  const far = (corners[2 * high] - corners[2 * low]) * kx * nx - (corners[2 * high + 1] - corners[2 * low + 1]) * ky * ny;
  if (!(to > from) || !(far > 0)) return colorAt(from);
  const gradient = pen.createLinearGradient(x, y, x + far * nx, y + far * ny);
  gradient.addColorStop(0, colorAt(from));
  for (let k = 0; k < stops.length; k++) {
    const height = k / (stops.length - 1);
    if (height > from && height < to) gradient.addColorStop((height - from) / (to - from), colorAt(height));
  }
  gradient.addColorStop(1, colorAt(to));
  return gradient;
};
const base = () => {
  const margin = 40;
  const w = state.width - 2 * margin, h = state.height - 2 * margin;
  const ratio = inputs === 2 ? size[1] / size[0] : 0.5;
  const equal = ratio > 0.2 && ratio < 5;
  const sx = equal ? Math.min(w, h / ratio) : w;
  return [sx, equal ? sx * ratio : h];
};
const toScreen = (x, y) => {
  const [w, h] = base();
  return [state.width / 2 + (x - 0.5 - state.x) * w * state.scale,
    state.height / 2 - (y - 0.5 - state.y) * h * state.scale];
};
const toUnit = (px, py) => {
  const [w, h] = base();
  return [(px - state.width / 2) / (w * state.scale) + 0.5 + state.x,
    -(py - state.height / 2) / (h * state.scale) + 0.5 + state.y];
};
const path = ({ ends, corners }, c, ox, oy, kx, ky) => {
  for (let k = ends[c]; k < ends[c + 1]; k++) {
    const px = ox + corners[2 * k] * kx, py = oy - corners[2 * k + 1] * ky;
    if (k === ends[c]) pen.moveTo(px, py); else pen.lineTo(px, py);
  }
  pen.closePath();
};
let pending = false;
const redraw = () => {
  if (!pending) { pending = true; requestAnimationFrame(() => { pending = false; draw(); }); }
};

function draw() {
  const ratio = window.devicePixelRatio || 1;
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, state.width, state.height);
  const [w, h] = base();
  const kx = w * state.scale, ky = h * state.scale;
  const [ox, oy] = toScreen(0, 0);
  const [vx0, vy1] = toUnit(0, 0), [vx1, vy0] = toUnit(state.width, state.height);
  const inView = (boxes, c) => boxes[4 * c] <= vx1 && boxes[4 * c + 2] >= vx0 &&
    boxes[4 * c + 1] <= vy1 && boxes[4 * c + 3] >= vy0;
  const seen = (c) => inView(boxes, c);
  const { shapes, colors, heights, borders } = paint(state.mode);
  pen.lineWidth = 1;
  pen.lineJoin = "round"; // no spikes at sharp corners
  for (let c = 0; c < shapes.count; c++) {
    if (!inView(shapes.boxes, c)) continue;
    pen.beginPath();
    path(shapes, c, ox, oy, kx, ky);
    pen.fillStyle = pen.strokeStyle = colors ? colors[c] : shade(c, heights, ox, oy, kx, ky);
    pen.fill();
    pen.stroke(); // closes the hairlines between cells
  }
  drawFacets(ox, oy, kx, ky);
  if (borders) drawBorders(borders, ox, oy, kx, ky);
  if (state.dual) drawDual(ox, oy, kx, ky, seen);
  drawMarks(ox, oy, kx, ky);
  pen.strokeStyle = "#1b1b1b";
  pen.lineWidth = 1;
  pen.strokeRect(ox, oy - ky, kx, ky);
  drawTicks(ox, oy, kx, ky);
}

// round numbers along the frame, or along the border of the view where it lies outside
function drawTicks(ox, oy, kx, ky) {
  pen.font = "11px system-ui, sans-serif";
  const write = (text, px, py, align) => {
    pen.textAlign = align;
    pen.lineWidth = 3;
    pen.strokeStyle = "rgba(255,255,255,.9)";
    pen.strokeText(text, px, py);
    pen.fillStyle = "#1b1b1b";
    pen.fillText(text, px, py);
  };
  const bottom = Math.min(oy, state.height - 16), left = Math.max(ox, 40);
  for (let k = 0; k < inputs; k++) {
    const pixels = (k ? ky : kx) / size[k];
    const rough = 90 / pixels, power = 10 ** Math.floor(Math.log10(rough));
    const tick = power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : 2);
    const seen = k ? [(oy - state.height) / ky, oy / ky] : [-ox / kx, (state.width - ox) / kx];
    const from = data.low[k] + Math.max(0, seen[0]) * size[k];
    const to = data.low[k] + Math.min(1, seen[1]) * size[k];
    for (let j = Math.ceil(from / tick); j * tick <= to; j++) {
      const at = (j * tick - data.low[k]) * pixels;
      const text = String(Number((j * tick).toPrecision(12)));
      if (k) write(text, left - 5, oy - at + 4, "right");
      else write(text, ox + at, bottom + 13, "center");
    }
  }
  write(data.inputs[0], Math.min(ox + kx, state.width - 4), bottom - 5, "right");
  if (inputs === 2) write(data.inputs[1], left + 5, Math.max(oy - ky, 0) + 14, "left");
}

const lines = (segments, chosen, ox, oy, kx, ky) => {
  pen.beginPath();
  for (let e = 0; e < segments.length / 4; e++) {
    if (!chosen(e) || !(segments[4 * e] === segments[4 * e])) continue;
    pen.moveTo(ox + segments[4 * e] * kx, oy - segments[4 * e + 1] * ky);
    pen.lineTo(ox + segments[4 * e + 2] * kx, oy - segments[4 * e + 3] * ky);
  }
};

// where the class changes: black with a white rim, unlike any facet
function drawBorders(borders, ox, oy, kx, ky) {
  lines(borders, () => true, ox, oy, kx, ky);
  pen.lineCap = "round";
  pen.strokeStyle = "#ffffff";
  pen.lineWidth = 4;
  pen.stroke();
  pen.strokeStyle = "#000000";
  pen.lineWidth = 2;
  pen.stroke();
  pen.lineCap = "butt";
}

function drawFacets(ox, oy, kx, ky) {
  const cellsInView = count / Math.max(1, state.scale * state.scale);
  const width = Math.max(0.25, Math.min(1.8, 40 / Math.sqrt(Math.max(1, cellsInView))));
  for (let layer = data.widths.length - 1; layer >= 0; layer--) {
    if (!state.layers[layer]) continue;
    lines(segments, (e) => layers[e] === layer, ox, oy, kx, ky);
    pen.strokeStyle = data.layerColors[layer];
    pen.lineWidth = width;
    pen.stroke();
  }
}

function drawDual(ox, oy, kx, ky, seen) {
  pen.beginPath();
  for (let e = 0; e < layers.length; e++) {
    const a = edges[2 * e], b = edges[2 * e + 1];
    if (!seen(a) && !seen(b)) continue;
    pen.moveTo(ox + middles[2 * a] * kx, oy - middles[2 * a + 1] * ky);
    pen.lineTo(ox + middles[2 * b] * kx, oy - middles[2 * b + 1] * ky);
  }
  pen.strokeStyle = "rgba(30,30,30,.75)";
  pen.lineWidth = 0.8;
  pen.stroke();
  pen.fillStyle = "#111";
  for (let c = 0; c < count; c++)
    if (seen(c)) pen.fillRect(ox + middles[2 * c] * kx - 1.5, oy - middles[2 * c + 1] * ky - 1.5, 3, 3);
}

function drawMarks(ox, oy, kx, ky) {
  const outline = (c, color, width) => {
    pen.beginPath();
    path(cells, c, ox, oy, kx, ky);
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.lineJoin = "round";
    pen.stroke();
  };
  if (state.selected >= 0) {
    for (const { cell } of neighbors(state.selected)) {
      pen.beginPath();
      path(cells, cell, ox, oy, kx, ky);
      pen.fillStyle = "rgba(255,255,255,.55)";
      pen.fill();
      outline(cell, "#0072b2", 1.6);
    }
    outline(state.selected, "#ffffff", 5);
    outline(state.selected, "#d55e00", 3);
  }
  if (state.hover >= 0 && state.hover !== state.selected) outline(state.hover, "#111111", 2);
}
