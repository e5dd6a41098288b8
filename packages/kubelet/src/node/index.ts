export { hostIpsOf } from './plan/host-ips.js';
export type { HealthServer } from './ports.js';
