export type { OpenDriver, PluginSocket, PluginSockets, StorageFiles } from './ports.js';
