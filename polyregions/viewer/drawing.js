// The state of the picture, and drawing it.
const canvas = $("cells");
const pen = canvas.getContext("2d");
const state = { x: 0, y: 0, scale: 1, selected: -1, hover: -1, mode: "pattern",
  layers: data.widths.map(() => true), dual: false, width: 1, height: 1 };
const styles = {};
const fill = (mode) => {
  if (!styles[mode]) {
    const rgb = unpack(data.modes[mode].colors, Uint8Array);
    styles[mode] = Array.from({ length: count }, (_, c) =>
      `rgb(${rgb[3 * c]},${rgb[3 * c + 1]},${rgb[3 * c + 2]})`);
  }
  return styles[mode];
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
const path = (c, ox, oy, kx, ky) => {
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
  const seen = (c) => boxes[4 * c] <= vx1 && boxes[4 * c + 2] >= vx0 &&
    boxes[4 * c + 1] <= vy1 && boxes[4 * c + 3] >= vy0;
  const shades = fill(state.mode);
  pen.lineWidth = 0.6;
  for (let c = 0; c < count; c++) {
    if (!seen(c)) continue;
    pen.beginPath();
    path(c, ox, oy, kx, ky);
    pen.fillStyle = pen.strokeStyle = shades[c];
    pen.fill();
    pen.stroke(); // closes the hairlines between cells
  }
  drawFacets(ox, oy, kx, ky);
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

function drawFacets(ox, oy, kx, ky) {
  const cellsInView = count / Math.max(1, state.scale * state.scale);
  const width = Math.max(0.25, Math.min(1.8, 40 / Math.sqrt(Math.max(1, cellsInView))));
  for (let layer = data.widths.length - 1; layer >= 0; layer--) {
    if (!state.layers[layer]) continue;
    pen.beginPath();
    for (let e = 0; e < layers.length; e++) {
      if (layers[e] !== layer || !(segments[4 * e] === segments[4 * e])) continue;
      pen.moveTo(ox + segments[4 * e] * kx, oy - segments[4 * e + 1] * ky);
      pen.lineTo(ox + segments[4 * e + 2] * kx, oy - segments[4 * e + 3] * ky);
    }
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
    path(c, ox, oy, kx, ky);
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.lineJoin = "round";
    pen.stroke();
  };
  if (state.selected >= 0) {
    for (const { cell } of neighbors(state.selected)) {
      pen.beginPath();
      path(cell, ox, oy, kx, ky);
      pen.fillStyle = "rgba(255,255,255,.55)";
      pen.fill();
      outline(cell, "#0072b2", 1.6);
    }
    outline(state.selected, "#ffffff", 5);
    outline(state.selected, "#d55e00", 3);
  }
  if (state.hover >= 0 && state.hover !== state.selected) outline(state.hover, "#111111", 2);
}
