import { type Manifest, nextVersion } from './plan.ts';

/** A package beside the one that the registry has of its version. */
export type Standing =
  /** The registry has no package of this version. */
  | 'unpublished'
  /** The same files. */
  | 'same'
  | 'changed';

/** A package that gets another version. */
export interface Move {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

/** How far packages move: `patch`, `minor`, `major` or a version. */
export interface Levels {
  readonly all: string;
  readonly of: ReadonlyMap<string, string>;
}

const OURS = '@nodeagent/';
const RANGE = /^( *"(@nodeagent\/[^"]+)": ")([^"]+)(",?)$/;

/**
 * Reads the arguments of a release: a level for all packages that move, and `NAME=LEVEL` for single
 * ones, which then move in any case.
 *
 * @throws {Error} for a name that no package has
 */
export function readLevels(args: readonly string[], names: readonly string[]): Levels {
  const of = new Map<string, string>();
  let all = 'patch';
  for (const arg of args) {
    const [first = '', level] = arg.split('=');
    const name = names.find((each) => each === first || each === `${OURS}${first}`);
    if (level === undefined) all = first;
    else if (name === undefined) throw new Error(`${arg}: no package has this name`);
    else of.set(name, level);
  }
  return { all, of };
}

/**
 * Decides which packages move: those whose files differ from the registry's, those named, and those
 * with a dependency that leaves their range, which move by `patch`. Packages whose version is not at
 * the registry keep it, because it is still to be published.
 */
export function planMoves(
  manifests: readonly Manifest[],
  standings: ReadonlyMap<string, Standing>,
  { all, of }: Levels,
): readonly Move[] {
  const moves = new Map<string, Move>();
  const move = ({ name, version }: Manifest, level: string, why: string): void => {
    moves.set(name, { name, from: version, to: nextVersion(version, level), why });
  };
  for (const manifest of manifests) {
    const level = of.get(manifest.name);
    const standing = standings.get(manifest.name);
    if (level !== undefined) move(manifest, level, `${level}, as asked`);
    else if (standing === 'changed') move(manifest, all, 'its files changed');
  }
  for (let before = -1; before < moves.size;) {
    before = moves.size;
    for (const manifest of manifests) {
      const left = [...moves.values()].find(({ name, to }) => {
        const range = manifest.dependencies?.[name];
        return range !== undefined && !isInRange(range, to);
      });
      const stays = moves.has(manifest.name) || standings.get(manifest.name) === 'unpublished';
      if (left === undefined || stays) continue;
      move(manifest, 'patch', `${left.name} ${left.to} is outside of its range`);
    }
  }
  return manifests.flatMap(({ name }) => moves.get(name) ?? []);
}

/** Reports whether a version satisfies `^1.2.3`; a range of another form is only met by itself. */
export function isInRange(range: string, version: string): boolean {
  if (!range.startsWith('^')) return range === version;
  const least = range.slice(1).split('.').map(Number);
  const given = version.split('.').map(Number);
  const first = least.findIndex((part) => part !== 0);
  const fixed = first === -1 ? 2 : first;
  const differs = given.findIndex((part, i) => part !== least[i]);
  return differs === -1 || (differs > fixed && (given[differs] ?? 0) > (least[differs] ?? 0));
}

/**
 * Returns the text of a `package.json` with the versions after a release; nothing else changes. A
 * package that is to be published depends on the versions with which it was built; another's ranges
 * change only where they would no longer be met.
 */
export function withVersions(
  text: string,
  versions: ReadonlyMap<string, string>,
  isPublished: boolean,
): string {
  const { name = '' } = JSON.parse(text) as { name?: string };
  const own = versions.get(name);
  const lines = text.split('\n').map((line) => {
    const [, head = '', other = '', range = '', tail = ''] = RANGE.exec(line) ?? [];
    const version = versions.get(other);
    if (version === undefined || (!isPublished && isInRange(range, version))) return line;
    return `${head}^${version}${tail}`;
  });
  const changed = lines.join('\n');
  return own === undefined
    ? changed
    : changed.replace(/^( *"version": ")[^"]*/m, (_, key: string) => `${key}${own}`);
}

/** Lists what would stop a release: dependencies of ours that are unpublished, or not ranges `^`. */
export function rangeProblems(manifests: readonly Manifest[]): readonly string[] {
  const versions = new Map(manifests.map(({ name, version }) => [name, version]));
  return manifests.flatMap((manifest) =>
    Object.entries(manifest.dependencies ?? {})
      .filter(([name]) => name.startsWith(OURS))
      .flatMap(([name, range]) => {
        const version = versions.get(name);
        const place = `${manifest.name} depends on ${name}`;
        if (version === undefined) return [`${place}, which is not published`];
        if (!range.startsWith('^')) return [`${place} ${range}: write ^${version}`];
        return isInRange(range, version)
          ? []
          : [`${place} ${range}, which ${version} does not meet`];
      }),
  );
}
