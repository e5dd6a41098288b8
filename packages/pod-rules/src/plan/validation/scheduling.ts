import { asWritten, type PodSpec } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { dnsLabelErrors, dnsSubdomainErrors } from '../dns-names.js';
import { labelErrors, labelValueErrors, qualifiedNameErrors } from '../label-names.js';
import { each, type Errors, needed, oneOf } from './checks.js';

type Toleration = NonNullable<PodSpec['tolerations']>[number];
type Affinity = NonNullable<PodSpec['affinity']>;
type NodeAffinity = NonNullable<Affinity['nodeAffinity']>;
type NodeTerm = NonNullable<
  NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];
type NodeRequirement = NonNullable<NodeTerm['matchExpressions']>[number];
type PodAffinity = NonNullable<Affinity['podAffinity']>;
type PodTerm = NonNullable<PodAffinity['requiredDuringSchedulingIgnoredDuringExecution']>[number];
type LabelSelector = NonNullable<PodTerm['labelSelector']>;
type LabelRequirement = NonNullable<LabelSelector['matchExpressions']>[number];
type Spread = NonNullable<PodSpec['topologySpreadConstraints']>[number];

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
const PREFERRED = 'preferredDuringSchedulingIgnoredDuringExecution';

/** Checks the scheduling constraints: a node does not use them, but they must be valid. */
export function schedulingErrors(spec: PodSpec, path: string): Errors {
  const { nodeAffinity, podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const affinityAt = `${path}.affinity`;
  return [
    ...labelErrors(`${path}.nodeSelector`, spec.nodeSelector),
    ...(nodeAffinity === undefined
      ? []
      : nodeAffinityErrors(nodeAffinity, `${affinityAt}.nodeAffinity`)),
    ...(podAffinity === undefined
      ? []
      : podAffinityErrors(podAffinity, `${affinityAt}.podAffinity`)),
    ...(podAntiAffinity === undefined
      ? []
      : podAffinityErrors(podAntiAffinity, `${affinityAt}.podAntiAffinity`)),
    ...gateErrors(spec, `${path}.schedulingGates`),
    ...spreadErrors(spec.topologySpreadConstraints ?? [], `${path}.topologySpreadConstraints`),
    ...each(spec.tolerations, `${path}.tolerations`, tolerationErrors),
    ...oneOf(`${path}.preemptionPolicy`, spec.preemptionPolicy, ['PreemptLowerPriority', 'Never']),
  ];
}

function gateErrors({ schedulingGates }: PodSpec, path: string): Errors {
  const seen = new Set<string>();
  return each(schedulingGates, path, ({ name }, where) => {
    const isTwice = seen.has(name);
    seen.add(name);
    return [
      ...qualifiedNameErrors(where, name),
      ...(isTwice ? [field.duplicate(where, name)] : []),
    ];
  });
}

/** @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, ValidateTolerations */
function tolerationErrors(
  { key = '', operator = '', value = '', effect, tolerationSeconds }: Toleration,
  path: string,
): Errors {
  const operatorAt = `${path}.operator`;
  const errors = key === '' ? [] : [...qualifiedNameErrors(`${path}.key`, key)];
  if (key === '' && operator !== 'Exists') {
    const detail =
      'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(field.invalid(operatorAt, operator, detail));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
    errors.push(field.invalid(`${path}.effect`, effect ?? '', detail));
  }
  if (operator === 'Equal' || operator === '') {
    errors.push(...labelValueErrors(operatorAt, value));
  } else if (operator !== 'Exists') {
    errors.push(field.notSupported(operatorAt, operator, ['Equal', 'Exists']));
  } else if (value !== '') {
    const detail = "value must be empty when `operator` is 'Exists'";
    errors.push(field.invalid(operatorAt, value, detail));
  }
  return [...errors, ...oneOf(`${path}.effect`, effect, EFFECTS)];
}

function nodeAffinityErrors(affinity: NodeAffinity, path: string): Errors {
  const required = affinity[REQUIRED];
  const terms = required?.nodeSelectorTerms ?? [];
  const termsAt = `${path}.${REQUIRED}.nodeSelectorTerms`;
  return [
    ...(required !== undefined && terms.length === 0
      ? [field.required(termsAt, 'must have at least one node selector term')]
      : []),
    ...each(terms, termsAt, nodeTermErrors),
    ...each(affinity[PREFERRED], `${path}.${PREFERRED}`, ({ weight, preference }, where) => [
      ...weightErrors(weight, `${where}.weight`),
      ...nodeTermErrors(preference, `${where}.preference`),
    ]),
  ];
}

function weightErrors(weight: number, path: string): Errors {
  if (weight >= 1 && weight <= 100) return [];
  return [field.invalid(path, weight, 'must be in the range 1-100')];
}

function nodeTermErrors({ matchExpressions, matchFields }: NodeTerm, path: string): Errors {
  return [
    ...each(matchExpressions, `${path}.matchExpressions`, nodeLabelErrors),
    ...each(matchFields, `${path}.matchFields`, nodeFieldErrors),
  ];
}

function nodeLabelErrors(requirement: NodeRequirement, path: string): Errors {
  const { key, operator, values = [] } = requirement;
  const isCompared = operator === 'Gt' || operator === 'Lt';
  const detail = "must be specified single value when `operator` is 'Lt' or 'Gt'";
  const wrong = isCompared && values.length !== 1 ? [field.required(`${path}.values`, detail)] : [];
  return [
    ...(isCompared ? wrong : setErrors(requirement, path)),
    ...qualifiedNameErrors(`${path}.key`, key),
    ...each(values, `${path}.values`, (value, where) => labelValueErrors(where, value)),
  ];
}

/** In and NotIn require values, Exists and DoesNotExist forbid them. */
function setErrors(
  { operator, values = [] }: Pick<LabelRequirement, 'operator' | 'values'>,
  path: string,
): Errors {
  const valuesAt = `${path}.values`;
  switch (operator) {
    case 'In':
    case 'NotIn': {
      if (values.length > 0) return [];
      return [field.required(valuesAt, "must be specified when `operator` is 'In' or 'NotIn'")];
    }
    case 'Exists':
    case 'DoesNotExist': {
      if (values.length === 0) return [];
      const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
      return [field.forbidden(valuesAt, detail)];
    }
    default:
      return [field.invalid(`${path}.operator`, operator, 'not a valid selector operator')];
  }
}

function nodeFieldErrors({ key, operator, values = [] }: NodeRequirement, path: string): Errors {
  const detail =
    "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
  const isSet = operator === 'In' || operator === 'NotIn';
  return [
    ...(isSet
      ? values.length === 1
        ? []
        : [field.required(`${path}.values`, detail)]
      : [field.invalid(`${path}.operator`, operator, 'not a valid selector operator')]),
    ...(key === 'metadata.name'
      ? each(values, `${path}.values`, (value, where) => dnsSubdomainErrors(where, value))
      : [field.invalid(`${path}.key`, key, 'not a valid field selector key')]),
  ];
}

function podAffinityErrors(affinity: PodAffinity, path: string): Errors {
  return [
    ...each(affinity[REQUIRED], `${path}.${REQUIRED}`, podTermErrors),
    ...each(affinity[PREFERRED], `${path}.${PREFERRED}`, (weighted, where) => [
      ...weightErrors(weighted.weight, `${where}.weight`),
      ...podTermErrors(weighted.podAffinityTerm, `${where}.podAffinityTerm`),
    ]),
  ];
}

function podTermErrors(term: PodTerm, path: string): Errors {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey = '' } = asWritten(term);
  return [
    ...selectorErrors(labelSelector, `${path}.labelSelector`),
    ...selectorErrors(namespaceSelector, `${path}.namespaceSelector`),
    ...namespaces.flatMap((name) => dnsLabelErrors(`${path}.namespace`, name)),
    ...needed(`${path}.topologyKey`, topologyKey, 'can not be empty'),
    ...qualifiedNameErrors(`${path}.topologyKey`, topologyKey),
  ];
}

function selectorErrors(selector: LabelSelector | undefined, path: string): Errors {
  if (selector === undefined) return [];
  return [
    ...labelErrors(`${path}.matchLabels`, selector.matchLabels),
    ...each(selector.matchExpressions, `${path}.matchExpressions`, (requirement, where) => [
      ...setErrors(requirement, where),
      ...qualifiedNameErrors(`${where}.key`, requirement.key),
      ...each(requirement.values, `${where}.values`, (value, at) => labelValueErrors(at, value)),
    ]),
  ];
}

function spreadErrors(constraints: readonly Spread[], path: string): Errors {
  const seen = new Set<string>();
  const policies = ['Honor', 'Ignore'];
  const positive = 'must be greater than 0';
  return each(constraints, path, (constraint, where) => {
    const { maxSkew, topologyKey, whenUnsatisfiable, minDomains, labelSelector } = constraint;
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    const isTwice = seen.has(pair);
    seen.add(pair);
    const domainsAt = `${where}.minDomains`;
    const needsStop = minDomains !== undefined && whenUnsatisfiable !== 'DoNotSchedule';
    const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
    return [
      ...(maxSkew > 0 ? [] : [field.invalid(`${where}.maxSkew`, maxSkew, positive)]),
      ...needed(`${where}.topologyKey`, topologyKey, 'can not be empty'),
      ...(['DoNotSchedule', 'ScheduleAnyway'].includes(whenUnsatisfiable)
        ? []
        : [
            field.notSupported(`${where}.whenUnsatisfiable`, whenUnsatisfiable, [
              'DoNotSchedule',
              'ScheduleAnyway',
            ]),
          ]),
      ...(isTwice ? [field.duplicate(`${where}.{topologyKey, whenUnsatisfiable}`, pair)] : []),
      ...((minDomains ?? 1) > 0 ? [] : [field.invalid(domainsAt, minDomains, positive)]),
      ...(needsStop ? [field.invalid(domainsAt, minDomains, detail)] : []),
      ...oneOf(`${where}.nodeAffinityPolicy`, constraint.nodeAffinityPolicy, policies),
      ...oneOf(`${where}.nodeTaintsPolicy`, constraint.nodeTaintsPolicy, policies),
      ...selectorErrors(labelSelector, `${where}.labelSelector`),
    ];
  });
}
