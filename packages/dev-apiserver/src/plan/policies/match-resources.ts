import type { Kind } from '../../model/kind.js';
import type { MatchResources, NamedRule } from '../../model/policy.js';
import type { AdmissionAttributes } from '../../model/webhook.js';
import { ruleFits } from '../webhooks/match.js';

/**
 * Returns the kind in which a policy wants to see a write.
 *
 * @param equivalents the kinds with the same storage
 * @returns undefined when the policy is not about the write; selectors are not looked at
 * @see Kubernetes 1.36 apiserver pkg/admission/plugin/policy/matching/matching.go
 */
export function selectedKind(
  { resourceRules = [], excludeResourceRules = [], matchPolicy }: MatchResources,
  attributes: AdmissionAttributes,
  equivalents: readonly Kind[],
): Kind | undefined {
  const find = (rules: readonly NamedRule[]): Kind | undefined => {
    const fits = (kind: Kind) =>
      rules.some((rule) => ruleFits(rule, { ...attributes, kind }) && hasName(rule, attributes));
    if (fits(attributes.kind)) return attributes.kind;
    return matchPolicy === 'Exact' ? undefined : equivalents.find(fits);
  };
  if (find(excludeResourceRules) !== undefined) return undefined;
  return resourceRules.length === 0 ? attributes.kind : find(resourceRules);
}

function hasName({ resourceNames = [] }: NamedRule, { name }: AdmissionAttributes): boolean {
  return resourceNames.length === 0 || resourceNames.includes(name);
}
