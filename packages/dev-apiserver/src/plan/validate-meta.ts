import { dnsLabelErrors, dnsSubdomainErrors } from '@nodeagent/kube-client/pod-rules';

import { field, type FieldError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import type { ApiObject } from '../model/object.js';

const QUALIFIED = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/** Kinds whose names are one DNS label, and kinds that take any path segment. */
const LABEL_NAMED = new Set(['Namespace', 'Service']);
const PATH_NAMED = new Set([
  'CertificateSigningRequest',
  'ClusterTrustBundle',
  'Role',
  'RoleBinding',
  'ClusterRole',
  'ClusterRoleBinding',
  'IPAddress',
]);

export function validateMeta(kind: Kind, { metadata }: ApiObject): readonly FieldError[] {
  const name = metadata.name ?? '';
  const path = 'metadata.name';
  const errors: FieldError[] = [];
  if (name === '') errors.push(field.required(path, 'name or generateName is required'));
  else if (LABEL_NAMED.has(kind.kind)) errors.push(...dnsLabelErrors(path, name));
  else if (PATH_NAMED.has(kind.kind)) {
    if (/[/%]|^\.\.?$/.test(name)) errors.push(field.invalid(path, name, "may not contain '/'"));
  } else errors.push(...dnsSubdomainErrors(path, name));
  for (const [key, value] of Object.entries(metadata.labels ?? {})) {
    errors.push(...keyErrors('metadata.labels', key), ...labelValueErrors(key, value));
  }
  for (const key of Object.keys(metadata.annotations ?? {})) {
    errors.push(...keyErrors('metadata.annotations', key.toLowerCase()));
  }
  return errors;
}

function keyErrors(path: string, key: string): readonly FieldError[] {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const good =
    parts.length <= 2 &&
    name.length <= 63 &&
    QUALIFIED.test(name) &&
    (parts.length === 1 || dnsSubdomainErrors(path, parts[0] ?? '').length === 0);
  if (good) return [];
  const detail =
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  return [field.invalid(path, key, detail)];
}

function labelValueErrors(key: string, value: unknown): readonly FieldError[] {
  if (typeof value !== 'string') {
    return [field.invalid(`metadata.labels[${key}]`, value, 'must be a string')];
  }
  if (value === '' || (value.length <= 63 && QUALIFIED.test(value))) return [];
  const detail =
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
  return [field.invalid('metadata.labels', value, detail)];
}
