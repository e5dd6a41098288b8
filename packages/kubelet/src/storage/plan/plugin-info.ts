import type { PluginRegistration } from '@nodeagent/csi';

/** A driver to be registered. */
export interface CsiPlugin {
  readonly name: string;
  readonly endpoint: string;
  /** The highest version that it supports, `[1, 0, 0]`. */
  readonly version: readonly number[];
}

/**
 * Judges a plug-in's description of itself; returns the driver, or the reason to refuse it.
 *
 * @param socketPath the registration socket, which also serves if no endpoint is named
 * @param registered version of the driver of the same name on another socket
 * @see Kubernetes 1.36 pkg/kubelet/pluginmanager/operationexecutor, pkg/volume/csi/csi_plugin.go
 */
export function judgePlugin(
  { type, name, endpoint, supportedVersions }: PluginRegistration,
  socketPath: string,
  registered: readonly number[] | undefined,
): CsiPlugin | Readonly<{ refused: string }> {
  if (type !== 'CSIPlugin') {
    return {
      refused: `RegisterPlugin error -- no handler registered for plugin type: ${type} at socket ${socketPath}`,
    };
  }
  const usable = endpoint === '' ? socketPath : endpoint;
  const why = (text: string): Readonly<{ refused: string }> => ({
    refused: `RegisterPlugin error -- plugin validation failed with err: validation failed for CSI Driver ${name} at endpoint ${usable}: ${text}`,
  });
  if (name === '') return why('driver name is empty');
  const versions = supportedVersions.flatMap((text) => parseVersion(text) ?? []);
  if (versions.length !== supportedVersions.length) {
    return why(`unreadable versions ${supportedVersions.join(', ')}`);
  }
  const version = versions
    .filter(([major = 0]) => major <= 1)
    .sort(compareVersions)
    .at(-1);
  if (version === undefined) return why(`unsupported versions: ${supportedVersions.join(', ')}`);
  if (registered !== undefined && compareVersions(registered, version) >= 0) {
    const text = `Another driver with the same name is already registered with a higher supported version: "${registered.join('.')}"`;
    return why(text);
  }
  return { name, endpoint: usable, version };
}

function parseVersion(text: string): readonly (readonly number[])[] | undefined {
  const found = /^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?$/.exec(text);
  return found === null ? undefined : [[1, 2, 3].map((i) => Number(found[i] ?? 0))];
}

function compareVersions(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((part, i) => part !== b[i]);
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0);
}
