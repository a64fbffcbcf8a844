// The picture: what lies in space, points and marks on it, and files of it.
const dataPoints = (() => {
  const at = unpack(data.points, Float32Array), wideness = Math.max(2, inputs);
  return Array.from({ length: at.length / wideness }, (_, k) => ({
    at: Array.from(at.subarray(wideness * k, wideness * (k + 1))),
    color: data.pointClasses ? data.pointLegend[data.pointClasses[k]][1] : "#ffffff",
  }));
})();
const toScreen = solid ? solidToScreen : planeToScreen;
// the cell at a place of the screen
const cellUnder = (px, py) => (solid ? solidAt(px, py) : cellAt(...toUnit(px, py)));

function write(text, px, py, align, color = ink("ink"), rim = ink("ground")) {
  pen.font = "11px system-ui, sans-serif";
  pen.lineJoin = "round";
  pen.textAlign = align;
  pen.lineWidth = 3;
  pen.strokeStyle = rim;
  pen.strokeText(text, px, py);
  pen.fillStyle = color;
  pen.fillText(text, px, py);
}
function drawPoint(px, py, color) {
  const r = Math.max(2, Math.min(4.5, 60 / Math.sqrt(dataPoints.length)));
  pen.beginPath();
  pen.arc(px, py, r, 0, 7);
  pen.fillStyle = color;
  pen.fill();
  pen.strokeStyle = "#000000";
  pen.lineWidth = r / 4;
  pen.stroke();
}
function drawNamed(name, px, py) {
  pen.beginPath();
  for (const [x, y, k] of [[0, -6, 0], [6, 0, 1], [0, 6, 1], [-6, 0, 1]])
    if (k) pen.lineTo(px + x, py + y); else pen.moveTo(px + x, py + y);
  pen.closePath();
  pen.fillStyle = "#ffffff";
  pen.fill();
  pen.strokeStyle = "#000000";
  pen.lineWidth = 1.4;
  pen.stroke();
  write(name, px + 9, py - 5, "left", "#1b1b1b", "rgba(255,255,255,.9)");
}

function draw() {
  if (pen === screen) {
    const ratio = window.devicePixelRatio || 1;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, state.width, state.height);
  }
  if (solid) drawSolids();
  else {
    drawPlane();
    if (state.points) for (const { at, color } of dataPoints) drawPoint(...toScreen(...at), color);
  }
  for (const [name, ...at] of data.marks) drawNamed(name, ...toScreen(...at));
}

// what is on the screen, with title and key, drawn by another pen
const drawnBy = (other) => {
  pen = other;
  pen.fillStyle = ink("ground");
  pen.fillRect(0, 0, state.width, state.height);
  draw();
  write([$("title").textContent, $("frame-name").textContent].filter(Boolean).join(", "), 12, 18, "left");
  const entries = [[colorLabel(), null], ...key()];
  entries.forEach(([text, color], k) => {
    const y = state.height - 16 * (entries.length - k) + 4;
    if (color) { pen.fillStyle = color; pen.fillRect(12, y - 9, 11, 11); }
    write(text, color ? 28 : 12, y, "left");
  });
  pen = screen;
  return other;
};
const asSvg = () => String(drawnBy(svgPen(state.width, state.height)));
const asCanvas = (ratio) => {
  const sheet = document.createElement("canvas");
  sheet.width = state.width * ratio;
  sheet.height = state.height * ratio;
  const brush = sheet.getContext("2d");
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawnBy(brush);
  return sheet;
};
const save = (blob, suffix) => {
  const link = document.createElement("a"), address = URL.createObjectURL(blob);
  link.href = address;
  link.download = `${data.name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "") || "regions"}.${suffix}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
};
