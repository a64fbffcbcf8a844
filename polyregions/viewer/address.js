// The state in the address, so that a link shows what its writer saw.
// The centre is in the coordinates of the inputs; the region is the one of this page's frame.
const where = () => {
  const short = (v) => String(Number(v.toPrecision(7)));
  const parts = { zoom: short(state.scale), color: modeValue() };
  if (solid) parts.turn = state.turn.map(short).join();
  else {
    parts.x = short(data.low[0] + (state.x + 0.5) * size[0]);
    parts.y = short(data.low[1] + (state.y + 0.5) * size[1]);
  }
  if (state.selected >= 0) parts.region = state.selected;
  if (state.frame) parts.frame = state.frame;
  if (state.contours >= 0) parts.contours = state.contours;
  return `#${Object.entries(parts).map((pair) => pair.join("=")).join("&")}`;
};
let due = 0;
function remember() {
  clearTimeout(due);
  due = setTimeout(() => {
    try { history.replaceState(null, "", where()); } catch { /* a page inside a page has no address */ }
  }, 200);
}
// what cannot be read, or names nothing of this page, is left out
const recall = () => {
  const parts = new URLSearchParams(location.hash.slice(1));
  const read = (name, low, high) => {
    const v = parts.has(name) ? Number(parts.get(name)) : NaN;
    return v >= low && v <= high ? v : undefined;
  };
  const index = (name, count) => { const v = read(name, 0, count - 1); return Number.isInteger(v) ? v : undefined; };
  const [x, y] = [read("x", -Infinity, Infinity), read("y", -Infinity, Infinity)];
  if (Number.isFinite(x)) state.x = (x - data.low[0]) / size[0] - 0.5;
  if (Number.isFinite(y)) state.y = (y - data.low[1]) / size[1] - 0.5;
  state.scale = read("zoom", 0.5, 2e4) ?? state.scale;
  const angles = parts.get("turn")?.split(",").map(Number) ?? [];
  if (angles.length === 2 && angles.every(Number.isFinite)) state.turn = angles;
  if ([...$("mode").querySelectorAll("option")].some(({ value }) => value === parts.get("color"))) setMode(parts.get("color"));
  state.contours = index("contours", data.outputs.length) ?? state.contours;
  state.selected = -1;
  showFrame(index("frame", data.frames.length) ?? 0);
  const region = index("region", now.count);
  if (region !== undefined) select(region, false);
  $("mode").value = modeValue();
  $("contours").value = state.contours;
};
window.addEventListener("hashchange", recall);
for (const id of ["borders", "points", "dual"]) $(id).checked = state[id];
for (const id of ["apart", "opacity"]) $(id).value = state[id];
$("dark").checked = dark();
recall();
resize();
// for tests, and for whoever wants to script the page
window.polyregions = { data, state, cellAt, toScreen, toUnit, neighbors, select, showFrame, asSvg, where,
  get now() { return now; }, valueAt, contoursOf, contourLevels, backToFront, view, firstPaint: performance.now() };
