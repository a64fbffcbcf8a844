// The data as arrays: the frames, and which cell of a frame holds a point.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);

const unpack = (text, Kind) => {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let k = 0; k < raw.length; k++) bytes[k] = raw.charCodeAt(k);
  return new Kind(bytes.buffer);
};
const inputs = data.inputs.length;
const solid = inputs === 3;
const size = data.high.map((high, k) => high - data.low[k]);

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
// convex polyhedra: points ends[c] to ends[c + 1], faces ofCell[c] to ofCell[c + 1]
const polyhedra = (packed) => ({
  ends: unpack(packed.starts, Uint32Array), corners: unpack(packed.points, Float32Array),
  ring: unpack(packed.ring, Uint32Array), faces: unpack(packed.faces, Uint32Array),
  ofCell: unpack(packed.ofCell, Uint32Array), normals: unpack(packed.normals, Float32Array),
  children: unpack(packed.children, Int32Array),
});
const shapesOf = solid ? polyhedra : polygons;
const wide = solid ? 3 : 2; // coordinates of a corner; a strip has two

const middlesOf = ({ ends, corners }) => {
  const middles = new Float32Array(wide * (ends.length - 1));
  for (let c = 0; c + 1 < ends.length; c++)
    for (let j = 0; j < wide; j++) {
      let sum = 0;
      for (let k = ends[c]; k < ends[c + 1]; k++) sum += corners[wide * k + j];
      middles[wide * c + j] = sum / Math.max(1, ends[c + 1] - ends[c]);
    }
  return middles;
};

// neighbours of each cell, as edges: starts and one flat list
const incidence = (edges, count) => {
  const degree = new Uint32Array(count + 1);
  for (const end of edges) degree[end + 1]++;
  for (let k = 0; k < count; k++) degree[k + 1] += degree[k];
  const incident = new Uint32Array(edges.length), next = degree.slice(0, count);
  for (let e = 0; e < edges.length / 2; e++) {
    incident[next[edges[2 * e]]++] = e;
    incident[next[edges[2 * e + 1]]++] = e;
  }
  return { degree, incident };
};

// a grid of the cells that reach into each square of the plane
const gridOf = ({ boxes, count }) => {
  const side = Math.max(1, Math.min(256, Math.ceil(Math.sqrt(count))));
  const lists = Array.from({ length: side * side }, () => []);
  const slot = (v) => Math.max(0, Math.min(side - 1, Math.floor(v * side)));
  for (let c = 0; c < count; c++) {
    const [x0, y0, x1, y1] = boxes.subarray(4 * c, 4 * c + 4);
    if (!(x1 >= x0)) continue;
    for (let j = slot(y0); j <= slot(y1); j++)
      for (let i = slot(x0); i <= slot(x1); i++) lists[j * side + i].push(c);
  }
  return (x, y) => lists[slot(y) * side + slot(x)];
};

const opened = (packed) => {
  const cells = shapesOf(packed.shapes), edges = unpack(packed.edges, Uint32Array);
  return { ...packed, cells, edges, ...incidence(edges, packed.count),
    measures: unpack(packed.measures, Float64Array),
    patterns: unpack(packed.patterns, BigUint64Array),
    matrix: unpack(packed.matrix, Float32Array), shift: unpack(packed.shift, Float32Array),
    first: unpack(packed.first, Float32Array), rise: unpack(packed.rise, Float32Array),
    segments: packed.segments && unpack(packed.segments, Float32Array),
    layers: unpack(packed.layers, Uint8Array),
    middles: middlesOf(cells), near: solid ? null : gridOf(cells), painted: {} };
};
const frames = [];
const frame = (k) => frames[k] ??= opened(data.frames[k]);
let now = frame(0); // the frame that is shown

const insidePolygon = ({ ends, corners }, c, x, y) => {
  let left = false, right = false;
  for (let k = ends[c], p = ends[c + 1] - 1; k < ends[c + 1]; p = k++) {
    const ax = corners[2 * p], ay = corners[2 * p + 1];
    const side = (corners[2 * k] - ax) * (y - ay) - (corners[2 * k + 1] - ay) * (x - ax);
    if (side > 0) left = true; else if (side < 0) right = true;
  }
  return left !== right;
};
const cellAt = (...u) => {
  if (!u.every((v) => v >= 0 && v <= 1)) return -1;
  if (!solid) return now.near(u[0], u[1]).find((c) => insidePolygon(now.cells, c, u[0], u[1])) ?? -1;
  for (let c = 0; c < now.count; c++) if (insidePolyhedron(now.cells, c, u)) return c;
  return -1;
};
// twice the area of a face as a vector that points out of its cell
const faceNormal = ({ ring, faces, corners }, f) => {
  const at = (k, j) => corners[3 * ring[k] + j], start = faces[f], normal = [0, 0, 0];
  for (let k = start + 1; k + 1 < faces[f + 1]; k++)
    for (let j = 0; j < 3; j++) {
      const a = (j + 1) % 3, b = (j + 2) % 3;
      normal[j] += (at(k, a) - at(start, a)) * (at(k + 1, b) - at(start, b)) -
        (at(k, b) - at(start, b)) * (at(k + 1, a) - at(start, a));
    }
  return normal;
};
const insidePolyhedron = (shapes, c, u) => {
  for (let f = shapes.ofCell[c]; f < shapes.ofCell[c + 1]; f++) {
    const normal = faceNormal(shapes, f), corner = 3 * shapes.ring[shapes.faces[f]];
    if (normal.reduce((sum, n, j) => sum + n * (u[j] - shapes.corners[corner + j]), 0) > 0) return false;
  }
  return true;
};
// an output at a point of a cell, as a share of what it ranges over
const heightAt = (c, output, ...u) => {
  const at = c * data.outputs.length + output, corner = wide * now.cells.ends[c];
  let height = now.first[at];
  for (let j = 0; j < inputs; j++)
    height += now.rise[at * inputs + j] * (u[j] - now.cells.corners[corner + j]);
  return height;
};
