export { allDone } from './all-done.js';
export { DeviceMaps } from './device-maps.js';
export { LocalVolumes } from './local-volumes.js';
export { MountCommands } from './mount-commands.js';
export { isMounted } from './mounted.js';
export { NfsVolumes } from './nfs-volumes.js';
export { NodeExpansion } from './node-expansion.js';
export { Turns } from './turns.js';
export { type RepeatedOperation, VolumeBackoff } from './volume-backoff.js';
