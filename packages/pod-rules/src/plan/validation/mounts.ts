import {
  asWritten,
  type Container,
  type PodSpec,
  type Volume,
  type VolumeMount,
} from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { type Errors, isEmpty, needed, oneOf } from './checks.js';
import { noBackstepErrors, relativePathErrors } from './formats.js';

type Device = NonNullable<Container['volumeDevices']>[number];

const PROPAGATIONS = ['Bidirectional', 'HostToContainer', 'None'];
const RECURSIVE = ['Disabled', 'Enabled', 'IfPossible'];

/**
 * Checks the volume mounts of a container. Some field paths lack the index in their list, as
 * upstream's do.
 *
 * @param volumes the pod's volumes without errors of their own
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, ValidateVolumeMounts,
 *   ValidateVolumeDevices
 */
export function mountErrors(
  container: Container,
  path: string,
  volumes: ReadonlyMap<string, Volume>,
): Errors {
  const { volumeMounts = [], volumeDevices = [] } = container;
  const mountPaths = new Set<string>();
  return [
    ...volumeMounts.flatMap((mount, i) => {
      const where = `${path}.volumeMounts[${i}]`;
      const { mountPath = '' } = asWritten(mount);
      const isTwice = mountPaths.has(mountPath);
      mountPaths.add(mountPath);
      return [
        ...placeErrors(mount, where, { volumes, isTwice }),
        ...overlapErrors(mount, where, volumeDevices),
        ...optionErrors(mount, where, { container, listPath: `${path}.volumeMounts` }),
      ];
    }),
    ...deviceErrors(container, `${path}.volumeDevices`, volumes),
  ];
}

function placeErrors(
  mount: VolumeMount,
  path: string,
  { volumes, isTwice }: Readonly<{ volumes: ReadonlyMap<string, Volume>; isTwice: boolean }>,
): Errors {
  const { name = '', mountPath = '' } = asWritten(mount);
  return [
    ...needed(`${path}.name`, name),
    ...(volumes.has(name) ? [] : [field.notFound(`${path}.name`, name)]),
    ...needed(`${path}.mountPath`, mountPath),
    ...(isTwice ? [field.invalid(`${path}.mountPath`, mountPath, 'must be unique')] : []),
  ];
}

function overlapErrors(mount: VolumeMount, path: string, devices: readonly Device[]): Errors {
  const { name, mountPath } = mount;
  const errors = [];
  if (devices.some((device) => device.name === name)) {
    errors.push(field.invalid(`${path}.name`, name, 'must not already exist in volumeDevices'));
  }
  if (devices.some(({ devicePath }) => devicePath === mountPath)) {
    const detail = 'must not already exist as a path in volumeDevices';
    errors.push(field.invalid(`${path}.mountPath`, mountPath, detail));
  }
  return errors;
}

function optionErrors(
  mount: VolumeMount,
  path: string,
  { container, listPath }: Readonly<{ container: Container; listPath: string }>,
): Errors {
  const { subPath = '', subPathExpr = '', mountPropagation, recursiveReadOnly } = mount;
  const isBoth = subPath !== '' && subPathExpr !== '';
  const exclusive = 'subPathExpr and subPath are mutually exclusive';
  const propagationAt = `${listPath}.mountPropagation`;
  const isOpen =
    mountPropagation === 'Bidirectional' && container.securityContext?.privileged !== true;
  const recursiveAt = `${listPath}.recursiveReadOnly`;
  const isRecursive = recursiveReadOnly === 'Enabled' || recursiveReadOnly === 'IfPossible';
  return [
    ...relativePathErrors(`${listPath}.subPath`, subPath),
    ...(isBoth ? [field.invalid(`${path}.subPathExpr`, subPathExpr, exclusive)] : []),
    ...relativePathErrors(`${listPath}.subPathExpr`, subPathExpr),
    ...oneOf(propagationAt, mountPropagation, PROPAGATIONS),
    ...(isOpen
      ? [
          field.forbidden(
            propagationAt,
            'Bidirectional mount propagation is available only to privileged containers',
          ),
        ]
      : []),
    ...oneOf(recursiveAt, recursiveReadOnly, RECURSIVE),
    ...(isRecursive && mount.readOnly !== true
      ? [field.forbidden(recursiveAt, 'may only be specified when readOnly is true')]
      : []),
    ...(isRecursive && (mountPropagation ?? 'None') !== 'None'
      ? [
          field.forbidden(
            recursiveAt,
            'may only be specified when mountPropagation is None or not specified',
          ),
        ]
      : []),
  ];
}

function deviceErrors(
  { volumeMounts = [], volumeDevices = [] }: Container,
  path: string,
  volumes: ReadonlyMap<string, Volume>,
): Errors {
  const names = new Set<string>();
  const paths = new Set<string>();
  return volumeDevices.flatMap((device, i) => {
    const { name = '', devicePath = '' } = asWritten(device);
    const nameAt = `${path}[${i}].name`;
    const pathAt = `${path}[${i}].devicePath`;
    const volume = volumes.get(name);
    const isClaim = volume?.persistentVolumeClaim !== undefined || volume?.ephemeral !== undefined;
    const climbs = noBackstepErrors(pathAt, devicePath).length > 0;
    const errors = [
      ...needed(nameAt, name),
      ...(names.has(name) ? [field.invalid(nameAt, name, 'must be unique')] : []),
      ...(volume === undefined ? [field.notFound(nameAt, name)] : []),
      ...needed(pathAt, devicePath),
      ...(paths.has(devicePath) ? [field.invalid(pathAt, devicePath, 'must be unique')] : []),
    ];
    if (volume !== undefined && !isClaim) {
      const detail =
        'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
      errors.push(field.invalid(nameAt, name, detail));
    }
    if (climbs) {
      errors.push(field.invalid(pathAt, devicePath, "can not contain backsteps ('..')"));
    }
    if (volumeMounts.some((mount) => mount.name === name)) {
      errors.push(field.invalid(nameAt, name, 'must not already exist in volumeMounts'));
    }
    if (volumeMounts.some(({ mountPath }) => mountPath === devicePath)) {
      const detail = 'must not already exist as a path in volumeMounts';
      errors.push(field.invalid(pathAt, devicePath, detail));
    }
    if (!isEmpty(name)) names.add(name);
    if (!climbs) paths.add(devicePath);
    return errors;
  });
}

/** Refuses block devices in a pod with a user namespace. */
export function userDeviceErrors(
  containers: readonly Readonly<{ container: Container; path: string }>[],
  { hostUsers }: PodSpec,
): Errors {
  if (hostUsers !== false) return [];
  return containers
    .filter(({ container }) => (container.volumeDevices ?? []).length > 0)
    .map(({ path }) => field.forbidden(`${path}.volumeDevices`, 'when `hostUsers` is false'));
}
