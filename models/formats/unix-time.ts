/** Unix times of other formats as ours: Unix ms, with a fraction kept to µs, from numbers that a double cannot hold. */

const INTEGER = /^-?\d{1,20}$/;
const TWO_32 = 4_294_967_296;
const NANOS_A_MS = 1_000_000;

/**
 * A whole number as text, counted in units of 10^-`decimals` ms: 6 for ns, 3 for µs, 0 for ms. The text is cut, not divided: ns
 * of today need 61 bits, a double has 53.
 *
 * @returns Unix ms, negative before 1970; NaN when the text is no whole number.
 *
 * @example unixMsFromText('1767225600000123456', 6); // 1767225600000.123
 */
export function unixMsFromText(text: string, decimals: number): number {
  if (!INTEGER.test(text)) return NaN;
  if (decimals === 0) return Number(text) + 0;
  if (text.startsWith('-')) return -unixMsFromText(text.slice(1), decimals) + 0;
  const whole = Number(text.slice(0, -decimals));
  return whole + microsOf(text.padStart(decimals, '0').slice(-decimals)) / 1000;
}

/** The first three digits below the ms: the µs. What is finer is dropped, as everywhere. */
function microsOf(decimals: string): number {
  return Number(decimals.slice(0, 3));
}

/**
 * Unsigned ns in two halves of 32 bits. Divided by hand, exactly: every product below stays under 2^53.
 *
 * @returns Unix ms.
 */
export function unixMsFromNanos(low: number, high: number): number {
  const rest = (high % NANOS_A_MS) * TWO_32 + low;
  const wholeMs = Math.floor(high / NANOS_A_MS) * TWO_32 + Math.floor(rest / NANOS_A_MS);
  return wholeMs + Math.floor((rest % NANOS_A_MS) / 1000) / 1000;
}
