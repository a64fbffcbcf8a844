// The form beside the picture.
const status = () => {
  const edges = now.edges.length / 2, texts = [`${now.count.toLocaleString("en")} region${now.count === 1 ? "" : "s"}`,
    `${edges.toLocaleString("en")} edge${edges === 1 ? "" : "s"}`, now.proven ? "proven" : "not proven"];
  if (now.clipped) texts.push("unbounded cells are clipped to the window");
  if (now.selection) texts.push("a selection: other regions are left out");
  $("status").textContent = texts.join(", ");
  if (now.complete || now.selection) return;
  const mark = document.createElement("strong");
  mark.textContent = " PARTIAL: not all regions";
  $("status").append(mark);
};
const legend = () => {
  const lines = key().map(([text, color]) => {
    const line = document.createElement("span"), block = document.createElement("i");
    block.style.background = color;
    line.append(block, text);
    return line;
  });
  const title = document.createElement("b");
  title.textContent = colorLabel();
  $("legend").replaceChildren(...lines.length ? [title, ...lines] : []);
};
// a control that sets one thing of the state
const sets = (id, event, read) => $(id).addEventListener(event, () => { read($(id)); legend(); redraw(); remember(); });

$("title").textContent = data.name;
const grouped = (label, options) => {
  const group = document.createElement("optgroup");
  group.label = label;
  group.append(...options);
  return group;
};
const outputOptions = (prefix) => data.outputs.map((name, o) => new Option(name, prefix + o));
$("mode").append(...Object.entries(data.modes).map(([mode, label]) => new Option(label, mode)),
  grouped("value of", outputOptions("output:")));
const modeValue = () => (state.mode === "output" ? `output:${state.output}` : state.mode);
const setMode = (value) => {
  const [mode, output] = value.split(":");
  state.mode = mode;
  $("borders").checked = state.borders = mode === "class";
  if (output !== undefined) state.output = Number(output);
};
sets("mode", "change", (field) => setMode(field.value));
$("contours").append(new Option("none", -1), ...outputOptions(""));
sets("contours", "change", (field) => { state.contours = Number(field.value); });
for (const id of ["borders", "dual", "points"]) sets(id, "change", (field) => { state[id] = field.checked; });
for (const id of ["apart", "opacity"]) sets(id, "input", (field) => { state[id] = Number(field.value); });
data.widths.forEach((width, layer) => {
  const label = document.createElement("label"), box = document.createElement("input");
  const line = document.createElement("i");
  box.type = "checkbox"; box.checked = true; box.id = `layer-${layer}`;
  box.addEventListener("change", () => { state.layers[layer] = box.checked; redraw(); });
  line.style.background = data.layerColors[layer];
  label.append(box, line, `layer ${layer + 1} (${width} units)`);
  $("layers").append(label);
});
for (const part of document.querySelectorAll(solid ? ".flat" : ".solid")) part.hidden = true;
if (!dataPoints.length) $("points").parentElement.hidden = true;

$("point").placeholder = names.join(", ");
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const values = $("point").value.split(/[\s,;]+/).filter(Boolean).map(Number);
  if (values.length !== inputs || values.some(Number.isNaN)) {
    $("answer").textContent = `Write ${["one number", "two numbers, such as 0.1, 0.2", "three numbers, such as 0.1, 0.2, 0.3"][inputs - 1]}.`;
    return;
  }
  const u = values.map((v, k) => (v - data.low[k]) / size[k]);
  const c = cellAt(...u, ...inputs === 1 ? [0.5] : []);
  $("answer").textContent = c < 0 ? "No region of this picture holds the point." : `Region ${c}`;
  select(c, true);
});

// the film: a slider over frames, and a button that plays it
const showFrame = (k) => {
  const place = state.selected < 0 ? null : middleOf(state.selected);
  state.frame = k;
  now = frame(k);
  state.hover = -1;
  $("frame").value = k;
  $("frame-name").textContent = data.frames.length > 1 ? data.names[k] : "";
  $("frame").setAttribute("aria-valuetext", `${data.names[k]}, ${k + 1} of ${data.frames.length}`);
  status();
  legend();
  select(place ? cellAt(...place) : -1, false); // the region that is there now
};
let playing = 0;
const play = (on) => {
  clearInterval(playing);
  playing = on ? setInterval(() => showFrame((state.frame + 1) % data.frames.length), 700) : 0;
  $("play").textContent = on ? "Pause" : "Play";
};
$("frame").max = data.frames.length - 1;
$("frame").addEventListener("input", () => { play(false); showFrame(Number($("frame").value)); });
$("play").addEventListener("click", () => play(!playing));
$("film").hidden = data.frames.length === 1;

const darkness = matchMedia("(prefers-color-scheme: dark)");
const dark = () => (document.documentElement.dataset.theme ?? (darkness.matches ? "dark" : "light")) === "dark";
const repaint = () => { $("dark").checked = dark(); redraw(); drawWhole(); };
$("dark").addEventListener("change", () => {
  document.documentElement.dataset.theme = $("dark").checked ? "dark" : "light";
  repaint();
});
darkness.addEventListener("change", repaint);
$("save-svg").addEventListener("click", () => save(new Blob([asSvg()], { type: "image/svg+xml" }), "svg"));
$("save-png").addEventListener("click", () => asCanvas(2).toBlob((blob) => save(blob, "png")));

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
new ResizeObserver(resize).observe(canvas); // on a narrow screen the key takes room from it
if (whole) {
  $("whole-section").hidden = false;
  $("whole-text").textContent = `${whole.count.toLocaleString("en")} regions` +
    `${whole.complete ? "" : whole.selection ? " (a selection)" : " (PARTIAL)"}, placed by the two main directions of their points; ` +
    "blue: those that the plane meets.";
}
