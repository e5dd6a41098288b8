import {
  asWritten,
  type Container,
  type EnvVar,
  type PodSpec,
  type Volume,
} from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { dnsLabelErrors, dnsSubdomainErrors } from '../dns-names.js';
import { qualifiedNameErrors } from '../label-names.js';
import { each, type Errors, isEmpty, needed, present } from './checks.js';
import { configKeyErrors, noBackstepErrors, variableNameErrors } from './formats.js';

type EnvFrom = NonNullable<Container['envFrom']>[number];
type ValueFrom = NonNullable<EnvVar['valueFrom']>;
type FieldRef = NonNullable<ValueFrom['fieldRef']>;
type ResourceRef = NonNullable<ValueFrom['resourceFieldRef']>;
type KeyRef = NonNullable<ValueFrom['configMapKeyRef']>;
type FileRef = NonNullable<ValueFrom['fileKeyRef']>;

const SOURCES = [
  'fieldRef',
  'resourceFieldRef',
  'configMapKeyRef',
  'secretKeyRef',
  'fileKeyRef',
] as const;
const OF_POD = ['metadata.name', 'metadata.namespace', 'metadata.uid'];
const OF_VARIABLES = [
  ...OF_POD,
  ...['spec.nodeName', 'spec.serviceAccountName'],
  ...['status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'],
];
const OF_FILES = ['metadata.annotations', 'metadata.labels', ...OF_POD];
const RESOURCES = ['cpu', 'ephemeral-storage', 'memory'];
const AMOUNTS = ['limits', 'requests'].flatMap((kind) =>
  RESOURCES.map((name) => `${kind}.${name}`),
);
const HUGE_PAGES = /^(?:limits|requests)\.hugepages-/;
const DIVISORS_OF_CPU = new Set(['1m', '1']);
const DIVISORS = new Set([
  '1',
  ...['k', 'M', 'G', 'T', 'P', 'E'].map((suffix) => `1${suffix}`),
  ...['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((suffix) => `1${suffix}`),
]);

/** @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, ValidateEnv, ValidateEnvFrom */
export function environmentErrors(container: Container, path: string, spec: PodSpec): Errors {
  return [
    ...each(container.env, `${path}.env`, (variable, where) => [
      ...nameErrors(variable.name, where),
      ...sourceErrors(variable, `${where}.valueFrom`, spec.volumes ?? []),
    ]),
    ...each(container.envFrom, `${path}.envFrom`, (source, where) =>
      wholeErrors(source, where, `${path}.envFrom`),
    ),
  ];
}

function nameErrors(name: string | undefined, path: string): Errors {
  const where = `${path}.name`;
  return isEmpty(name) ? [field.required(where)] : variableNameErrors(where, name ?? '');
}

function sourceErrors(
  { value, valueFrom }: EnvVar,
  path: string,
  volumes: readonly Volume[],
): Errors {
  if (valueFrom === undefined) return [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  const errors = [
    ...(fieldRef === undefined ? [] : variableFieldErrors(fieldRef, `${path}.fieldRef`)),
    ...(resourceFieldRef === undefined
      ? []
      : resourceFieldErrors(resourceFieldRef, `${path}.resourceFieldRef`)),
    ...(configMapKeyRef === undefined
      ? []
      : keyRefErrors(configMapKeyRef, `${path}.configMapKeyRef`)),
    ...(secretKeyRef === undefined ? [] : keyRefErrors(secretKeyRef, `${path}.secretKeyRef`)),
    ...(fileKeyRef === undefined ? [] : fileRefErrors(fileKeyRef, `${path}.fileKeyRef`, volumes)),
  ];
  const count = present(valueFrom, SOURCES).length;
  if (count === 0) {
    const names = SOURCES.map((name) => `\`${name}\``);
    const detail = `must specify one of: ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
    return [...errors, field.invalid(path, '', detail)];
  }
  if (!isEmpty(value)) {
    return [...errors, field.invalid(path, '', 'may not be specified when `value` is not empty')];
  }
  if (count === 1) return errors;
  return [
    ...errors,
    field.invalid(path, '', 'may not have more than one field specified at a time'),
  ];
}

export function variableFieldErrors(ref: FieldRef, path: string): Errors {
  return fieldErrors(ref, path, OF_VARIABLES);
}

export function fileFieldErrors(ref: FieldRef, path: string): Errors {
  return fieldErrors(ref, path, OF_FILES);
}

/** Accepts `metadata.name` and similar fields, or one label or annotation by its key. */
function fieldErrors({ apiVersion, fieldPath }: FieldRef, path: string, known: string[]): Errors {
  if (isEmpty(apiVersion)) return [field.required(`${path}.apiVersion`)];
  if (isEmpty(fieldPath)) return [field.required(`${path}.fieldPath`)];
  const open = fieldPath.endsWith("']") ? fieldPath.lastIndexOf("['") : -1;
  const owner = open > 0 ? fieldPath.slice(0, open) : undefined;
  const key = fieldPath.slice(open + 2, -2);
  if (owner === 'metadata.annotations') return qualifiedNameErrors(path, key.toLowerCase());
  if (owner === 'metadata.labels') return qualifiedNameErrors(path, key);
  if (owner !== undefined) return [field.invalid(path, owner, 'does not support subscript')];
  if (known.includes(fieldPath)) return [];
  return [field.notSupported(`${path}.fieldPath`, fieldPath, known)];
}

/** JSON may hold an amount as a number. */
const amountText = (amount: string | number): string => String(amount);

export function resourceFieldErrors(reference: ResourceRef, path: string, isFile = false): Errors {
  const { containerName, resource = '', divisor = '0' } = asWritten(reference);
  const errors: Errors =
    isFile && isEmpty(containerName)
      ? [field.required(`${path}.containerName`)]
      : isEmpty(resource)
        ? [field.required(`${path}.resource`)]
        : AMOUNTS.includes(resource) || HUGE_PAGES.test(resource)
          ? []
          : [field.notSupported(`${path}.resource`, resource, AMOUNTS)];
  return [...errors, ...divisorErrors(resource, amountText(divisor), path)];
}

function divisorErrors(resource: string, divisor: string, path: string): Errors {
  const supported = resource.endsWith('.cpu') ? DIVISORS_OF_CPU : DIVISORS;
  if (divisor === '' || divisor === '0' || supported.has(divisor)) return [];
  const detail = `only divisor's values ${[...supported].join(', ')} are supported with this resource`;
  return [field.invalid(`${path}.divisor`, resource, detail)];
}

function keyRefErrors({ name, key }: KeyRef, path: string): Errors {
  return [
    ...dnsSubdomainErrors(`${path}.name`, name ?? ''),
    ...(isEmpty(key) ? [field.required(`${path}.key`)] : configKeyErrors(`${path}.key`, key)),
  ];
}

function fileRefErrors(ref: FileRef, path: string, volumes: readonly Volume[]): Errors {
  const { key, volumeName, path: file } = ref;
  const nameAt = `${path}.volumeName`;
  const volume = volumes.find(({ name }) => name === volumeName);
  return [
    ...(isEmpty(key) ? [field.required(`${path}.key`)] : variableNameErrors(`${path}.key`, key)),
    ...(isEmpty(volumeName) ? [field.required(nameAt)] : dnsLabelErrors(nameAt, volumeName)),
    ...(isEmpty(file) ? [field.required(`${path}.path`)] : noBackstepErrors(`${path}.path`, file)),
    ...(volume === undefined ? [field.notFound(nameAt, volumeName)] : []),
    ...(volume !== undefined && volume.emptyDir === undefined
      ? [field.invalid(nameAt, volumeName, 'referenced volume must be of type emptyDir')]
      : []),
  ];
}

function wholeErrors(source: EnvFrom, path: string, listPath: string): Errors {
  const { prefix = '', configMapRef, secretRef } = source;
  const count = present(source, ['configMapRef', 'secretRef']).length;
  const nameOf = (ref: { name?: string } | undefined, where: string): Errors =>
    ref === undefined
      ? []
      : isEmpty(ref.name)
        ? needed(`${where}.name`, ref.name)
        : dnsSubdomainErrors(`${where}.name`, ref.name ?? '');
  const detail =
    count === 0
      ? 'must specify one of: `configMapRef` or `secretRef`'
      : 'may not have more than one field specified at a time';
  return [
    ...(prefix === '' ? [] : variableNameErrors(`${path}.prefix`, prefix)),
    ...nameOf(configMapRef, `${path}.configMapRef`),
    ...nameOf(secretRef, `${path}.secretRef`),
    ...(count === 1 ? [] : [field.invalid(listPath, '', detail)]),
  ];
}
