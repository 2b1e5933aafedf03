// Where the map is looked at: from places of the map to the canvas and back. Numbers alone, no drawing.

export class Window {
  constructor() { this.fit([[0, 0]]); }

  // Looks at all points, with a margin.
  fit(points) {
    const xs = points.map(([x]) => x), ys = points.map(([, y]) => y);
    const [left, right] = [Math.min(...xs), Math.max(...xs)], [low, high] = [Math.min(...ys), Math.max(...ys)];
    this.x = (left + right) / 2;
    this.y = (low + high) / 2;
    this.wide = Math.max(right - left, 1e-6) * 1.1;
    this.high = Math.max(high - low, 1e-6) * 1.1;
    this.near = 1; // how many times the whole map is enlarged
  }

  scale(canvas) { return this.near * Math.min(canvas.width / this.wide, canvas.height / this.high); }

  to(canvas, [x, y]) {
    const scale = this.scale(canvas);
    return [canvas.width / 2 + (x - this.x) * scale, canvas.height / 2 - (y - this.y) * scale];
  }

  from(canvas, [across, down]) {
    const scale = this.scale(canvas);
    return [this.x + (across - canvas.width / 2) / scale, this.y - (down - canvas.height / 2) / scale];
  }

  move(canvas, across, down) {
    this.x -= across / this.scale(canvas);
    this.y += down / this.scale(canvas);
  }

  // Nearer or farther, with one place of the canvas staying where it is.
  zoom(canvas, factor, at) {
    const before = this.from(canvas, at);
    this.near = Math.min(200, Math.max(0.25, this.near * factor));
    const after = this.from(canvas, at);
    this.x += before[0] - after[0];
    this.y += before[1] - after[1];
  }
}

// The number of the point nearest to a place of the canvas, or -1 where none is within reach (in pixels).
export function nearest(view, canvas, points, [across, down], reach) {
  let best = -1, least = reach * reach;
  points.forEach((point, number) => {
    const [x, y] = view.to(canvas, point);
    const distance = (x - across) ** 2 + (y - down) ** 2;
    if (distance < least) { best = number; least = distance; }
  });
  return best;
}
