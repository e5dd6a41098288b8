import { placeOf } from './arrows.ts';

/** Sizes that lint allows. A larger file or room is split by subject. */
export const LIMITS = {
  /** Lines of a file below a package's `src`. */
  fileLines: 400,
  /** Lines of a room of the kubelet. */
  roomLines: 4000,
} as const;

const ROOMS_OF = 'packages/kubelet';

/**
 * Compares sizes with {@link LIMITS}. Generated files do not count.
 *
 * @param files lines by path below the repository's root
 */
export function sizeProblems(files: ReadonlyMap<string, number>): readonly string[] {
  const problems: string[] = [];
  const rooms = new Map<string, number>();
  for (const [path, lines] of files) {
    const place = placeOf(path);
    if (place === undefined || path.includes('/generated/')) continue;
    if (lines > LIMITS.fileLines) problems.push(over(path, lines, LIMITS.fileLines));
    if (place.dir !== ROOMS_OF || place.room === '') continue;
    const room = `${place.dir}/src/${place.room}`;
    rooms.set(room, (rooms.get(room) ?? 0) + lines);
  }
  for (const [room, lines] of rooms) {
    if (lines > LIMITS.roomLines) problems.push(over(`the room ${room}`, lines, LIMITS.roomLines));
  }
  return problems;
}

const over = (what: string, lines: number, limit: number): string =>
  `${what} has ${lines} lines, more than ${limit} (tools/lint/structure.ts): split it by subject`;

/** An import, by the paths of both files. */
export type Arrow = readonly [from: string, to: string];

/** Finds cycles of rooms, by whichever doors, and cycles of packages; one of each set of members. */
export function groupCycles(arrows: readonly Arrow[]): readonly string[] {
  const rooms = cyclesOf(arrows, (from, to) => {
    const [a, b] = [placeOf(from), placeOf(to)];
    if (a === undefined || b === undefined || a.dir !== b.dir) return undefined;
    if (a.room === '' || b.room === '') return undefined; // the package's own floor joins rooms
    return [`${a.dir}/src/${a.room}`, `${b.dir}/src/${b.room}`];
  });
  const packages = cyclesOf(arrows, (from, to) => {
    const [a, b] = [placeOf(from), placeOf(to)];
    return a === undefined || b === undefined ? undefined : [a.dir, b.dir];
  });
  return [
    ...rooms.map((cycle) => `cycle of rooms: ${cycle}`),
    ...packages.map((cycle) => `cycle of packages: ${cycle}`),
  ];
}

/** @param groupsOf the groups of both files; undefined for an arrow that does not count */
function cyclesOf(
  arrows: readonly Arrow[],
  groupsOf: (from: string, to: string) => readonly [string, string] | undefined,
): readonly string[] {
  /** One arrow of files for each arrow of groups. */
  const graph = new Map<string, Map<string, Arrow>>();
  for (const [from, to] of arrows) {
    const [a, b] = groupsOf(from, to) ?? ['', ''];
    if (a === b) continue;
    const next = graph.get(a) ?? new Map<string, Arrow>();
    if (!next.has(b)) next.set(b, [from, to]);
    graph.set(a, next);
  }
  const cycles = new Map<string, string>();
  for (const start of graph.keys()) {
    const way = wayBack(start, graph);
    if (way === undefined) continue;
    const members = way.map(([group]) => group);
    const key = [...new Set(members)].sort().join();
    const why = way.flatMap(([, arrow]) => (arrow === undefined ? [] : [arrow.join(' imports ')]));
    if (!cycles.has(key)) cycles.set(key, `${members.join(' → ')} (${why.join('; ')})`);
  }
  return [...cycles.values()];
}

type Step = readonly [group: string, arrow: Arrow | undefined];

/** The shortest way from a group back to itself, with the arrow that leads to each next group. */
function wayBack(
  start: string,
  graph: ReadonlyMap<string, ReadonlyMap<string, Arrow>>,
): readonly Step[] | undefined {
  const todo: (readonly Step[])[] = [[[start, undefined]]];
  const seen = new Set<string>();
  for (const way of todo) {
    const [group] = way.at(-1) ?? [start];
    for (const [next, arrow] of graph.get(group) ?? []) {
      const longer = [...way.slice(0, -1), [group, arrow] as const, [next, undefined] as const];
      if (next === start) return longer;
      if (seen.has(next)) continue;
      seen.add(next);
      todo.push(longer);
    }
  }
  return undefined;
}
