// The data as arrays, and which cell holds a point.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

const unpack = (text, Kind) => {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return new Kind(bytes.buffer);
};
// convex polygons: the corners of number c are ends[c] to ends[c + 1]; with their boxes
const polygons = (packed) => {
  const ends = unpack(packed.ends, Uint32Array), corners = unpack(packed.corners, Float32Array);
  const count = ends.length - 1, boxes = new Float32Array(4 * count);
  for (let c = 0; c < count; c++) {
    let x0 = Infinity, y0 = Infinity, x1 = -Infinity, y1 = -Infinity;
    for (let k = ends[c]; k < ends[c + 1]; k++) {
      const x = corners[2 * k], y = corners[2 * k + 1];
      x0 = Math.min(x0, x); x1 = Math.max(x1, x); y0 = Math.min(y0, y); y1 = Math.max(y1, y);
    }
    boxes.set([x0, y0, x1, y1], 4 * c);
  }
  return { ends, corners, count, boxes };
};
const cells = polygons(data);
const { ends, corners, boxes } = cells;
const areas = unpack(data.areas, Float64Array);
const patterns = unpack(data.patterns, BigUint64Array);
const matrix = unpack(data.matrix, Float32Array);
const shift = unpack(data.shift, Float32Array);
const edges = unpack(data.edges, Uint32Array);
const units = unpack(data.units, Uint32Array);
const segments = unpack(data.segments, Float32Array);
const layers = unpack(data.layers, Uint8Array);
const count = data.count;
const inputs = data.inputs.length;
const size = [data.high[0] - data.low[0], data.high[1] - data.low[1]];

// neighbours of each cell, as edges: starts and one flat list
const degree = new Uint32Array(count + 1);
for (const end of edges) degree[end + 1]++;
for (let k = 0; k < count; k++) degree[k + 1] += degree[k];
const incident = new Uint32Array(edges.length);
const next = degree.slice(0, count);
for (let e = 0; e < edges.length / 2; e++) {
  incident[next[edges[2 * e]]++] = e;
  incident[next[edges[2 * e + 1]]++] = e;
}

// middles, and a grid of the cells that reach into each square
const middles = new Float32Array(2 * count);
const GRID = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(count))));
const grid = Array.from({ length: GRID * GRID }, () => []);
const slot = (v) => Math.max(0, Math.min(GRID - 1, Math.floor(v * GRID)));
for (let c = 0; c < count; c++) {
  const [x0, y0, x1, y1] = boxes.subarray(4 * c, 4 * c + 4);
  let sx = 0, sy = 0;
  for (let k = ends[c]; k < ends[c + 1]; k++) { sx += corners[2 * k]; sy += corners[2 * k + 1]; }
  const n = Math.max(1, ends[c + 1] - ends[c]);
  middles.set([sx / n, sy / n], 2 * c);
  if (!(x1 >= x0)) continue;
  for (let j = slot(y0); j <= slot(y1); j++)
    for (let i = slot(x0); i <= slot(x1); i++) grid[j * GRID + i].push(c);
}

const contains = (c, x, y) => {
  let left = false, right = false;
  for (let k = ends[c], p = ends[c + 1] - 1; k < ends[c + 1]; p = k++) {
    const ax = corners[2 * p], ay = corners[2 * p + 1];
    const side = (corners[2 * k] - ax) * (y - ay) - (corners[2 * k + 1] - ay) * (x - ax);
    if (side > 0) left = true; else if (side < 0) right = true;
  }
  return left !== right;
};
const cellAt = (x, y) => {
  if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1)) return -1;
  for (const c of grid[slot(y) * GRID + slot(x)]) if (contains(c, x, y)) return c;
  return -1;
};
