/** Limits of `/predict`, alike in the settings, at the door and in the scorer: what one takes, the next takes too. */

/** Rows of context: `detection.window_size` and `window_size`. */
export const MIN_PREDICT_WINDOW = 2;
export const MAX_PREDICT_WINDOW = 100_000;
/** Rows of one prediction: the most that `detection.batch_size` may allow. They are scored in one go. */
export const MAX_PREDICT_ROWS = 100_000;
/** Numbers of one answer at once: the question fits into a message of NATS, 1 MB by default. Beyond it is a job. */
export const MAX_PREDICT_VALUES = 32_768;
/** Rows of one answer at once, for the same reason. */
export const MAX_ANSWER_ROWS = 12_000;
/** Series of one job. */
export const MAX_JOB_SERIES = 1_000;
