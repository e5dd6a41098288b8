import type { Kind } from '../../model/kind.js';
import type { Transition } from '../../model/review.js';
import type { Labels } from '../../model/selectors.js';
import type {
  AdmissionAttributes,
  LabelSelector,
  Webhook,
  WebhookRule,
} from '../../model/webhook.js';

/** Webhooks and policies never see writes of these, so that a broken one can be removed. */
const EXEMPT = new Set([
  'validatingwebhookconfigurations.admissionregistration.k8s.io',
  'mutatingwebhookconfigurations.admissionregistration.k8s.io',
  'validatingadmissionpolicies.admissionregistration.k8s.io',
  'validatingadmissionpolicybindings.admissionregistration.k8s.io',
]);

export function isExempt({ storage }: Kind): boolean {
  return EXEMPT.has(storage);
}

/**
 * Returns the kind in which a webhook wants to see a write: the request's own, or with
 * `matchPolicy: Equivalent` another one with the same storage.
 *
 * @param equivalents the kinds with the same storage
 * @returns undefined when no rule fits
 * @see Kubernetes 1.36 apiserver pkg/admission/plugin/webhook/predicates/rules/rules.go
 */
export function matchedKind(
  { rules = [], matchPolicy }: Webhook,
  attributes: AdmissionAttributes,
  equivalents: readonly Kind[],
): Kind | undefined {
  if (isExempt(attributes.kind)) return undefined;
  const fits = (kind: Kind) => rules.some((rule) => ruleFits(rule, { ...attributes, kind }));
  if (fits(attributes.kind)) return attributes.kind;
  return matchPolicy === 'Exact' ? undefined : equivalents.find(fits);
}

/** @see {@link matchedKind} */
export function ruleFits(rule: WebhookRule, attributes: AdmissionAttributes): boolean {
  const { kind, operation, subresource, namespace } = attributes;
  const has = (items: readonly string[], wanted: string): boolean =>
    items.includes('*') || items.includes(wanted);
  const { scope = '*' } = rule;
  const isClusterWide = namespace === '' || kind.storage === 'namespaces';
  return (
    (scope === '*' || (scope === 'Cluster') === isClusterWide) &&
    has(rule.operations, operation) &&
    has(rule.apiGroups, kind.group) &&
    has(rule.apiVersions, kind.version) &&
    rule.resources.some((resource) => {
      const [plural, part = ''] = resource.split('/');
      return (plural === '*' || plural === kind.plural) && (part === '*' || part === subresource);
    })
  );
}

/** @param namespace the labels of the object's namespace; undefined for cluster-wide objects */
export function selectorsFit(
  {
    objectSelector = {},
    namespaceSelector = {},
  }: Pick<Webhook, 'objectSelector' | 'namespaceSelector'>,
  { object, old }: Transition,
  namespace: Labels | undefined,
): boolean {
  if (namespace !== undefined && !selectorFits(namespaceSelector, namespace)) return false;
  return [object, old].some(
    (state) => state !== undefined && selectorFits(objectSelector, state.metadata.labels ?? {}),
  );
}

export function selectorFits(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values = [] }) => {
      const value = labels[key];
      if (operator === 'Exists') return value !== undefined;
      if (operator === 'DoesNotExist') return value === undefined;
      const isIn = value !== undefined && values.includes(value);
      return operator === 'In' ? isIn : !isIn;
    })
  );
}
