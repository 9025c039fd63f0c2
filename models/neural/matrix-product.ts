/** Adds x·W to `output[at + first … at + units)`, W being `count` rows of `units` weights. Eight rows at a time: fewer reads of the output, and sums that need not wait for each other. */
export function addProduct(
  weights: Float32Array,
  weightsAt: number,
  x: Float64Array,
  xAt: number,
  count: number,
  output: Float64Array,
  at: number,
  first: number,
  units: number,
): void {
  let i = 0;
  for (; i + 7 < count; i += 8) {
    const at0 = xAt + i;
    const [x0, x1, x2, x3] = [x[at0]!, x[at0 + 1]!, x[at0 + 2]!, x[at0 + 3]!];
    const [x4, x5, x6, x7] = [x[at0 + 4]!, x[at0 + 5]!, x[at0 + 6]!, x[at0 + 7]!];
    const w0 = weightsAt + i * units;
    const [w1, w2, w3, w4] = [w0 + units, w0 + 2 * units, w0 + 3 * units, w0 + 4 * units];
    const [w5, w6, w7] = [w0 + 5 * units, w0 + 6 * units, w0 + 7 * units];
    for (let u = first; u < units; u++) {
      const low = x0 * weights[w0 + u]! + x1 * weights[w1 + u]! + (x2 * weights[w2 + u]! + x3 * weights[w3 + u]!);
      const high = x4 * weights[w4 + u]! + x5 * weights[w5 + u]! + (x6 * weights[w6 + u]! + x7 * weights[w7 + u]!);
      output[at + u]! += low + high;
    }
  }
  for (; i < count; i++) {
    const x0 = x[xAt + i]!;
    if (x0 === 0) continue;
    const w0 = weightsAt + i * units;
    for (let u = first; u < units; u++) output[at + u]! += x0 * weights[w0 + u]!;
  }
}
