// Numbers, patterns and maps as text; the selected region.
const number = (v) => (v === 0 ? "0" : Math.abs(v) >= 1e-3 && Math.abs(v) < 1e5
  ? String(Number(v.toPrecision(5))) : v.toExponential(3));
const MEASURE = ["Length", "Area", "Volume"][inputs - 1];
const bits = (c) => {
  let text = "", unit = 0;
  for (const width of data.widths) {
    if (unit) text += " | ";
    for (let k = 0; k < width; k++, unit++)
      text += now.patterns[c * now.words + Math.floor(unit / 64)] >> BigInt(unit % 64) & 1n;
  }
  return text;
};
const hex = (c) => Array.from({ length: now.words }, (_, k) =>
  now.patterns[c * now.words + k].toString(16).padStart(16, "0")).join("");
const names = ["x", "y", "z"].slice(0, inputs);
const map = (c, o) => { // of the o-th output that the page knows
  let text = "";
  for (let k = 0; k < inputs; k++) {
    const slope = now.matrix[(c * data.outputs.length + o) * inputs + k];
    text += (k ? (slope < 0 ? " − " : " + ") : (slope < 0 ? "−" : "")) + number(Math.abs(slope)) + " " + names[k];
  }
  const constant = now.shift[c * data.outputs.length + o];
  return text + (constant < 0 ? " − " : " + ") + number(Math.abs(constant));
};
const valueAt = (c, o, ...u) => {
  const [low, high] = data.outputScales[o];
  return low + ((high - low) || 1) * heightAt(c, o, ...u);
};
const measure = (c) => number(now.measures[c]);
function neighbors(c) {
  const list = [];
  for (let k = now.degree[c]; k < now.degree[c + 1]; k++) {
    const e = now.incident[k];
    list.push({ cell: now.edges[2 * e] === c ? now.edges[2 * e + 1] : now.edges[2 * e], edge: e });
  }
  return list;
}
const switching = (a, b) => {
  const list = [];
  let unit = 0;
  data.widths.forEach((width, layer) => {
    for (let k = 0; k < width; k++, unit++) {
      const place = Math.floor(unit / 64), bit = BigInt(unit % 64);
      if ((now.patterns[a * now.words + place] ^ now.patterns[b * now.words + place]) >> bit & 1n)
        list.push(`unit ${unit} (layer ${layer + 1})`);
    }
  });
  return list.join(", ");
};
const middleOf = (c) => Array.from(now.middles.subarray(wide * c, wide * (c + 1)));

// move the picture only if the cell's middle is out of sight
function show(c) {
  const [px, py] = toScreen(...middleOf(c));
  if (px > 0 && px < state.width && py > 0 && py < state.height) return;
  state.x = solid ? 0 : middleOf(c)[0] - 0.5;
  state.y = solid ? 0 : middleOf(c)[1] - 0.5;
}

const MOST_LISTED = 10; // outputs of a region
function select(c, move) {
  state.selected = c;
  const list = $("details"), facets = $("facets");
  list.replaceChildren();
  facets.replaceChildren();
  $("facets-title").hidden = c < 0;
  $("chosen").textContent = c < 0 ? "No region selected" : `Region ${c}`;
  if (c >= 0) {
    if (move) show(c);
    describe(c, list, facets);
  }
  redraw();
  drawWhole();
  remember();
}
const describe = (c, list, facets) => {
  const near = neighbors(c);
  const add = (term, text, code) => {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = term; dd.textContent = text;
    if (code) dd.className = "code";
    list.append(dt, dd);
  };
  add("Pattern", bits(c), true);
  add("Hexadecimal", hex(c), true);
  add(MEASURE, measure(c) + (now.clipped ? " (in the window)" : ""));
  const listed = data.outputs.map((_, o) => o).filter((o) => o < MOST_LISTED || o === state.output);
  for (const o of listed) add(data.outputs[o][0].toUpperCase() + data.outputs[o].slice(1), map(c, o), true);
  const more = data.outputs.length - listed.length + data.outputsLeftOut;
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
};
