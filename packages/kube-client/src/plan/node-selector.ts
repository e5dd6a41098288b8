import type { Node } from '../model/generated/api-types.js';
import { matchesLabels, selectorRequirements } from './selectors.js';

type Requirement = Readonly<{ key: string; operator: string; values?: readonly string[] }>;

/** Matches a node that fulfils all of its requirements; an empty term matches none. */
export interface NodeSelectorTerm {
  readonly matchExpressions?: readonly Requirement[];
  readonly matchFields?: readonly Requirement[];
}

/**
 * Reports whether one of the terms of a node selector holds for a node; a term without requirements
 * never does.
 */
export function matchesNodeTerms(terms: readonly NodeSelectorTerm[], { metadata }: Node): boolean {
  const fields = { 'metadata.name': metadata?.name ?? '' };
  return terms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    return holds(matchExpressions, metadata?.labels ?? {}) && holds(matchFields, fields);
  });
}

function holds(
  matchExpressions: readonly Requirement[],
  labels: Readonly<Record<string, string>>,
): boolean {
  return matchesLabels(selectorRequirements({ matchExpressions }) ?? [], labels);
}
