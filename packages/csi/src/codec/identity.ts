import {
  bool,
  choice,
  type Decoded,
  many,
  map,
  message,
  oneOf,
  string,
  unary,
  wrapped,
} from '@nodeagent/unix-grpc';

import { Nothing } from './volume.js';

/** Parts of CSI beyond the identity and node services. Index is the number on the wire. */
export const PLUGIN_SERVICES = [
  'unknown',
  'controller-service',
  'volume-accessibility-constraints',
  'group-controller-service',
  'snapshot-metadata-service',
] as const;

/** `online`: volumes can grow while they are in use. `offline`: they cannot. */
export const VOLUME_EXPANSIONS = ['unknown', 'online', 'offline'] as const;

const Service = message({ type: choice(1, PLUGIN_SERVICES) });
const VolumeExpansion = message({ type: choice(1, VOLUME_EXPANSIONS) });

type CapabilityType = {
  readonly service: Decoded<typeof Service>;
  readonly volumeExpansion: Decoded<typeof VolumeExpansion>;
};

const PluginCapability = message({
  type: oneOf<CapabilityType>({ service: [1, Service], volumeExpansion: [2, VolumeExpansion] }),
});

/** The driver's name and version. */
export const PluginInfo = message({
  /** The driver's name: at most 63 characters of a domain name, `hostpath.csi.example.com`. */
  name: string(1),
  vendorVersion: string(2),
  manifest: map(3),
});

export const PluginCapabilities = message({ capabilities: many(1, PluginCapability) });

export const ProbeReply = message({
  /** False while the driver is not ready yet; ready when left out. */
  ready: wrapped(1, bool),
});

/** `csi.v1.Identity`: the driver's identity and its health. */
export const IDENTITY = {
  getPluginInfo: unary('csi.v1.Identity/GetPluginInfo', Nothing, PluginInfo),
  getPluginCapabilities: unary(
    'csi.v1.Identity/GetPluginCapabilities',
    Nothing,
    PluginCapabilities,
  ),
  probe: unary('csi.v1.Identity/Probe', Nothing, ProbeReply),
} as const;

/**
 * A service beside Identity and Node that a driver offers, or a limit of where volumes are
 * reachable.
 */
export type PluginService = (typeof PLUGIN_SERVICES)[number];
export type PluginInfo = Decoded<typeof PluginInfo>;
