import { RequestInvalidError } from '../../models/errors.js';

/** @throws RequestInvalidError when `limit` is not an integer from 1 to `most`. */
export function checkLimit(limit: number, most: number): void {
  if (!Number.isInteger(limit) || limit < 1 || limit > most) {
    throw new RequestInvalidError(`limit must be an integer from 1 to ${most}, got ${limit}`);
  }
}
