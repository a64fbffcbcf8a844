// Three inputs: cells as polyhedra that turn, drawn from back to front.
// How long the box's sides are drawn: as they are, unless one would be a dot.
const sides = solid ? size.map((v) => Math.max(v / Math.max(...size), 0.2)) : [1, 1, 1];

// the screen's right, up and outward directions; then points on the screen by the first two
const view = () => {
  const [cosine, sine, cosUp, sinUp] = state.turn.flatMap((v) => [Math.cos(v), Math.sin(v)]);
  const right = [-sine, cosine, 0], up = [-sinUp * cosine, -sinUp * sine, cosUp];
  const out = [cosUp * cosine, cosUp * sine, sinUp];
  const reach = Math.hypot(...sides) * (1 + state.apart);
  const pixels = (Math.min(state.width, state.height) - 60) / reach * state.scale;
  const [mx, my] = [state.width / 2 - state.x * pixels, state.height / 2 + state.y * pixels];
  const project = (p) => [mx + pixels * (right[0] * p[0] + right[1] * p[1] + right[2] * p[2]),
    my - pixels * (up[0] * p[0] + up[1] * p[1] + up[2] * p[2])];
  return { right, up, out, pixels, project };
};
const fromCentre = (u) => u.map((v, j) => (v - 0.5) * sides[j]);
// each cell is moved away from the centre by a share of its distance, with all its parts
const moved = (u, c) => fromCentre(u).map((v, j) => v + state.apart * (now.middles[3 * c + j] - 0.5) * sides[j]);
const solidToScreen = (...u) => {
  const c = state.apart ? cellAt(...u) : -1;
  return view().project(c < 0 ? fromCentre(u) : moved(u, c));
};

// whatever is on the far side of a cut comes first: nothing is hidden by what is behind it
const backToFront = ({ normals, children }, { out }) => {
  const order = [], stack = [children.length ? 0 : -1];
  while (stack.length) {
    const node = stack.pop();
    if (node < 0) { order.push(-1 - node); continue; }
    let toward = 0;
    for (let j = 0; j < 3; j++) toward += normals[3 * node + j] * out[j] / sides[j];
    const near = toward > 0 ? 1 : 0; // the side of the bit that is 1
    stack.push(children[2 * node + near], children[2 * node + 1 - near]);
  }
  return order;
};
const solidShapes = () => {
  const cut = state.mode === "class" || state.borders ? classes() : null;
  return cut?.owner ? cut : { shapes: now.cells, owner: null, borders: null };
};
// all corners on the screen, and then the corners of a face and whether it faces the reader
const onScreen = ({ ends, corners }, owner, { project }) => {
  const found = new Float64Array(corners.length / 3 * 2);
  for (let c = 0; c + 1 < ends.length; c++)
    for (let k = ends[c]; k < ends[c + 1]; k++)
      found.set(project(moved(Array.from(corners.subarray(3 * k, 3 * k + 3)), owner ? owner[c] : c)), 2 * k);
  return found;
};
const faceOf = ({ ring, faces }, f, corners) => {
  const points = [];
  for (let k = faces[f]; k < faces[f + 1]; k++) points.push([corners[2 * ring[k]], corners[2 * ring[k] + 1]]);
  let area = 0; // on the screen y goes down, so that what faces the reader goes round clockwise
  points.forEach(([x, y], k) => { const [a, b] = points[(k + 1) % points.length]; area += x * b - y * a; });
  return { f, points, front: area < 0 };
};
const facesOf = (shapes, c, corners) => {
  const found = [];
  for (let f = shapes.ofCell[c]; f < shapes.ofCell[c + 1]; f++) found.push(faceOf(shapes, f, corners));
  return found;
};
// data points, by the shape that each is inside
const pointsIn = (shapes) => shapes.points ??= (() => {
  const found = new Map();
  for (const point of dataPoints)
    for (let c = 0; c + 1 < shapes.ends.length; c++) if (insidePolyhedron(shapes, c, point.at)) {
      found.set(c, [...found.get(c) ?? [], point]);
      break;
    }
  return found;
})();

function drawSolids() {
  const seen = view(), { shapes, owner, borders } = solidShapes(), corners = onScreen(shapes, owner, seen);
  const beyond = new Map(borders && state.borders ? Array.from(borders.faces, (f, k) => [f, borders.beyond[k]]) : []);
  const inside = state.points ? pointsIn(shapes) : new Map();
  pen.lineJoin = "round";
  drawBox(seen, false);
  for (const c of backToFront(shapes, seen)) {
    const cell = owner ? owner[c] : c, all = facesOf(shapes, c, corners);
    for (const face of all) if (!face.front) drawFace(face, c, cell, seen, shapes, beyond);
    for (const { at, color } of inside.get(c) ?? []) drawPoint(...seen.project(moved(at, cell)), color);
    for (const face of all) if (face.front) drawFace(face, c, cell, seen, shapes, beyond);
  }
  drawBox(seen, true);
  const whole = onScreen(now.cells, null, seen);
  for (const [c, color, width] of [[state.hover, ink("ink"), 1.5], [state.selected, "#d55e00", 3]])
    for (const { points, front } of c < 0 ? [] : facesOf(now.cells, c, whole)) {
      if (!front) continue;
      trace(points);
      pen.strokeStyle = color;
      pen.lineWidth = width;
      pen.stroke();
    }
}
const trace = (points) => {
  pen.beginPath();
  points.forEach(([x, y], k) => { if (k) pen.lineTo(x, y); else pen.moveTo(x, y); });
  pen.closePath();
};

function drawFace({ f, points, front }, c, cell, seen, shapes, beyond) {
  const border = beyond.has(f);
  if (!border && (state.opacity === 0 || (state.opacity === 1 && !front))) return;
  const normal = faceNormal(shapes, f).map((v, j) => v / sides[j]), length = Math.hypot(...normal) || 1;
  const turned = [seen.right, seen.up, seen.out].map((axis) => axis.reduce((sum, v, j) => sum + v * normal[j], 0) / length * (front ? 1 : -1));
  const bright = 0.78 + 0.22 * Math.max(0, -0.35 * turned[0] + 0.5 * turned[1] + 0.75 * turned[2]);
  trace(points);
  if (border) { // in the colour of the class on the reader's side
    const { colors } = classes(), side = front ? beyond.get(f) : c;
    pen.fillStyle = rgb(Array.from(colors.subarray(3 * side, 3 * side + 3)), bright);
    pen.globalAlpha = 1;
  } else {
    pen.globalAlpha = state.opacity;
    pen.fillStyle = flatColor(state.mode === "class" ? c : cell, bright) ?? shadeFace(f, points, c, cell, seen, shapes, turned, bright);
  }
  pen.fill();
  pen.globalAlpha = border ? 1 : Math.max(0.15, state.opacity);
  pen.strokeStyle = border ? "rgba(0,0,0,.6)" : "rgba(0,0,0,.35)";
  pen.lineWidth = 0.5;
  pen.stroke();
  pen.globalAlpha = 1;
}
// an output on a face changes as it does in space, along what of the face is seen
const shadeFace = (f, points, c, cell, { right, up, out, pixels }, { ring, faces, corners }, turned, bright) => {
  const rise = (cell * data.outputs.length + state.output) * 3, along = (axis) =>
    axis.reduce((sum, v, j) => sum + v * now.rise[rise + j] / sides[j], 0);
  const deep = along(out) / turned[2];
  const list = points.flatMap(([x, y], k) => [x, y,
    heightAt(cell, state.output, ...corners.subarray(3 * ring[faces[f] + k], 3 * ring[faces[f] + k] + 3))]);
  return shade(list, (along(right) - deep * turned[0]) / pixels, -(along(up) - deep * turned[1]) / pixels, bright);
};

// the box's edges: those behind all cells first, the others after them; with round numbers
function drawBox(seen, front) {
  const stretch = 1 + state.apart, at = (u) => seen.project(fromCentre(u).map((v) => v * stretch));
  for (let axis = 0; axis < 3; axis++) for (const a of [0, 1]) for (const b of [0, 1]) {
    const [p, q] = [(axis + 1) % 3, (axis + 2) % 3];
    const start = [0, 0, 0], end = [0, 0, 0];
    start[p] = end[p] = a; start[q] = end[q] = b; end[axis] = 1;
    const faces = [seen.out[p] * (a - 0.5) > 0, seen.out[q] * (b - 0.5) > 0];
    if ((faces[0] || faces[1]) !== front) continue;
    pen.beginPath();
    pen.moveTo(...at(start)); pen.lineTo(...at(end));
    pen.strokeStyle = ink("ink");
    pen.lineWidth = 0.8;
    pen.stroke();
    // numbers along edges of the outline, below; the upright one on the left
    if (faces[0] === faces[1] || !front) continue;
    const [s, e] = [at(start), at(end)], middle = at(start.map((v, j) => (v + end[j]) / 2));
    const centre = at([0.5, 0.5, 0.5]);
    if (axis < 2 ? middle[1] < centre[1] : middle[0] > centre[0]) continue;
    const length = Math.hypot(e[0] - s[0], e[1] - s[1]);
    if (length < 60) continue;
    const align = axis === 2 ? "right" : middle[0] < centre[0] ? "right" : "left";
    const dx = align === "right" ? -6 : 6, dy = axis === 2 ? 4 : 14;
    const put = (t, text, more) => {
      const [x, y] = at(start.map((v, j) => v + t * (end[j] - v)));
      write(text, x + dx * more, y + dy * more, align);
    };
    const step = roundStep(size[axis] * 70 / length);
    for (const tick of multiples(data.low[axis], data.high[axis], step)) put((tick - data.low[axis]) / size[axis], String(tick), 1);
    if (axis < 2) put(0.5, data.inputs[axis], 2.6);
    else write(data.inputs[2], Math.max(e[0] - 60, 4), Math.min(s[1], e[1]) - 10, "left"); // a long name is not cut off
  }
}

// the cell whose face the reader sees at a place
const solidAt = (px, py) => {
  const seen = view(), { shapes, owner } = solidShapes(), corners = onScreen(shapes, owner, seen);
  for (const c of backToFront(shapes, seen).reverse())
    for (const { points, front } of facesOf(shapes, c, corners))
      if (front && insidePolygon({ ends: [0, points.length], corners: points.flat() }, 0, px, py))
        return owner ? owner[c] : c;
  return -1;
};
