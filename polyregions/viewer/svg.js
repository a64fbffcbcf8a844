// A pen with the part of a canvas's language that pictures here use, which writes SVG.
const svgPen = (width, height) => {
  const parts = [], defs = [];
  const escaped = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
  const round = (v) => Math.round(v * 100) / 100;
  const color = (style) => escaped(style.id ? `url(#${style.id})` : style);
  let path = [];
  const say = (d, what) => parts.push(`<path d="${d}" ${what}/>`);
  return {
    fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, lineJoin: "miter", lineCap: "butt",
    font: "", textAlign: "left", globalAlpha: 1,
    setTransform() {}, clearRect() {},
    beginPath() { path = []; },
    moveTo(x, y) { path.push(`M${round(x)} ${round(y)}`); },
    lineTo(x, y) { path.push(`L${round(x)} ${round(y)}`); },
    closePath() { path.push("Z"); },
    arc(x, y, r) { path.push(`M${round(x - r)} ${round(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`); },
    fill() { say(path.join(""), `fill="${color(this.fillStyle)}" fill-opacity="${this.globalAlpha}"`); },
    stroke() {
      if (path.length) say(path.join(""), `fill="none" stroke="${color(this.strokeStyle)}" stroke-width="${round(this.lineWidth)}" ` +
        `stroke-linejoin="${this.lineJoin}" stroke-linecap="${this.lineCap}" stroke-opacity="${this.globalAlpha}"`);
    },
    fillRect(x, y, w, h) {
      parts.push(`<rect x="${round(x)}" y="${round(y)}" width="${round(w)}" height="${round(h)}" fill="${color(this.fillStyle)}"/>`);
    },
    strokeRect(x, y, w, h) {
      this.beginPath();
      this.moveTo(x, y); this.lineTo(x + w, y); this.lineTo(x + w, y + h); this.lineTo(x, y + h);
      this.closePath();
      this.stroke();
    },
    text(text, x, y, how) {
      const [pixels, ...family] = this.font.split(" ");
      const anchor = { left: "start", center: "middle", right: "end" }[this.textAlign];
      parts.push(`<text x="${round(x)}" y="${round(y)}" font-size="${pixels}" font-family="${escaped(family.join(" "))}" ` +
        `text-anchor="${anchor}" ${how}>${escaped(text)}</text>`);
    },
    fillText(text, x, y) { this.text(text, x, y, `fill="${color(this.fillStyle)}"`); },
    strokeText(text, x, y) { this.text(text, x, y, `fill="none" stroke="${color(this.strokeStyle)}" stroke-width="${this.lineWidth}"`); },
    createLinearGradient(x1, y1, x2, y2) {
      const id = `g${defs.length}`, place = defs.push("") - 1, list = [];
      const open = `<linearGradient id="${id}" gradientUnits="userSpaceOnUse" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}">`;
      return { id, addColorStop(at, stop) {
        list.push(`<stop offset="${at}" stop-color="${escaped(stop)}"/>`);
        defs[place] = `${open}${list.join("")}</linearGradient>`;
      } };
    },
    toString: () => `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" ` +
      `viewBox="0 0 ${width} ${height}"><defs>${defs.join("")}</defs>${parts.join("\n")}</svg>\n`,
  };
};
