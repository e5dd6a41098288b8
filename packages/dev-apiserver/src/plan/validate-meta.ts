import {
  annotationErrors,
  dnsLabelErrors,
  dnsSubdomainErrors,
  labelErrors,
  qualifiedNameErrors,
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

/** @param old the state before an update */
export function validateMeta(
  kind: Kind,
  { metadata }: ApiObject,
  old?: ApiObject,
): readonly FieldError[] {
  const { name = '', generateName = '' } = metadata;
  const errors: FieldError[] = [];
  if (generateName !== '') {
    // the suffix follows a hyphen at the end
    const whole = generateName.replace(/-$/, 'a');
    const found = nameErrors(kind, 'metadata.generateName', whole);
    errors.push(
      ...found.map((one) => ({ ...one, message: one.message.replace(whole, generateName) })),
    );
  }
  if (name === '') {
    errors.push(field.required('metadata.name', 'name or generateName is required'));
  } else errors.push(...nameErrors(kind, 'metadata.name', name));
  return [
    ...errors,
    ...labelErrors('metadata.labels', metadata.labels),
    ...annotationErrors('metadata.annotations', metadata.annotations),
    ...ownerErrors(metadata.ownerReferences ?? []),
    ...finalizerErrors(kind, metadata.finalizers ?? []),
    ...(old === undefined ? [] : lateFinalizers(metadata, old.metadata)),
  ];
}

function nameErrors(kind: Kind, path: string, name: string): readonly FieldError[] {
  if (LABEL_NAMED.has(kind.kind)) return dnsLabelErrors(path, name);
  if (!PATH_NAMED.has(kind.kind)) return dnsSubdomainErrors(path, name);
  return /[/%]|^\.\.?$/.test(name) ? [field.invalid(path, name, "may not contain '/'")] : [];
}

type Metadata = ApiObject['metadata'];
type Owner = NonNullable<Metadata['ownerReferences']>[number];

/** @see Kubernetes 1.36 apimachinery pkg/api/validation/objectmeta.go */
function ownerErrors(owners: readonly Partial<Owner>[]): readonly FieldError[] {
  const path = 'metadata.ownerReferences';
  const controllers = owners.filter(({ controller }) => controller === true);
  const names = controllers.map(({ kind = '', name = '' }) => `${kind}/${name}`);
  const why = `Only one reference can have Controller set to true. Found "true" in references for ${names.slice(0, 2).join(' and ')}`;
  return [
    ...owners.flatMap(({ apiVersion = '', kind = '', name = '', uid = '' }) => [
      ...(apiVersion.split('/').at(-1) === ''
        ? [field.invalid(`${path}.apiVersion`, apiVersion, 'version must not be empty')]
        : []),
      ...Object.entries({ kind, name, uid }).flatMap(([part, text]) =>
        text === '' ? [field.invalid(`${path}.${part}`, '', 'must not be empty')] : [],
      ),
    ]),
    ...(controllers.length > 1 ? [field.invalid(path, owners, why)] : []),
  ];
}

/** Finalizers without a domain that the API itself knows. */
const STANDARD_FINALIZERS = new Set(['kubernetes', 'foregroundDeletion', 'orphan']);

/** The validation of these kinds does not know the standard finalizers; the name may be any. */
function takesAnyFinalizer({ custom, group }: Kind): boolean {
  return custom !== undefined || group === 'apiextensions.k8s.io';
}

export function isQualifiedFinalizer(name: string): boolean {
  return name.includes('/') || STANDARD_FINALIZERS.has(name);
}

function finalizerErrors(kind: Kind, finalizers: readonly string[]): readonly FieldError[] {
  const path = 'metadata.finalizers';
  const why = 'name is neither a standard finalizer name nor is it fully qualified';
  return [
    ...finalizers.flatMap((name, index) => [
      ...qualifiedNameErrors(path, name),
      ...(takesAnyFinalizer(kind) || isQualifiedFinalizer(name)
        ? []
        : [field.invalid(`${path}[${index}]`, name, why)]),
    ]),
    ...(finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')
      ? [
          field.invalid(
            path,
            finalizers,
            'finalizer orphan and finalizer foregroundDeletion cannot be both set',
          ),
        ]
      : []),
  ];
}

/** Nobody may delay a deletion that has begun. */
function lateFinalizers(metadata: Metadata, old: Metadata): readonly FieldError[] {
  if (old.deletionTimestamp === undefined) return [];
  const before = new Set(old.finalizers);
  const added = (metadata.finalizers ?? []).filter((name) => !before.has(name));
  if (added.length === 0) return [];
  const names = added.map((name) => JSON.stringify(name)).join(', ');
  const why = `no new finalizers can be added if the object is being deleted, found new finalizers []string{${names}}`;
  return [field.forbidden('metadata.finalizers', why)];
}
