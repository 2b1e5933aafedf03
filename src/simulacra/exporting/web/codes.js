// Codes and pixels, as the Python side joins and draws them: pure functions, nothing of the page.

// Mulberry32: numbers in [0, 1) that follow from a seed alone.
export function stream(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return ((word ^ (word >>> 14)) >>> 0) / 4294967296;
  };
}

// Numbers from the distribution that the model was trained on: standard normal (Box and Muller 1958) or uniform.
export function drawNoise(code, random) {
  const one = () =>
    code.distribution === "normal"
      ? Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
      : random() * 2 - 1;
  return Float32Array.from({ length: code.noise }, one);
}

// noise | labels | categorical | continuous; doubled labels are pairs (1 - y, y).
export function join(code, { noise, labels, categories, continuous }) {
  const joined = [...noise];
  for (const label of labels) joined.push(...(code.doubled ? [1 - label, label] : [label]));
  code.categorical.forEach((ways, place) => {
    for (let way = 0; way < ways; way++) joined.push(way === categories[place] ? 1 : 0);
  });
  joined.push(...continuous);
  return Float32Array.from(joined);
}

// One image of a batch (n, channels, height, width) in [-1, 1] as RGBA bytes; halves are rounded to even, as torch does.
export function toPixels(values, { channels, height, width }, index = 0) {
  const size = height * width;
  const start = index * channels * size;
  const bytes = new Uint8ClampedArray(4 * size);
  for (let place = 0; place < size; place++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = values[start + (channels === 1 ? 0 : channel) * size + place];
      bytes[4 * place + channel] = (value + 1) * 127.5; // the array clamps, and rounds halves to even
    }
    bytes[4 * place + 3] = 255;
  }
  return bytes;
}
