/** Patterns of device ids. Our own, since a pattern comes from outside and stays in the log: it must not cost more than it looks. */

const ANY_RUN = 0x2a;
const ANY_ONE = 0x3f;

/**
 * Whether `device` as a whole fits `pattern`.
 *
 * In a pattern `*` is any run of characters (also an empty one, also with `/`: device ids are names, not paths) and `?` is
 * one character. All else stands for itself.
 *
 * Cost  at most `device.length` × `pattern.length` steps, whatever the two are: only the latest `*` is ever tried again. A
 *       library that makes a regular expression of `*-*-*-*-*-*-x` took 84 s for 128 dashes.
 */
export function fitsPattern(pattern: string, device: string): boolean {
  let p = 0;
  let d = 0;
  let afterRun = -1;
  let runEnd = 0;
  while (d < device.length) {
    const wanted = pattern.charCodeAt(p);
    if (wanted === ANY_RUN) {
      afterRun = ++p;
      runEnd = d;
    } else if (wanted === ANY_ONE || wanted === device.charCodeAt(d)) {
      p++;
      d++;
    } else if (afterRun >= 0) {
      p = afterRun;
      d = ++runEnd;
    } else return false;
  }
  while (pattern.charCodeAt(p) === ANY_RUN) p++;
  return p === pattern.length;
}
