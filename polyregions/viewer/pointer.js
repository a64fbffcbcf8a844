// Mouse, touch and keys on the picture: move or turn it, zoom, hover, select.
const zoom = (factor, px, py) => {
  const before = solid ? null : toUnit(px, py);
  state.scale = Math.max(0.5, Math.min(2e4, state.scale * factor));
  if (before) {
    const after = toUnit(px, py);
    state.x += before[0] - after[0];
    state.y += before[1] - after[1];
  }
  looked();
};
const turn = (across, up) => {
  state.turn = [state.turn[0] + across, Math.max(-1.57, Math.min(1.57, state.turn[1] + up))];
};
const moveBy = (dx, dy) => { // pixels
  if (solid) turn(-dx * 0.008, dy * 0.008);
  else {
    const [ax, ay] = toUnit(0, 0), [bx, by] = toUnit(dx, dy);
    state.x -= bx - ax;
    state.y -= by - ay;
  }
  looked();
};
const looked = () => { redraw(); remember(); };
const local = (event) => {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
};
const down = new Map(); // pointers that touch, and where they were last
let dragged = false;
canvas.addEventListener("pointerdown", (event) => {
  if (!down.size) dragged = false;
  down.set(event.pointerId, local(event));
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  const [px, py] = local(event), from = down.get(event.pointerId);
  if (!from) { hoverSoon(px, py); return; }
  if (!dragged && Math.hypot(px - from[0], py - from[1]) <= 3) return;
  dragged = true;
  const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const gap = (p) => Math.hypot(p[0] - other[0], p[1] - other[1]) || 1;
    zoom(gap([px, py]) / gap(from), (px + other[0]) / 2, (py + other[1]) / 2);
  } else moveBy(px - from[0], py - from[1]);
  down.set(event.pointerId, [px, py]);
});
const lifted = (event) => {
  if (down.delete(event.pointerId) && event.type === "pointerup" && !dragged) select(cellUnder(...local(event)), false);
};
canvas.addEventListener("pointerup", lifted);
canvas.addEventListener("pointercancel", lifted);
canvas.addEventListener("pointerleave", () => { hovering = null; state.hover = -1; $("tip").hidden = true; redraw(); });
canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  zoom(Math.exp(-event.deltaY * 0.0015), ...local(event));
}, { passive: false });

let hovering = null; // a place that waits for the next picture: to find a cell may take as long
const hoverSoon = (...place) => {
  if (!hovering) requestAnimationFrame(() => { const at = hovering; hovering = null; if (at) hover(...at); });
  hovering = place;
};
const hover = (px, py) => {
  const c = cellUnder(px, py), tip = $("tip");
  if (c !== state.hover) { state.hover = c; redraw(); }
  tip.hidden = c < 0;
  if (c < 0) return;
  const u = solid ? null : toUnit(px, py);
  const at = u ? ` at (${u.slice(0, inputs).map((v, k) => number(data.low[k] + v * size[k])).join(", ")})` : "";
  tip.textContent = `region ${c}${at}\n${bits(c)}\n` +
    `${MEASURE.toLowerCase()} ${measure(c)}, ${now.degree[c + 1] - now.degree[c]} neighbours\n` +
    `${data.outputs[state.output]} = ${map(c, state.output)}${u ? `\n= ${number(valueAt(c, state.output, ...u))} here` : ""}`;
  tip.style.left = `${Math.min(px + 14, Math.max(0, state.width - 320))}px`;
  tip.style.top = `${py > state.height - 130 ? py - 110 : py + 14}px`;
};

const step = (by) => {
  if (state.selected < 0) return;
  const near = neighbors(state.selected);
  if (near.length) select(near[(by + near.length) % near.length].cell, true);
};
canvas.addEventListener("keydown", (event) => {
  const centre = [solid ? state.width / 2 : middle(), state.height / 2];
  const go = (x, y) => {
    if (solid) turn(0.1 * x, 0.1 * y);
    else { state.x += 0.1 * x / state.scale; state.y += 0.1 * y / state.scale; }
  };
  const actions = {
    ArrowLeft: () => go(-1, 0), ArrowRight: () => go(1, 0), ArrowUp: () => go(0, 1), ArrowDown: () => go(0, -1),
    "+": () => zoom(1.25, ...centre), "=": () => zoom(1.25, ...centre), "-": () => zoom(0.8, ...centre),
    0: () => Object.assign(state, START),
    Enter: () => select(cellUnder(...centre), false),
    n: () => step(0), p: () => step(-1), Escape: () => select(-1, false),
  };
  if (!(event.key in actions) || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  actions[event.key]();
  looked();
});
