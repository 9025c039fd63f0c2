/** Limits of `/predict`, alike in the settings, at the door and in the scorer: what one takes, the next takes too. */

/** Rows of context: `detection.window_size` and `window_size`. */
export const MIN_PREDICT_WINDOW = 2;
export const MAX_PREDICT_WINDOW = 100_000;
/** Rows of one prediction: the most that `detection.batch_size` may allow. They are scored in one go. */
export const MAX_PREDICT_ROWS = 100_000;
