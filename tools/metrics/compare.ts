import type { RegisteredMetric } from './sources.ts';

/** A metric of the reference; one line of `reference.json`. */
export interface ReferenceMetric {
  readonly name: string;
  /** `custom`: computed at each scrape, in any form. */
  readonly type: 'counter' | 'gauge' | 'histogram' | 'custom';
  readonly stability: string;
  readonly labels?: readonly string[];
  readonly buckets?: readonly number[];
  readonly agents: readonly string[];
  readonly page: string;
}

/** One row of docs/metrics.md. */
export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly state: string;
}

export interface Agent {
  readonly name: string;
  readonly registered: ReadonlyMap<string, RegisteredMetric>;
  /** True for names that the agent writes into a page by itself. */
  readonly isWritten: (name: string) => boolean;
}

/**
 * Compares an agent with the reference.
 *
 * @param absent reasons by name; a name may begin or end with `*`
 * @returns rows of the reference's metrics, then of the agent's own; and one line per difference
 */
export function compare(
  agent: Agent,
  reference: readonly ReferenceMetric[],
  absent: Readonly<Record<string, string>>,
): Readonly<{
  rows: readonly MetricRow[];
  problems: readonly string[];
  used: ReadonlySet<string>;
}> {
  const problems: string[] = [];
  const used = new Set<string>();
  const expected = reference.filter(({ agents }) => agents.includes(agent.name));
  const rows = expected.map(({ name, type, labels = [], ...more }): MetricRow => {
    const ours = agent.registered.get(name);
    const row = { name, type, labels };
    if (ours !== undefined) {
      problems.push(...differences(ours, { name, type, labels, ...more }));
      return { ...row, type: ours.type, state: 'as in Kubernetes' };
    }
    if (agent.isWritten(name)) return { ...row, state: `on ${more.page}` };
    const pattern = Object.keys(absent).find((one) => matches(one, name));
    if (pattern !== undefined) used.add(pattern);
    else problems.push(`${agent.name} lacks ${name}, without a reason in tools/metrics/absent.ts`);
    return { ...row, state: `absent: ${absent[pattern ?? ''] ?? ''}` };
  });
  const known = new Set(expected.map(({ name }) => name));
  const own = [...agent.registered.values()]
    .filter(({ name }) => !known.has(name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, type, labels, help }): MetricRow => ({ name, type, labels, state: help }));
  return { rows: [...rows, ...own], problems, used };
}

const matches = (pattern: string, name: string): boolean => {
  if (pattern.startsWith('*')) return name.endsWith(pattern.slice(1));
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
};

function differences(ours: RegisteredMetric, theirs: ReferenceMetric): readonly string[] {
  const { name, type } = theirs;
  const found: string[] = [];
  if (type !== 'custom' && ours.type !== type)
    found.push(`${name} is a ${ours.type}, not a ${type}`);
  const [have, want] = [ours.labels, theirs.labels ?? []].map((list) =>
    [...list].sort().join(', '),
  );
  if (have !== want) found.push(`${name} has the labels ${have}; Kubernetes' has ${want}`);
  if (type !== 'histogram' || theirs.buckets === undefined) return found;
  if (!isSameBuckets(ours.buckets ?? [], theirs.buckets)) {
    const ends = [ours.buckets ?? [], theirs.buckets].map((list) => list.join(' '));
    found.push(`${name} has the buckets ${ends.join("; Kubernetes' has ")}`);
  }
  return found;
}

/** Bounds that only differ in their last digit are the same: they are computed. */
function isSameBuckets(ours: readonly number[], theirs: readonly number[]): boolean {
  return (
    ours.length === theirs.length &&
    ours.every((bound, at) => Math.abs(bound - (theirs[at] ?? 0)) <= 1e-9 * Math.abs(bound))
  );
}
