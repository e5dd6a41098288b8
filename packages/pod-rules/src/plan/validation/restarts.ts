import type { Container } from '@nodeagent/kube-client';

import { field } from '../../model/field-error.js';
import { each, type Errors, neededOneOf } from './checks.js';

type Rule = NonNullable<Container['restartPolicyRules']>[number];

const POLICIES = ['Always', 'Never', 'OnFailure'];
const ACTIONS = ['Restart', 'RestartAllContainers'];
const OPERATORS = ['In', 'NotIn'];
const RESOURCES = ['cpu', 'memory'];
const RESIZES = ['NotRequired', 'RestartContainer'];
const MOST_RULES = 20;
const MOST_VALUES = 255;

/** @see Kubernetes 1.36 pkg/apis/core/validation/validation.go, validateContainerRestartPolicy */
export function restartErrors(
  { restartPolicy, restartPolicyRules: rules = [] }: Container,
  path: string,
): Errors {
  const policyAt = `${path}.restartPolicy`;
  const rulesAt = `${path}.restartPolicyRules`;
  const isOpen = restartPolicy === undefined && rules.length > 0;
  return [
    ...(isOpen
      ? [field.required(policyAt, 'must specify restartPolicy when restart rules are used')]
      : []),
    ...(restartPolicy === undefined || POLICIES.includes(restartPolicy)
      ? []
      : [field.notSupported(policyAt, restartPolicy, POLICIES)]),
    ...(rules.length > MOST_RULES ? [field.tooMany(rulesAt, rules.length, MOST_RULES)] : []),
    ...each(rules, rulesAt, ruleErrors),
  ];
}

function ruleErrors({ action, exitCodes }: Rule, path: string): Errors {
  const problems = ACTIONS.includes(action)
    ? []
    : [field.notSupported(`${path}.action`, action, ACTIONS)];
  const codesAt = `${path}.exitCodes`;
  if (exitCodes === undefined) return [...problems, field.required(codesAt, 'must be specified')];
  const { operator, values = [] } = exitCodes;
  return [
    ...problems,
    ...(OPERATORS.includes(operator)
      ? []
      : [field.notSupported(`${codesAt}.operator`, operator, OPERATORS)]),
    ...(values.length > MOST_VALUES
      ? [field.tooMany(`${codesAt}.values`, values.length, MOST_VALUES)]
      : []),
  ];
}

/**
 * @param restartPolicy the pod's policy: a container that is never restarted cannot restart for a
 *   resize
 */
export function resizePolicyErrors(
  { resizePolicy = [] }: Container,
  path: string,
  restartPolicy: string | undefined,
): Errors {
  const seen = new Set<string>();
  return resizePolicy.flatMap(({ resourceName, restartPolicy: wanted }, i) => {
    const isTwice = seen.has(resourceName);
    seen.add(resourceName);
    const isForbidden = restartPolicy === 'Never' && wanted !== 'NotRequired';
    return [
      ...(isTwice ? [field.duplicate(`${path}[${i}]`, resourceName)] : []),
      ...neededOneOf(path, resourceName, RESOURCES),
      ...neededOneOf(path, wanted, RESIZES),
      ...(isForbidden
        ? [field.invalid(path, wanted, "must be 'NotRequired' when pod `restartPolicy` is 'Never'")]
        : []),
    ];
  });
}

/** An init container that ends is not restarted for a resize. */
export function initResizeErrors({ resizePolicy, restartPolicy }: Container, path: string): Errors {
  if (restartPolicy === 'Always') return [];
  return each(resizePolicy, `${path}.resizePolicy`, ({ restartPolicy: wanted }, where) => {
    if (wanted !== 'RestartContainer') return [];
    const detail = "must not be set to 'RestartContainer' for non-sidecar initContainers";
    return [field.invalid(`${where}.restartPolicy`, wanted, detail)];
  });
}
