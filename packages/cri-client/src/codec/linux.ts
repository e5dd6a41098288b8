import type { runtime } from '../adapters/generated/runtime-v1.js';
import type {
  ContainerSecurityContext,
  IdMapping,
  LinuxResources,
  NamespaceOptions,
  SandboxSecurityContext,
  SecurityProfile,
  SeenNamespaces,
  SelinuxOptions,
} from '../model/linux.js';
import { enumCodec, int64, list, map, optional, orNull, toNumber, wrapped } from './scalar.js';

type NamespaceOptionMessage = runtime.v1.NamespaceOption.$Properties;
type ResourcesMessage = runtime.v1.LinuxContainerResources.$Properties;

const namespaceMode = enumCodec(['pod', 'container', 'node', 'target']);
const groupsPolicy = enumCodec(['merge', 'strict']);
const profileKind = enumCodec(['runtime-default', 'unconfined', 'localhost']);

export function encodeIdMapping(mapping: IdMapping): runtime.v1.IDMapping.$Properties {
  return { hostId: mapping.hostId, containerId: mapping.containerId, length: mapping.length };
}

export function decodeIdMapping(message: runtime.v1.IDMapping.$Properties): IdMapping {
  return {
    hostId: message.hostId ?? 0,
    containerId: message.containerId ?? 0,
    length: message.length ?? 0,
  };
}

export function decodeNamespaces(message: NamespaceOptionMessage): SeenNamespaces {
  return {
    network: namespaceMode.decode(message.network),
    pid: namespaceMode.decode(message.pid),
    ipc: namespaceMode.decode(message.ipc),
    targetId: message.targetId || undefined,
    user: optional(message.usernsOptions, ({ mode, uids, gids }) => ({
      mode: namespaceMode.decode(mode),
      uids: (uids ?? []).map(decodeIdMapping),
      gids: (gids ?? []).map(decodeIdMapping),
    })),
  };
}

export function encodeSandboxSecurity(
  context: SandboxSecurityContext,
): runtime.v1.LinuxSandboxSecurityContext.$Properties {
  return {
    namespaceOptions: orNull(context.namespaces, encodeNamespaces),
    selinuxOptions: orNull(context.selinux, encodeSelinux),
    runAsUser: wrapped(context.runAsUser),
    runAsGroup: wrapped(context.runAsGroup),
    readonlyRootfs: context.readOnlyRootfs ?? null,
    supplementalGroups: list(context.supplementalGroups),
    supplementalGroupsPolicy: orNull(context.supplementalGroupsPolicy, groupsPolicy.encode),
    privileged: context.privileged ?? null,
    seccomp: orNull(context.seccomp, encodeProfile),
    apparmor: orNull(context.apparmor, encodeProfile),
    seccompProfilePath: context.seccompProfilePath ?? null,
  };
}

export function encodeContainerSecurity(
  context: ContainerSecurityContext,
): runtime.v1.LinuxContainerSecurityContext.$Properties {
  return {
    capabilities: orNull(context.capabilities, ({ add, drop, addAmbient }) => ({
      addCapabilities: list(add),
      dropCapabilities: list(drop),
      addAmbientCapabilities: list(addAmbient),
    })),
    privileged: context.privileged ?? null,
    namespaceOptions: orNull(context.namespaces, encodeNamespaces),
    selinuxOptions: orNull(context.selinux, encodeSelinux),
    runAsUser: wrapped(context.runAsUser),
    runAsGroup: wrapped(context.runAsGroup),
    runAsUsername: context.runAsUsername ?? null,
    readonlyRootfs: context.readOnlyRootfs ?? null,
    supplementalGroups: list(context.supplementalGroups),
    supplementalGroupsPolicy: orNull(context.supplementalGroupsPolicy, groupsPolicy.encode),
    noNewPrivs: context.noNewPrivileges ?? null,
    maskedPaths: list(context.maskedPaths),
    readonlyPaths: list(context.readOnlyPaths),
    seccomp: orNull(context.seccomp, encodeProfile),
    apparmor: orNull(context.apparmor, encodeProfile),
    apparmorProfile: context.apparmorProfile ?? null,
    seccompProfilePath: context.seccompProfilePath ?? null,
  };
}

export function encodeResources(resources: LinuxResources): ResourcesMessage {
  return {
    cpuPeriod: int64(resources.cpuPeriodUs),
    cpuQuota: int64(resources.cpuQuotaUs),
    cpuShares: int64(resources.cpuShares),
    memoryLimitInBytes: int64(resources.memoryLimitBytes),
    oomScoreAdj: int64(resources.oomScoreAdj),
    cpusetCpus: resources.cpusetCpus ?? null,
    cpusetMems: resources.cpusetMems ?? null,
    hugepageLimits: orNull(resources.hugepageLimits, (limits) =>
      limits.map(({ pageSize, limitBytes }) => ({ pageSize, limit: int64(limitBytes) })),
    ),
    unified: map(resources.unified),
    memorySwapLimitInBytes: int64(resources.memorySwapLimitBytes),
  };
}

/** Zeros on the wire become undefined: they look the same as absent values. */
export function decodeResources(message: ResourcesMessage): LinuxResources {
  const unified = message.unified ?? {};
  const limits = message.hugepageLimits ?? [];
  return {
    cpuPeriodUs: toNumber(message.cpuPeriod) || undefined,
    cpuQuotaUs: toNumber(message.cpuQuota) || undefined,
    cpuShares: toNumber(message.cpuShares) || undefined,
    memoryLimitBytes: toNumber(message.memoryLimitInBytes) || undefined,
    oomScoreAdj: toNumber(message.oomScoreAdj) || undefined,
    cpusetCpus: message.cpusetCpus || undefined,
    cpusetMems: message.cpusetMems || undefined,
    hugepageLimits:
      limits.length === 0
        ? undefined
        : limits.map(({ pageSize, limit }) => {
            return { pageSize: pageSize ?? '', limitBytes: toNumber(limit) };
          }),
    unified: Object.keys(unified).length === 0 ? undefined : unified,
    memorySwapLimitBytes: toNumber(message.memorySwapLimitInBytes) || undefined,
  };
}

function encodeNamespaces(options: NamespaceOptions): NamespaceOptionMessage {
  return {
    network: orNull(options.network, namespaceMode.encode),
    pid: orNull(options.pid, namespaceMode.encode),
    ipc: orNull(options.ipc, namespaceMode.encode),
    targetId: options.targetId ?? null,
    usernsOptions: orNull(options.user, ({ mode, uids = [], gids = [] }) => ({
      mode: namespaceMode.encode(mode),
      uids: uids.map(encodeIdMapping),
      gids: gids.map(encodeIdMapping),
    })),
  };
}

function encodeSelinux(options: SelinuxOptions): runtime.v1.SELinuxOption.$Properties {
  const { user, role, type, level } = options;
  return { user: user ?? null, role: role ?? null, type: type ?? null, level: level ?? null };
}

function encodeProfile(profile: SecurityProfile): runtime.v1.SecurityProfile.$Properties {
  return {
    profileType: profileKind.encode(profile.kind),
    localhostRef: profile.kind === 'localhost' ? profile.ref : null,
  };
}
