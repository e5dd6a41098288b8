import {
  annotationErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  labelErrors,
} from '@nodeagent/pod-rules';

import { field, type FieldError } from '../model/errors.js';
import type { Kind } from '../model/kind.js';
import type { ApiObject } from '../model/object.js';

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
  return [
    ...errors,
    ...labelErrors('metadata.labels', metadata.labels),
    ...annotationErrors('metadata.annotations', metadata.annotations),
  ];
}
