/** A member of the cluster whose commits are not fenced: shows what the fence costs, and is good for nothing else. */
import { startMember } from '../test/support/start-member.js';

await startMember({ runner: { isFenced: false } });
