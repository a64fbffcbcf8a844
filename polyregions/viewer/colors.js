// What colours cells have, and what colours mean.
const stops = data.stops.map((color) => [1, 3, 5].map((k) => parseInt(color.slice(k, k + 2), 16)));
const rgb = (parts, bright = 1) => `rgb(${parts.map((part) => Math.round(part * bright)).join()})`;
const colorAt = (height, bright = 1) => {
  const place = Math.max(0, Math.min(1, height)) * (stops.length - 1);
  const k = Math.min(stops.length - 2, Math.floor(place));
  return rgb(stops[k].map((part, j) => part + (place - k) * (stops[k + 1][j] - part)), bright);
};

// the parts of cells on which the class is constant, their class's colours and their borders
const classes = () => now.painted.classes ??= (() => {
  const { parts, borders, colors } = now.modes.class;
  const common = { colors: unpack(colors, Uint8Array) };
  if (!parts) return { ...common, shapes: now.cells, owner: null, borders: null };
  return { ...common, shapes: shapesOf(parts), owner: unpack(parts.owner, Uint32Array),
    borders: solid ? { faces: unpack(borders.faces, Uint32Array), beyond: unpack(borders.beyond, Uint32Array) }
      : unpack(borders, Float32Array) };
})();
const numbersOf = (mode) => now.painted[mode] ??= (() => {
  const { colors, heights } = now.modes[mode];
  return colors ? { colors: unpack(colors, Uint8Array) } : { heights: unpack(heights, Float32Array) };
})();
// the colour of a shape, or null where an output is shaded inside it
const flatColor = (c, bright = 1) => {
  if (state.mode === "output") return null;
  const { colors, heights } = state.mode === "class" ? classes() : numbersOf(state.mode);
  return colors ? rgb(Array.from(colors.subarray(3 * c, 3 * c + 3)), bright) : colorAt(heights[c], bright);
};
// a function that is affine on a polygon as a gradient from its lowest to its highest corner:
// corners as x, y, height one after the other, and how the height changes on the screen
const shade = (corners, gx, gy, bright = 1) => {
  let low = 0, high = 0;
  for (let k = 0; k < corners.length; k += 3) {
    if (corners[k + 2] < corners[low + 2]) low = k;
    if (corners[k + 2] > corners[high + 2]) high = k;
  }
  const from = corners[low + 2], to = corners[high + 2], x = corners[low], y = corners[low + 1];
  // along the steepest way, as far as the highest corner lies along it
  const length = Math.hypot(gx, gy), nx = gx / length, ny = gy / length;
  const far = (corners[high] - x) * nx + (corners[high + 1] - y) * ny;
  if (!(to > from) || !(far > 0)) return colorAt(from, bright);
  const gradient = pen.createLinearGradient(x, y, x + far * nx, y + far * ny);
  gradient.addColorStop(0, colorAt(from, bright));
  for (let k = 0; k < stops.length; k++) {
    const height = k / (stops.length - 1);
    if (height > from && height < to)
      gradient.addColorStop((height - from) / (to - from), colorAt(height, bright));
  }
  gradient.addColorStop(1, colorAt(to, bright));
  return gradient;
};

const scaleOf = () => state.mode === "output" ? data.outputScales[state.output] : data.scales[state.mode];
const colorLabel = () => state.mode === "output" ? data.outputs[state.output] : data.modes[state.mode];
// texts and colours: the categories of this frame, or round numbers of the scale
const key = () => {
  const scale = scaleOf();
  const entries = [];
  if (!scale) entries.push(...(now.modes[state.mode].legend));
  else {
    const [low, high] = scale, span = high - low || 1;
    const whole = state.mode === "distance" ? 1 : 0; // facets are counted
    const step = Math.max(whole, roundStep(span / 8));
    for (const v of multiples(low, high, step)) entries.push([number(v), colorAt((v - low) / span)]);
    if (!entries.length) entries.push([number(low), colorAt(0)]);
  }
  if (state.points)
    for (const [name, color] of Object.values(data.pointLegend))
      if (!entries.some(([text]) => text === name)) entries.push([name, color]);
  return entries;
};
