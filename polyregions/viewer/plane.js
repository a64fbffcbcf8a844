// A plane, or a line as a strip: its cells, facets, class borders, contours and frame.
const keyRoom = () => (state.width > 700 ? 110 : 0); // where there is room, the key stands beside
const middle = () => (state.width + keyRoom()) / 2;
const base = () => {
  const margin = 40;
  const w = state.width - keyRoom() - 2 * margin, h = state.height - 2 * margin;
  const ratio = inputs === 2 ? size[1] / size[0] : 0.5;
  const equal = ratio > 0.2 && ratio < 5;
  const sx = equal ? Math.min(w, h / ratio) : w;
  return [sx, equal ? sx * ratio : h];
};
const planeToScreen = (x, y) => {
  const [w, h] = base();
  return [middle() + (x - 0.5 - state.x) * w * state.scale,
    state.height / 2 - (y - 0.5 - state.y) * h * state.scale];
};
const toUnit = (px, py) => {
  const [w, h] = base();
  return [(px - middle()) / (w * state.scale) + 0.5 + state.x,
    -(py - state.height / 2) / (h * state.scale) + 0.5 + state.y];
};
// where the plane lies on the screen: its lower left corner, and its pixels across and up
const placed = () => {
  const [w, h] = base(), [ox, oy] = planeToScreen(0, 0);
  return { ox, oy, kx: w * state.scale, ky: h * state.scale };
};
const outline = ({ ends, corners }, c, { ox, oy, kx, ky }) => {
  for (let k = ends[c]; k < ends[c + 1]; k++) {
    const px = ox + corners[2 * k] * kx, py = oy - corners[2 * k + 1] * ky;
    if (k === ends[c]) pen.moveTo(px, py); else pen.lineTo(px, py);
  }
  pen.closePath();
};
const lines = (segments, chosen, { ox, oy, kx, ky }) => {
  pen.beginPath();
  for (let e = 0; e < segments.length / 4; e++) {
    if (!chosen(e) || !(segments[4 * e] === segments[4 * e])) continue;
    pen.moveTo(ox + segments[4 * e] * kx, oy - segments[4 * e + 1] * ky);
    pen.lineTo(ox + segments[4 * e + 2] * kx, oy - segments[4 * e + 3] * ky);
  }
};

function drawPlane() {
  const at = placed(), { ox, oy, kx, ky } = at;
  const [vx0, vy1] = toUnit(0, 0), [vx1, vy0] = toUnit(state.width, state.height);
  const inView = (boxes, c) => boxes[4 * c] <= vx1 && boxes[4 * c + 2] >= vx0 &&
    boxes[4 * c + 1] <= vy1 && boxes[4 * c + 3] >= vy0;
  const seen = (c) => inView(now.cells.boxes, c);
  const shapes = state.mode === "class" ? classes().shapes : now.cells;
  pen.lineWidth = 1;
  pen.lineJoin = "round"; // no spikes at sharp corners
  for (let c = 0; c < shapes.count; c++) {
    if (!inView(shapes.boxes, c)) continue;
    pen.beginPath();
    outline(shapes, c, at);
    pen.fillStyle = pen.strokeStyle = flatColor(c) ?? shadeCell(c, at);
    pen.fill();
    pen.stroke(); // closes the hairlines between cells
  }
  drawFacets(at);
  if (state.contours >= 0) drawContours(at, seen);
  if (state.borders && classes().borders) halo(() => lines(classes().borders, () => true, at), 2, "#000000", "#ffffff");
  if (state.dual) drawDual(at, seen);
  drawMarks(at);
  pen.strokeStyle = ink("ink");
  pen.lineWidth = 1;
  pen.strokeRect(ox, oy - ky, kx, ky);
  drawTicks(at);
}

const shadeCell = (c, { ox, oy, kx, ky }) => {
  const { ends, corners } = now.cells, list = [];
  for (let k = ends[c]; k < ends[c + 1]; k++)
    list.push(ox + corners[2 * k] * kx, oy - corners[2 * k + 1] * ky,
      heightAt(c, state.output, corners[2 * k], corners[2 * k + 1]));
  const rise = (c * data.outputs.length + state.output) * inputs;
  return shade(list, now.rise[rise] / kx, inputs === 2 ? -now.rise[rise + 1] / ky : 0);
};

// lines that are seen on any colour: with a rim of another
function halo(path, width, color, rim) {
  path();
  pen.lineCap = "round";
  pen.strokeStyle = rim;
  pen.lineWidth = width + 2;
  pen.stroke();
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.stroke();
  pen.lineCap = "butt";
}

function drawFacets(at) {
  const cellsInView = now.count / Math.max(1, state.scale * state.scale);
  const width = Math.max(0.25, Math.min(1.8, 40 / Math.sqrt(Math.max(1, cellsInView))));
  for (let layer = data.widths.length - 1; layer >= 0; layer--) {
    if (!state.layers[layer]) continue;
    lines(now.segments, (e) => now.layers[e] === layer, at);
    pen.strokeStyle = data.layerColors[layer];
    pen.lineWidth = width;
    pen.stroke();
  }
}

// the level lines of an output at round numbers, straight in each cell; more where it is larger
const contourLevels = () => {
  const [low, high] = data.outputScales[state.contours], span = high - low || 1;
  const step = roundStep(span / (12 * Math.max(1, state.scale)));
  return { low, high, span, step };
};
const contoursOf = (c, { low, span, step }) => {
  const { ends, corners } = now.cells, heights = [], found = [];
  for (let k = ends[c]; k < ends[c + 1]; k++)
    heights.push(low + span * heightAt(c, state.contours, corners[2 * k], corners[2 * k + 1]));
  for (const level of multiples(Math.min(...heights), Math.max(...heights), step)) {
    const crossed = [];
    for (let k = 0; k < heights.length; k++) {
      const j = (k + 1) % heights.length, a = heights[k], b = heights[j];
      if ((a < level) === (b < level)) continue;
      const t = (level - a) / (b - a), p = 2 * (ends[c] + k), q = 2 * (ends[c] + j);
      crossed.push(corners[p] + t * (corners[q] - corners[p]),
        corners[p + 1] + t * (corners[q + 1] - corners[p + 1]));
    }
    if (crossed.length === 4) found.push({ level, ends: crossed });
  }
  return found;
};
function drawContours(at, seen) {
  const levels = contourLevels(), all = [], labelled = new Map();
  for (let c = 0; c < now.count; c++) if (seen(c)) for (const each of contoursOf(c, levels)) {
    all.push(...each.ends);
    const px = at.ox + each.ends[0] * at.kx, py = at.oy - each.ends[1] * at.ky;
    // a number where the line is farthest to the right in sight
    if (px > 40 && px < state.width - 20 && py > 20 && py < state.height - 30 &&
      !(labelled.get(each.level)?.[0] > px)) labelled.set(each.level, [px, py]);
  }
  halo(() => lines(all, () => true, at), 1.1, "#1b1b1b", "rgba(255,255,255,.7)");
  for (const [level, [px, py]] of labelled) write(number(level), px, py + 4, "center", "#1b1b1b", "rgba(255,255,255,.9)");
}

function drawDual({ ox, oy, kx, ky }, seen) {
  const { edges, middles } = now;
  pen.beginPath();
  for (let e = 0; e < edges.length / 2; e++) {
    const a = edges[2 * e], b = edges[2 * e + 1];
    if (!seen(a) && !seen(b)) continue;
    pen.moveTo(ox + middles[2 * a] * kx, oy - middles[2 * a + 1] * ky);
    pen.lineTo(ox + middles[2 * b] * kx, oy - middles[2 * b + 1] * ky);
  }
  pen.strokeStyle = "rgba(30,30,30,.75)";
  pen.lineWidth = 0.8;
  pen.stroke();
  pen.fillStyle = "#111";
  for (let c = 0; c < now.count; c++)
    if (seen(c)) pen.fillRect(ox + middles[2 * c] * kx - 1.5, oy - middles[2 * c + 1] * ky - 1.5, 3, 3);
}

function drawMarks(at) {
  const border = (c, color, width) => {
    pen.beginPath();
    outline(now.cells, c, at);
    pen.strokeStyle = color;
    pen.lineWidth = width;
    pen.lineJoin = "round";
    pen.stroke();
  };
  if (state.selected >= 0) {
    for (const { cell } of neighbors(state.selected)) {
      pen.beginPath();
      outline(now.cells, cell, at);
      pen.fillStyle = "rgba(255,255,255,.55)";
      pen.fill();
      border(cell, "#0072b2", 1.6);
    }
    border(state.selected, "#ffffff", 5);
    border(state.selected, "#d55e00", 3);
  }
  if (state.hover >= 0 && state.hover !== state.selected) border(state.hover, "#111111", 2);
}

// round numbers along the frame, or along the border of the view where it lies outside
function drawTicks({ ox, oy, kx, ky }) {
  const bottom = Math.min(oy, state.height - 16), left = Math.max(ox, 40);
  for (let k = 0; k < inputs; k++) {
    const pixels = (k ? ky : kx) / size[k];
    const seen = k ? [(oy - state.height) / ky, oy / ky] : [-ox / kx, (state.width - ox) / kx];
    const from = data.low[k] + Math.max(0, seen[0]) * size[k];
    const to = data.low[k] + Math.min(1, seen[1]) * size[k];
    for (const tick of multiples(from, to, roundStep((k ? 45 : 70) / pixels))) {
      const at = (tick - data.low[k]) * pixels;
      if (k) write(String(tick), left - 5, oy - at + 4, "right");
      else write(String(tick), ox + at, bottom + 13, "center");
    }
  }
  write(data.inputs[0], Math.min(ox + kx, state.width - 4), bottom - 5, "right");
  if (inputs === 2) write(data.inputs[1], left + 5, Math.max(oy - ky, 0) + 14, "left");
}
