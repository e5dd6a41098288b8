import type { Pod, Volume } from '@nodeagent/kube-client';

type Projection = NonNullable<NonNullable<Volume['projected']>['sources']>[number];

/** One source of a projected volume, with its position. */
export interface ProjectedSource {
  readonly volume: string;
  /** Index among the volume's sources, from 0. */
  readonly index: number;
  readonly source: Projection;
}

/** The sources of all volumes, in order. */
export function projectedSources({ spec }: Pod): readonly ProjectedSource[] {
  return (spec?.volumes ?? []).flatMap(({ name: volume, projected }) =>
    (projected?.sources ?? []).map((source, index) => ({ volume, index, source })),
  );
}
