import type { Kind } from '../../model/kind.js';
import type { MatchResources } from '../../model/policy.js';

/** Kinds for which a policy is checked. */
const MOST_KINDS = 10;

/**
 * The kinds that a policy names without wildcards, sorted.
 *
 * @see Kubernetes 1.36 apiserver pkg/admission/plugin/policy/validating/typechecking.go
 */
export function kindsToCheck(
  { resourceRules = [] }: MatchResources,
  kinds: readonly Kind[],
): readonly Kind[] {
  const named = kinds.filter((kind) =>
    resourceRules.some(
      ({ apiGroups, apiVersions, resources }) =>
        ![...apiGroups, ...apiVersions].some((text) => text.includes('*')) &&
        apiGroups.includes(kind.group) &&
        apiVersions.includes(kind.version) &&
        resources.includes(kind.plural),
    ),
  );
  return named.sort((a, b) => (kindText(a) < kindText(b) ? -1 : 1)).slice(0, MOST_KINDS);
}

/** A kind as messages show it: `apps/v1, Kind=Deployment`. */
export function kindText({ group, version, kind }: Kind): string {
  return `${group}/${version}, Kind=${kind}`;
}
