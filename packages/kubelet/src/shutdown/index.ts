export type { ShutdownPeriod } from './model/shutdown-period.js';
export { shutdownSchedule } from './plan/schedule.js';
export type { EndablePods, ShutdownStateFile, ShutdownWatch } from './ports.js';
