import { formatQuantity } from '@nodeagent/base';
import { asWritten, type PodSpec } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { type AmountRules, together } from '../pod-level-defaults.js';
import {
  amountOf,
  containerResourceNameErrors,
  isHugePages,
  podResourceNameErrors,
  resourceErrors,
} from './amounts.js';
import type { Errors } from './checks.js';

type Texts = Readonly<Record<string, string>>;

const AMOUNTS: AmountRules<bigint> = {
  read: (text) => amountOf(text) ?? 0n,
  add: (to, amount) => to + amount,
  larger: (challenger, holder) => (challenger > holder ? challenger : holder),
};

/**
 * Checks pod-level resources, which must cover the containers', and the pod's overhead.
 *
 * @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, validatePodResources
 */
export function podResourceErrors(spec: PodSpec, path: string): Errors {
  const claims = new Set((spec.resourceClaims ?? []).map(({ name }) => name));
  const { overhead, resources } = spec;
  const errors = [
    ...(overhead === undefined
      ? []
      : resourceErrors(
          `${path}.overhead`,
          { limits: overhead },
          { isName: containerResourceNameErrors, claims },
        )),
  ];
  if (resources === undefined) return errors;
  const where = `${path}.resources`;
  if (spec.os?.name === 'windows') {
    return [...errors, field.forbidden(where, 'may not be set for a windows pod')];
  }
  if (resources.claims !== undefined) {
    const detail = 'claims may not be set for Resources at pod-level';
    errors.push(field.forbidden(`${where}.claims`, detail));
  }
  return [
    ...errors,
    ...resourceErrors(where, resources, { isName: podResourceNameErrors, claims }),
    ...togetherErrors(spec, `${where}.requests`, 'requests'),
    ...togetherErrors(spec, `${where}.limits`, 'limits'),
    ...singleErrors(spec, where),
  ];
}

/**
 * The containers' total requests must not exceed the pod's; of limits only huge pages are added up.
 */
function togetherErrors(spec: PodSpec, path: string, kind: 'limits' | 'requests'): Errors {
  const own: Texts = spec.resources?.[kind] ?? {};
  return [...together(spec, kind, AMOUNTS)].flatMap(([name, amount]) => {
    const text = own[name];
    if (text === undefined || (kind === 'limits' && !isHugePages(name))) return [];
    if (amount <= AMOUNTS.read(text)) return [];
    const detail = `must be greater than or equal to aggregate container ${kind} of ${formatQuantity(amount)}`;
    return [field.invalid(`${path}[${name}]`, text, detail)];
  });
}

function singleErrors(spec: PodSpec, path: string): Errors {
  const own: Texts = spec.resources?.limits ?? {};
  return (asWritten(spec).containers ?? []).flatMap(({ resources }, i) =>
    Object.entries((resources?.limits ?? {}) as Texts).flatMap(([name, text]) => {
      const limit = own[name];
      if (limit === undefined || AMOUNTS.read(text) <= AMOUNTS.read(limit)) return [];
      const detail = `must be less than or equal to pod limits of ${limit}`;
      return [field.invalid(`${path}.containers[${i}][${name}].limits`, text, detail)];
    }),
  );
}
