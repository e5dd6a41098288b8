export { MemoryIpvs } from './memory-ipvs.js';
