/** Loaded once before all suites. A promise that nobody awaits is a defect, so it ends the run. */
process.on('unhandledRejection', (reason) => {
  throw reason instanceof Error ? reason : new Error(String(reason));
});
