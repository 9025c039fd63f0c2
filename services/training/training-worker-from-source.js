// In a checkout the thread runs the TypeScript sources too, as `bin/redshank.js` does. A build does not need this file.
import { register } from 'tsx/esm/api';

register();
await import('./training-worker.ts');
