// The part of the map that is visible: positions on the map to pixels of the canvas, and back.

export class Viewport {
  constructor() { this.fit([[0, 0]]); }

  // Shows all points, with a margin.
  fit(points) {
    const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)], [low, high] = [Math.min(...ys), Math.max(...ys)];
    this.x = (left + right) / 2;
    this.y = (low + high) / 2;
    this.width = Math.max(right - left, 1e-6) * 1.1;
    this.height = Math.max(high - low, 1e-6) * 1.1;
    this.zoomed = 1; // how many times the whole map is enlarged
  }

  scale(canvas) { return this.zoomed * Math.min(canvas.width / this.width, canvas.height / this.height); }

  toPixels(canvas, [x, y]) {
    const scale = this.scale(canvas);
    return [canvas.width / 2 + (x - this.x) * scale, canvas.height / 2 - (y - this.y) * scale];
  }

  toMap(canvas, [across, down]) {
    const scale = this.scale(canvas);
    return [this.x + (across - canvas.width / 2) / scale, this.y - (down - canvas.height / 2) / scale];
  }

  move(canvas, across, down) {
    this.x -= across / this.scale(canvas);
    this.y += down / this.scale(canvas);
  }

  // Enlarges by a factor; the pixel `fixed` shows the same position before and after.
  zoom(canvas, factor, fixed) {
    const before = this.toMap(canvas, fixed);
    this.zoomed = Math.min(200, Math.max(0.25, this.zoomed * factor));
    const after = this.toMap(canvas, fixed);
    this.x += before[0] - after[0];
    this.y += before[1] - after[1];
  }

  // The index of the point nearest to a pixel, or -1 where none is within reach (in pixels).
  nearest(canvas, points, [across, down], reach) {
    let best = -1, least = reach * reach;
    points.forEach((point, index) => {
      const [x, y] = this.toPixels(canvas, point);
      const distance = (x - across) ** 2 + (y - down) ** 2;
      if (distance < least) { best = index; least = distance; }
    });
    return best;
  }
}
