// What is shown, and where: everything that the reader can change.
const canvas = $("cells");
const screen = canvas.getContext("2d");
let pen = screen; // or one that writes SVG
const START = { x: 0, y: 0, scale: 1, turn: [-0.9, 0.45] };
const state = { ...START, selected: -1, hover: -1, frame: 0, mode: data.mode, output: data.output,
  contours: -1, borders: data.mode === "class", points: true, layers: data.widths.map(() => true), dual: false,
  apart: 0, opacity: data.points ? 0.35 : 1, width: 1, height: 1 };
let pending = false;
const redraw = () => {
  if (!pending) { pending = true; requestAnimationFrame(() => { pending = false; draw(); }); }
};
const ink = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// round numbers: a step of 1, 2 or 5 times a power of ten, and its multiples between two numbers
const roundStep = (rough) => {
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * (rough / power > 5 ? 10 : rough / power > 2 ? 5 : rough / power > 1 ? 2 : 1);
};
// Round numbers between two ends, which count too though a quotient may be a rounding off.
const multiples = (low, high, step) => {
  const list = [];
  for (let j = Math.ceil(low / step - 1e-9); j * step <= high + 1e-9 * step; j++)
    list.push(Number((j * step).toPrecision(12)));
  return list;
};
