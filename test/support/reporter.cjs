/** mocha's dots and failures, then the one line that counts, always in the same form. */
const { reporters } = require('mocha');

module.exports = class CountingReporter extends reporters.Dot {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    if (pending > 0) console.log(`${pending} skipped`);
    console.log(`${passes} passed, ${failures} failed`);
  }
};
