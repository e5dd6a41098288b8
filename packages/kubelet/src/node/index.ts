export { type MountPoint, parseMountinfo } from './codec/mountinfo.js';
export { hostIpsOf } from './plan/host-ips.js';
export type { HealthServer } from './ports.js';
