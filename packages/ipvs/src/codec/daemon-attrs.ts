import { addressBytes, formatAddress } from '../model/address.js';
import { IpvsError } from '../model/errors.js';
import type { SyncDaemon } from '../model/state.js';
import type { DaemonAttrs } from './attrs.js';

/** IP_VS_STATE_* */
const STATE: Readonly<Record<SyncDaemon['role'], number>> = { primary: 1, backup: 2 };

export function daemonRoleAttrs(role: SyncDaemon['role']): DaemonAttrs {
  return { state: STATE[role] };
}

/** @throws {IpvsError} `IPVS_INVALID` for a group that is not an address */
export function daemonAttrs(daemon: SyncDaemon): DaemonAttrs {
  const { role, syncId, maxLength, group, port, ttl } = daemon;
  const bytes = group === undefined ? undefined : addressBytes(group);
  return {
    state: STATE[role],
    interface: daemon.interface,
    syncId,
    maxLength,
    group4: bytes?.length === 4 ? bytes : undefined,
    group6: bytes?.length === 16 ? bytes : undefined,
    port,
    ttl,
  };
}

/** @throws {IpvsError} `IPVS_PROTOCOL` */
export function decodeDaemon(attrs: DaemonAttrs): SyncDaemon {
  const { state, syncId = 0, maxLength, port, ttl } = attrs;
  const role = state === STATE.primary ? 'primary' : 'backup';
  if (state !== STATE[role] || attrs.interface === undefined) {
    throw new IpvsError('IPVS_PROTOCOL', `A synchronisation daemon in state ${state}`);
  }
  const group = attrs.group6 ?? attrs.group4;
  return {
    role,
    interface: attrs.interface,
    syncId,
    ...(maxLength === undefined ? {} : { maxLength }),
    ...(group === undefined ? {} : { group: formatAddress(group) }),
    ...(port === undefined ? {} : { port }),
    ...(ttl === undefined ? {} : { ttl }),
  };
}
