import type { runtime } from '../adapters/generated/runtime-v1.js';
import { sandboxId } from '../model/ids.js';
import type {
  PortMapping,
  Sandbox,
  SandboxConfig,
  SandboxFilter,
  SandboxMetadata,
  SandboxStatus,
} from '../model/sandbox.js';
import { decodeContainerStatus } from './container.js';
import { decodeNamespaces, encodeResources, encodeSandboxSecurity } from './linux.js';
import { enumCodec, list, map, optional, orNull, toMs, toMsOrUndefined } from './scalar.js';

type StatusMessage = runtime.v1.PodSandboxStatus.$Properties;

const protocol = enumCodec(['tcp', 'udp', 'sctp']);
const state = enumCodec(['ready', 'not-ready']);

export function encodeSandboxConfig(
  config: SandboxConfig,
): runtime.v1.PodSandboxConfig.$Properties {
  const { metadata, dns } = config;
  return {
    metadata: { ...metadata },
    hostname: config.hostname ?? null,
    logDirectory: config.logDirectory ?? null,
    dnsConfig: orNull(dns, ({ servers, searches, options }) => ({
      servers: list(servers),
      searches: list(searches),
      options: list(options),
    })),
    portMappings: orNull(config.portMappings, (mappings) => mappings.map(encodePortMapping)),
    labels: map(config.labels),
    annotations: map(config.annotations),
    linux: orNull(config.linux, (linux) => ({
      cgroupParent: linux.cgroupParent ?? null,
      securityContext: orNull(linux.securityContext, encodeSandboxSecurity),
      sysctls: map(linux.sysctls),
      overhead: orNull(linux.overhead, encodeResources),
      resources: orNull(linux.resources, encodeResources),
    })),
  };
}

export function encodeSandboxFilter(
  filter: SandboxFilter,
): runtime.v1.PodSandboxFilter.$Properties {
  return {
    id: filter.id ?? null,
    state: orNull(filter.state, (name) => ({ state: state.encode(name) })),
    labelSelector: map(filter.labels),
  };
}

export function decodeSandbox(message: runtime.v1.PodSandbox.$Properties): Sandbox {
  return {
    id: sandboxId(message.id ?? ''),
    metadata: optional(message.metadata, decodeSandboxMetadata),
    state: state.decode(message.state),
    createdAtMs: toMs(message.createdAt),
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
    runtimeHandler: message.runtimeHandler ?? '',
  };
}

export function decodeSandboxMetadata(
  message: runtime.v1.PodSandboxMetadata.$Properties,
): SandboxMetadata {
  return {
    name: message.name ?? '',
    uid: message.uid ?? '',
    namespace: message.namespace ?? '',
    attempt: message.attempt ?? 0,
  };
}

/** Decodes the status inside an event or a reply; the reply's own decoder adds its containers. */
export function decodeSandboxStatus(message: StatusMessage): SandboxStatus {
  const { ip, additionalIps } = message.network ?? {};
  const ips = [ip, ...(additionalIps ?? []).map((more) => more.ip)];
  return {
    id: sandboxId(message.id ?? ''),
    metadata: decodeSandboxMetadata(message.metadata ?? {}),
    state: state.decode(message.state),
    createdAtMs: toMs(message.createdAt),
    ips: ips.filter((text): text is string => text !== undefined && text !== null && text !== ''),
    namespaces: optional(message.linux?.namespaces?.options, decodeNamespaces),
    labels: message.labels ?? {},
    annotations: message.annotations ?? {},
    runtimeHandler: message.runtimeHandler ?? '',
    containers: [],
  };
}

export function decodeSandboxStatusReply(
  message: runtime.v1.PodSandboxStatusResponse.$Properties,
): SandboxStatus {
  return {
    ...decodeSandboxStatus(message.status ?? {}),
    containers: (message.containersStatuses ?? []).map(decodeContainerStatus),
    observedAtMs: toMsOrUndefined(message.timestamp),
  };
}

/** @returns the name of a field that callers rely on and that the runtime left out */
export function missingInSandboxStatus(status: SandboxStatus): string | undefined {
  if (status.id === '') return 'id';
  if (status.metadata.name === '') return 'metadata.name';
  if (status.metadata.namespace === '') return 'metadata.namespace';
  if (status.metadata.uid === '') return 'metadata.uid';
  return status.createdAtMs === 0 ? 'created_at' : undefined;
}

function encodePortMapping(mapping: PortMapping): runtime.v1.PortMapping.$Properties {
  return {
    protocol: protocol.encode(mapping.protocol),
    containerPort: mapping.containerPort,
    hostPort: mapping.hostPort ?? null,
    hostIp: mapping.hostIp ?? null,
  };
}
