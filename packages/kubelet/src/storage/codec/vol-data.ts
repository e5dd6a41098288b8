/**
 * The record beside a CSI mount, by which any later kubelet can take the mount down: an object of
 * strings, with the keys that other kubelets use.
 *
 * @see Kubernetes 1.36 pkg/volume/csi/csi_plugin.go, volDataKey
 */
export interface VolData {
  readonly driverName: string;
  readonly volumeHandle: string;
  readonly attachmentID?: string;
  readonly nodeName?: string;
  readonly specVolID?: string;
  /** The SELinux label in the mount's options. */
  readonly seLinuxMountContext?: string;
  readonly volumeLifecycleMode?: string;
}

/** Keys in byte order, HTML characters escaped, one line: as Go's encoder writes it. */
export function encodeVolData(data: VolData): string {
  const entries = Object.entries(data).filter(([, value]) => value !== undefined);
  const sorted = Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
  const text = JSON.stringify(sorted).replace(
    /[<>&\u2028\u2029]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `${text}\n`;
}

/** @returns undefined for text that names no driver or no volume */
export function decodeVolData(text: string): VolData | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // incomplete after a power failure; the caller decides what that means
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = new Map(
    Object.entries(value).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  );
  const [driverName, volumeHandle] = [fields.get('driverName'), fields.get('volumeHandle')];
  if (driverName === undefined || volumeHandle === undefined) return undefined;
  const lifecycle = fields.get('volumeLifecycleMode');
  const specVolID = fields.get('specVolID');
  const label = fields.get('seLinuxMountContext');
  return {
    driverName,
    volumeHandle,
    ...(lifecycle !== undefined && { volumeLifecycleMode: lifecycle }),
    ...(specVolID !== undefined && { specVolID }),
    ...(label !== undefined && { seLinuxMountContext: label }),
  };
}
