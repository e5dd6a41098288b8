import type { DeclarationReflection, ProjectReflection } from 'typedoc';

/**
 * Finds exported symbols without a comment. Their fields need none: a name and a type say most of what
 * there is to say, and a comment that only repeats them would hide those that state a fact.
 *
 * @returns names as `@nodeagent/ipvs.diff`
 */
export function undocumented(project: ProjectReflection): readonly string[] {
  return (project.children ?? []).flatMap((module) =>
    (module.children ?? [])
      .filter((symbol) => !symbol.isReference() && !isDocumented(symbol))
      .map((symbol) => `${module.name}.${symbol.name}`),
  );
}

function isDocumented({ comment, signatures = [], type }: DeclarationReflection): boolean {
  const ofType = type?.type === 'reflection' ? (type.declaration.signatures ?? []) : [];
  return [comment, ...[...signatures, ...ofType].map((one) => one.comment)].some(
    (found) => found?.hasVisibleComponent() === true,
  );
}
