import type { ProxyMode } from '../model/config.js';
import type { SetUpMode } from './mode.js';

/** Loads a mode's code: a node loads only the mode that it uses. */
const MODES: Readonly<Record<ProxyMode, (() => Promise<SetUpMode>) | undefined>> = {
  userspace: async () => (await import('./userspace/set-up.js')).setUpUserspace,
  iptables: async () => (await import('./iptables/set-up.js')).setUpIptables,
  ipvs: async () => (await import('./ipvs/set-up.js')).setUpIpvs,
  nftables: async () => (await import('./nftables/set-up.js')).setUpNftables,
};

/** @throws {Error} when this version has no such mode; parseProxyConfig refuses it earlier */
export function loadMode(mode: ProxyMode): Promise<SetUpMode> {
  const load = MODES[mode];
  if (load === undefined) throw new Error(`mode ${mode} is not in this version`);
  return load();
}
