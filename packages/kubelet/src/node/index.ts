export { isKernelSettingError } from './model/kernel-setting-error.js';
export { hostIpsOf } from './plan/host-ips.js';
export type {
  FilterProgram,
  HealthServer,
  KernelLog,
  KernelSettings,
  ManagerCheckpoints,
} from './ports.js';
