import { parseQuantity } from '@nodeagent/base';

import { type ApiObject, textAt, valueAt } from '../model/object.js';

const IS_DEFAULT = 'storageclass.kubernetes.io/is-default-class';
const BETA_IS_DEFAULT = 'storageclass.beta.kubernetes.io/is-default-class';
const BETA_CLASS = 'volume.beta.kubernetes.io/storage-class';

/**
 * Returns the class of a claim that names none, not even the empty one: the newest default class.
 *
 * @see Kubernetes 1.36 plugin/pkg/admission/storage/storageclass/setdefault
 */
export function defaultClassName(
  claim: ApiObject,
  classes: readonly ApiObject[],
): string | undefined {
  if (valueAt(claim, 'spec.storageClassName') !== undefined) return undefined;
  if (claim.metadata.annotations?.[BETA_CLASS] !== undefined) return undefined;
  const [first] = classes
    .filter(({ metadata: { annotations = {} } }) =>
      [IS_DEFAULT, BETA_IS_DEFAULT].some((name) => annotations[name] === 'true'),
    )
    .toSorted(newestFirst);
  return first?.metadata.name;
}

function newestFirst({ metadata: a }: ApiObject, { metadata: b }: ApiObject): number {
  const [left = '', right = ''] = [a.creationTimestamp, b.creationTimestamp];
  if (left !== right) return left > right ? -1 : 1;
  return (a.name ?? '') < (b.name ?? '') ? -1 : 1;
}

/**
 * Returns the reason why a claim may not ask for more; undefined when it may, or does not.
 *
 * @see Kubernetes 1.36 plugin/pkg/admission/storage/persistentvolume/resize
 */
export function expansionProblem(
  claim: ApiObject,
  old: ApiObject,
  classes: readonly ApiObject[],
): string | undefined {
  const asked = ({ spec }: ApiObject): bigint =>
    parseQuantity(textAt(spec, 'resources.requests.storage')) ?? 0n;
  if (asked(claim) <= asked(old)) return undefined;
  const name = old.metadata.annotations?.[BETA_CLASS] ?? textAt(old, 'spec.storageClassName');
  const found = classes.find(({ metadata }) => metadata.name === name);
  if (found?.['allowVolumeExpansion'] === true) return undefined;
  return 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize';
}
