// What the reader does: form, keys, pointer.
$("title").textContent = data.name;
const status = [`${count.toLocaleString("en")} region${count === 1 ? "" : "s"}`,
  `${(edges.length / 2).toLocaleString("en")} edge${edges.length === 2 ? "" : "s"}`, data.proven ? "proven" : "not proven"];
if (data.clipped) status.push("unbounded cells are clipped to the window");
$("status").textContent = status.join(", ");
if (!data.complete) {
  const mark = document.createElement("strong");
  mark.textContent = " PARTIAL: the enumeration was stopped early";
  $("status").append(mark);
}
for (const mode of Object.keys(data.modes)) $("mode").append(new Option(data.modes[mode].label, mode));
const legend = () => $("legend").replaceChildren(...data.modes[state.mode].legend.map(([text, color]) => {
  const line = document.createElement("span"), block = document.createElement("i");
  block.style.background = color;
  line.append(block, text);
  return line;
}));
$("mode").addEventListener("change", () => { state.mode = $("mode").value; legend(); redraw(); });
data.widths.forEach((width, layer) => {
  const label = document.createElement("label"), box = document.createElement("input");
  const line = document.createElement("i");
  box.type = "checkbox"; box.checked = true; box.id = `layer-${layer}`;
  box.addEventListener("change", () => { state.layers[layer] = box.checked; redraw(); });
  line.style.background = data.layerColors[layer];
  label.append(box, line, `layer ${layer + 1} (${width} units)`);
  $("layers").append(label);
});
$("dual").addEventListener("change", () => { state.dual = $("dual").checked; redraw(); });
$("point").placeholder = inputs === 2 ? "x, y" : "x";
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const values = $("point").value.split(/[\s,;]+/).filter(Boolean).map(Number);
  if (values.length !== inputs || values.some(Number.isNaN)) {
    $("answer").textContent = `Write ${inputs === 2 ? "two numbers, such as 0.1, 0.2" : "one number"}.`;
    return;
  }
  const u = [(values[0] - data.low[0]) / size[0],
    inputs === 2 ? (values[1] - data.low[1]) / size[1] : 0.5];
  const c = cellAt(...u);
  $("answer").textContent = c < 0 ? "No region of this picture holds the point." : `Region ${c}`;
  select(c, true);
});

const zoom = (factor, px, py) => {
  const before = toUnit(px, py);
  state.scale = Math.max(0.5, Math.min(2e4, state.scale * factor));
  const after = toUnit(px, py);
  state.x += before[0] - after[0];
  state.y += before[1] - after[1];
  redraw();
};
const local = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
let drag = null;
canvas.addEventListener("pointerdown", (event) => {
  drag = { at: local(event), moved: false };
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  const [px, py] = local(event);
  if (drag) {
    const from = toUnit(...drag.at), to = toUnit(px, py);
    if (drag.moved || Math.hypot(px - drag.at[0], py - drag.at[1]) > 3) {
      state.x -= to[0] - from[0];
      state.y -= to[1] - from[1];
      drag = { at: [px, py], moved: true };
      redraw();
    }
    return;
  }
  hover(px, py);
});
const hover = (px, py) => {
  const u = toUnit(px, py), c = cellAt(...u), tip = $("tip");
  if (c !== state.hover) { state.hover = c; redraw(); }
  tip.hidden = c < 0;
  if (c < 0) return;
  const x = u.slice(0, inputs).map((v, k) => number(data.low[k] + v * size[k]));
  tip.textContent = `region ${c} at (${x.join(", ")})\n${bits(c)}\n` +
    `${inputs === 2 ? "area" : "length"} ${area(c)}, ${degree[c + 1] - degree[c]} neighbours\n` +
    `output ${data.output} = ${map(c, data.outputs.indexOf(data.output))}`;
  tip.style.left = `${Math.min(px + 14, Math.max(0, state.width - 320))}px`;
  tip.style.top = `${py > state.height - 130 ? py - 110 : py + 14}px`;
};
canvas.addEventListener("pointerup", (event) => {
  const clicked = drag && !drag.moved;
  drag = null;
  if (clicked) select(cellAt(...toUnit(...local(event))), false);
});
canvas.addEventListener("pointercancel", () => { drag = null; });
canvas.addEventListener("pointerleave", () => { state.hover = -1; $("tip").hidden = true; redraw(); });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.0015), ...local(event));
}, { passive: false });
const step = (by) => {
  if (state.selected < 0) return;
  const near = neighbors(state.selected);
  if (near.length) select(near[(by + near.length) % near.length].cell, true);
};
canvas.addEventListener("keydown", (event) => {
  const move = 0.1 / state.scale, centre = [state.width / 2, state.height / 2];
  const actions = {
    ArrowLeft: () => { state.x -= move; }, ArrowRight: () => { state.x += move; },
    ArrowUp: () => { state.y += move; }, ArrowDown: () => { state.y -= move; },
    "+": () => zoom(1.25, ...centre), "=": () => zoom(1.25, ...centre),
    "-": () => zoom(0.8, ...centre),
    0: () => { state.x = state.y = 0; state.scale = 1; },
    Enter: () => select(cellAt(...toUnit(...centre)), false),
    n: () => step(0), p: () => step(-1), Escape: () => select(-1, false),
  };
  if (!(event.key in actions) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[event.key]();
  redraw();
});

const resize = () => {
  const ratio = window.devicePixelRatio || 1;
  state.width = canvas.clientWidth;
  state.height = canvas.clientHeight;
  canvas.width = state.width * ratio;
  canvas.height = state.height * ratio;
  draw();
  drawWhole();
};
window.addEventListener("resize", resize);
if (whole) {
  $("whole-section").hidden = false;
  $("whole-text").textContent = `${whole.count.toLocaleString("en")} regions` +
    `${whole.complete ? "" : " (PARTIAL)"}, placed by the two main directions of their points; ` +
    "blue: those that the plane meets.";
}
legend();
resize();
// for tests, and for whoever wants to script the page
window.polyregions = { data, state, cellAt, toScreen, toUnit, neighbors, select,
  firstPaint: performance.now() };
