// Numbers, patterns and maps as text; the selected region; the graph of all regions.
const number = (v) => (v === 0 ? "0" : Math.abs(v) >= 1e-3 && Math.abs(v) < 1e5
  ? String(Number(v.toPrecision(5))) : v.toExponential(3));
const bits = (c) => {
  let text = "", unit = 0;
  for (const width of data.widths) {
    if (unit) text += " | ";
    for (let k = 0; k < width; k++, unit++)
      text += patterns[c * data.words + Math.floor(unit / 64)] >> BigInt(unit % 64) & 1n;
  }
  return text;
};
const hex = (c) => Array.from({ length: data.words }, (_, k) =>
  patterns[c * data.words + k].toString(16).padStart(16, "0")).join("");
const names = inputs === 2 ? ["x", "y"] : ["x"];
const map = (c, o) => { // of the o-th output that the page knows
  let text = "";
  for (let k = 0; k < inputs; k++) {
    const slope = matrix[(c * data.outputs.length + o) * inputs + k];
    text += (k ? (slope < 0 ? " − " : " + ") : (slope < 0 ? "−" : "")) + number(Math.abs(slope)) + " " + names[k];
  }
  const constant = shift[c * data.outputs.length + o];
  return text + (constant < 0 ? " − " : " + ") + number(Math.abs(constant));
};
const area = (c) => number(areas[c]);
function neighbors(c) {
  const list = [];
  for (let k = degree[c]; k < degree[c + 1]; k++) {
    const e = incident[k];
    list.push({ cell: edges[2 * e] === c ? edges[2 * e + 1] : edges[2 * e], edge: e });
  }
  return list;
}
const switching = (a, b) => {
  const list = [];
  let unit = 0;
  data.widths.forEach((width, layer) => {
    for (let k = 0; k < width; k++, unit++) {
      const place = Math.floor(unit / 64), bit = BigInt(unit % 64);
      if ((patterns[a * data.words + place] ^ patterns[b * data.words + place]) >> bit & 1n)
        list.push(`unit ${unit} (layer ${layer + 1})`);
    }
  });
  return list.join(", ");
};

// move the picture only if the cell's middle is out of sight
function show(c) {
  const [px, py] = toScreen(middles[2 * c], middles[2 * c + 1]);
  if (px > 0 && px < state.width && py > 0 && py < state.height) return;
  state.x = middles[2 * c] - 0.5;
  state.y = middles[2 * c + 1] - 0.5;
}

function select(c, move) {
  state.selected = c;
  const list = $("details"), facets = $("facets");
  list.replaceChildren();
  facets.replaceChildren();
  $("facets-title").hidden = c < 0;
  if (c < 0) { $("chosen").textContent = "No region selected"; redraw(); drawWhole(); return; }
  if (move) show(c);
  const near = neighbors(c);
  $("chosen").textContent = `Region ${c}`;
  const add = (term, text, code) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = term; dd.textContent = text;
    if (code) dd.className = "code";
    list.append(dt, dd);
  };
  add("Pattern", bits(c), true);
  add("Hexadecimal", hex(c), true);
  add(inputs === 2 ? "Area" : "Length", area(c) + (data.clipped ? " (in the window)" : ""));
  data.outputs.forEach((output, o) => add(`Output ${output}`, map(c, o), true));
  const more = data.outputsTotal - data.outputs.length;
  if (more) add("", `and ${more} more outputs`);
  add("Neighbours", String(near.length));
  for (const { cell } of near) {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = `region ${cell}`;
    button.addEventListener("click", () => select(cell, true));
    item.append(button, `: ${switching(c, cell)}`);
    facets.append(item);
  }
  redraw();
  drawWhole();
}

// ---- the graph of all regions -------------------------------------------
const whole = data.whole && { ...data.whole, points: unpack(data.whole.points, Float32Array),
  edges: unpack(data.whole.edges, Uint32Array), colors: unpack(data.whole.colors, Uint8Array),
  ofCell: unpack(data.whole.ofCell, Int32Array) };
function drawWhole() {
  if (!whole) return;
  const board = $("whole"), brush = board.getContext("2d"), ratio = window.devicePixelRatio || 1;
  const w = board.clientWidth, h = board.clientHeight;
  board.width = w * ratio; board.height = h * ratio;
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  const at = (k) => [6 + whole.points[2 * k] * (w - 12), 6 + (1 - whole.points[2 * k + 1]) * (h - 12)];
  brush.beginPath();
  for (let e = 0; e < whole.edges.length; e += 2) {
    brush.moveTo(...at(whole.edges[e]));
    brush.lineTo(...at(whole.edges[e + 1]));
  }
  brush.strokeStyle = `rgba(60,60,60,${Math.max(0.04, Math.min(0.5, 400 / whole.edges.length))})`;
  brush.lineWidth = 0.7;
  brush.stroke();
  const r = Math.max(0.8, Math.min(3, 60 / Math.sqrt(whole.count)));
  for (let k = 0; k < whole.count; k++) {
    brush.fillStyle = `rgb(${whole.colors.slice(3 * k, 3 * k + 3).join()})`;
    brush.fillRect(at(k)[0] - r, at(k)[1] - r, 2 * r, 2 * r);
  }
  brush.fillStyle = "#0072b2"; // regions that the plane meets
  for (const k of whole.ofCell) if (k >= 0) brush.fillRect(at(k)[0] - r, at(k)[1] - r, 2 * r, 2 * r);
  const k = state.selected >= 0 ? whole.ofCell[state.selected] : -1;
  if (k >= 0) {
    brush.beginPath();
    brush.arc(...at(k), 6, 0, 7);
    brush.strokeStyle = "#d55e00";
    brush.lineWidth = 2.5;
    brush.stroke();
  }
}
