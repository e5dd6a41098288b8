export type { PluginSockets, StorageFiles } from './ports.js';
