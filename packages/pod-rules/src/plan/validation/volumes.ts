import { asWritten, type PodSpec, type Volume } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { dnsLabelErrors } from '../dns-names.js';
import { amountOf } from './amounts.js';
import { each, type Errors, isEmpty, needed, neededOneOf, oneOf } from './checks.js';
import { fileFieldErrors, resourceFieldErrors } from './environment.js';
import { modeErrors, noBackstepErrors, relativePathErrors, volumeFileErrors } from './formats.js';
import { projectionErrors } from './projections.js';

type Item = NonNullable<NonNullable<Volume['secret']>['items']>[number];
type DownwardFile = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

const HOST_PATH_TYPES = [
  ...['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate'],
  ...['File', 'FileOrCreate', 'Socket'],
];
const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const DRIVER = /^[a-zA-Z0-9]([-a-zA-Z0-9.]*[a-zA-Z0-9])?$/;

export interface CheckedVolumes {
  readonly errors: Errors;
  /** The volumes without errors, by name. */
  readonly good: ReadonlyMap<string, Volume>;
}

/**
 * For kinds whose in-tree driver was removed (iSCSI, RBD, …), only checks that the volume has no
 * other source.
 *
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, ValidateVolumes
 */
export function checkVolumes({ volumes = [] }: PodSpec, path: string): CheckedVolumes {
  const good = new Map<string, Volume>();
  const errors = volumes.flatMap((volume, i) => {
    const where = `${path}[${i}]`;
    const { name = '' } = asWritten(volume);
    const problems = [
      ...kindErrors(volume, where),
      ...(name === '' ? needed(`${where}.name`, name) : dnsLabelErrors(`${where}.name`, name)),
      ...(good.has(name) ? [field.duplicate(`${where}.name`, name)] : []),
    ];
    if (problems.length === 0) good.set(name, volume);
    return problems;
  });
  return { errors, good };
}

function kindErrors(volume: Volume, path: string): Errors {
  const kinds = Object.entries<unknown>(volume).filter(
    ([name, source]) => name !== 'name' && source !== undefined,
  );
  const [first, ...others] = kinds.map(([kind]) => kind);
  if (first === undefined) return [field.required(path, 'must specify a volume type')];
  return [
    ...sourceErrors({ [first]: volume[first as keyof Volume] } as unknown as Volume, path),
    ...others.map((kind) =>
      field.forbidden(`${path}.${kind}`, 'may not specify more than 1 volume type'),
    ),
  ];
}

function sourceErrors(volume: Volume, path: string): Errors {
  return [
    ...plainErrors(volume, path),
    ...objectErrors(volume, path),
    ...claimErrors(volume, path),
  ];
}

function plainErrors({ emptyDir, hostPath, image, nfs }: Volume, path: string): Errors {
  const sizeLimit = emptyDir?.sizeLimit;
  const size = sizeLimit === undefined ? 0n : amountOf(sizeLimit);
  const sizeDetail = 'SizeLimit field must be a valid resource quantity';
  const hostAt = `${path}.hostPath`;
  const nfsPath = nfs?.path ?? '';
  return [
    ...(size === undefined || size < 0n
      ? [field.forbidden(`${path}.emptyDir.sizeLimit`, sizeDetail)]
      : []),
    ...(hostPath === undefined
      ? []
      : isEmpty(hostPath.path)
        ? [field.required(`${hostAt}.path`)]
        : [
            ...noBackstepErrors(`${hostAt}.path`, hostPath.path),
            ...oneOf(`${hostAt}.type`, hostPath.type, HOST_PATH_TYPES),
          ]),
    ...(image === undefined
      ? []
      : [
          ...needed(`${path}.image.reference`, image.reference),
          ...neededOneOf(`${path}.image.pullPolicy`, image.pullPolicy, PULL_POLICIES),
        ]),
    ...(nfs === undefined
      ? []
      : [
          ...needed(`${path}.nfs.server`, nfs.server),
          ...needed(`${path}.nfs.path`, nfsPath),
          ...(nfsPath.startsWith('/')
            ? []
            : [field.invalid(`${path}.nfs.path`, nfsPath, 'must be an absolute path')]),
        ]),
  ];
}

function objectErrors({ secret, configMap, downwardAPI, projected }: Volume, path: string): Errors {
  const secretAt = `${path}.secret`;
  const mapAt = `${path}.configMap`;
  return [
    ...(secret === undefined
      ? []
      : [
          ...needed(`${secretAt}.secretName`, secret.secretName),
          ...modeErrors(`${secretAt}.defaultMode`, secret.defaultMode),
          ...each(secret.items, `${secretAt}.items`, itemErrors),
        ]),
    ...(configMap === undefined
      ? []
      : [
          ...needed(`${mapAt}.name`, configMap.name),
          ...modeErrors(`${mapAt}.defaultMode`, configMap.defaultMode),
          ...each(configMap.items, `${mapAt}.items`, itemErrors),
        ]),
    ...(downwardAPI === undefined
      ? []
      : [
          ...modeErrors(`${path}.downwardAPI.defaultMode`, downwardAPI.defaultMode),
          ...(downwardAPI.items ?? []).flatMap((file) =>
            downwardFileErrors(file, `${path}.downwardAPI`),
          ),
        ]),
    ...(projected === undefined
      ? []
      : [
          ...modeErrors(`${path}.projected.defaultMode`, projected.defaultMode),
          ...projectionErrors(projected.sources ?? [], `${path}.projected`, {
            itemErrors,
            downwardFileErrors,
          }),
        ]),
  ];
}

function claimErrors(
  { persistentVolumeClaim, csi, ephemeral, gitRepo }: Volume,
  path: string,
): Errors {
  const claimAt = `${path}.persistentVolumeClaim.claimName`;
  return [
    ...(persistentVolumeClaim === undefined
      ? []
      : needed(claimAt, persistentVolumeClaim.claimName)),
    ...(csi === undefined ? [] : driverErrors(asWritten(csi).driver ?? '', `${path}.csi.driver`)),
    ...(ephemeral !== undefined && ephemeral.volumeClaimTemplate === undefined
      ? [field.required(`${path}.ephemeral.volumeClaimTemplate`)]
      : []),
    ...(gitRepo === undefined
      ? []
      : [
          ...needed(`${path}.gitRepo.repository`, gitRepo.repository),
          ...relativePathErrors(`${path}.gitRepo.directory`, gitRepo.directory ?? ''),
        ]),
  ];
}

function driverErrors(driver: string, path: string): Errors {
  if (driver === '') return [field.required(path)];
  if (driver.length > 63) return [field.tooLong(path, 63)];
  if (DRIVER.test(driver)) return [];
  const detail = 'must be a domain name: alphanumeric characters, dots and hyphens';
  return [field.invalid(path, driver, detail)];
}

function itemErrors(item: Item, path: string): Errors {
  const { key, path: file = '', mode } = asWritten(item);
  return [
    ...needed(`${path}.key`, key),
    ...needed(`${path}.path`, file),
    ...volumeFileErrors(`${path}.path`, file),
    ...modeErrors(`${path}.mode`, mode),
  ];
}

function downwardFileErrors(file: DownwardFile, path: string): Errors {
  const { path: name = '', fieldRef, resourceFieldRef, mode } = asWritten(file);
  const both = 'fieldRef and resourceFieldRef can not be specified simultaneously';
  return [
    ...needed(`${path}.path`, name),
    ...volumeFileErrors(`${path}.path`, name),
    ...(fieldRef === undefined ? [] : fileFieldErrors(fieldRef, `${path}.fieldRef`)),
    ...(fieldRef !== undefined && resourceFieldRef !== undefined
      ? [field.invalid(path, 'resource', both)]
      : []),
    ...(fieldRef === undefined && resourceFieldRef !== undefined
      ? resourceFieldErrors(resourceFieldRef, `${path}.resourceFieldRef`, true)
      : []),
    ...(fieldRef === undefined && resourceFieldRef === undefined
      ? [field.required(path, 'one of fieldRef and resourceFieldRef is required')]
      : []),
    ...modeErrors(`${path}.mode`, mode),
  ];
}
