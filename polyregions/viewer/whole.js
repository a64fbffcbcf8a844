// The graph of all regions, of which the plane meets some.
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
  brush.strokeStyle = `rgba(128,128,128,${Math.max(0.08, Math.min(0.7, 400 / whole.edges.length))})`;
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
