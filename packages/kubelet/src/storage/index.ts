export type { PluginSockets } from './ports.js';
