/** What `unfenced-member.ts` is compared with: started in the same way, with the fence. */
import { startMember } from '../test/support/start-member.js';

await startMember({});
