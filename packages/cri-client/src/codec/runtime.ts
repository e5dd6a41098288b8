import type { runtime } from '../adapters/generated/runtime-v1.js';
import type { RuntimeConfiguration, RuntimeStatus, RuntimeVersion } from '../model/runtime.js';
import { enumCodec, optional } from './scalar.js';

const cgroupDriver = enumCodec(['systemd', 'cgroupfs']);

export function decodeVersion(message: runtime.v1.VersionResponse.$Properties): RuntimeVersion {
  return {
    version: message.version ?? '',
    runtimeName: message.runtimeName ?? '',
    runtimeVersion: message.runtimeVersion ?? '',
    runtimeApiVersion: message.runtimeApiVersion ?? '',
  };
}

/** @returns the name of a field that callers rely on and that the runtime left out */
export function missingInVersion(version: RuntimeVersion): string | undefined {
  if (version.version === '') return 'version';
  if (version.runtimeName === '') return 'runtime_name';
  if (version.runtimeVersion === '') return 'runtime_version';
  return version.runtimeApiVersion === '' ? 'runtime_api_version' : undefined;
}

export function decodeRuntimeStatus(message: runtime.v1.StatusResponse.$Properties): RuntimeStatus {
  return {
    conditions: (message.status?.conditions ?? []).map((condition) => ({
      type: condition.type ?? '',
      status: condition.status ?? false,
      reason: condition.reason ?? '',
      message: condition.message ?? '',
    })),
    handlers: (message.runtimeHandlers ?? []).map(({ name, features }) => ({
      name: name ?? '',
      recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false,
      userNamespaces: features?.userNamespaces ?? false,
    })),
    features: {
      supplementalGroupsPolicy: message.features?.supplementalGroupsPolicy ?? false,
      userNamespacesHostNetwork: message.features?.userNamespacesHostNetwork ?? false,
    },
  };
}

export function decodeRuntimeConfiguration(
  message: runtime.v1.RuntimeConfigResponse.$Properties,
): RuntimeConfiguration {
  return {
    cgroupDriver: optional(message.linux, (linux) => cgroupDriver.decode(linux.cgroupDriver)),
  };
}
