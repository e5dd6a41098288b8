import { builtinModules } from 'node:module';

import type { ModuleImport, Modules } from './modules.ts';
import {
  CYCLES,
  type Exception,
  EXCEPTIONS,
  GATHERERS,
  type Role,
  ROLE_ROWS,
  type RoleRow,
  ROOM_DOORS,
} from './roles.ts';

/** The place of a file. Rooms are folders between `src` and the role's folder. */
export interface Place {
  /** `packages/kubelet`. */
  readonly dir: string;
  /** `pods`, or empty in a package without rooms. */
  readonly room: string;
  readonly role: Role;
  /** True for `index.ts` of a room or of a role's folder, through which other code enters. */
  readonly isDoor: boolean;
}

const FOLDERS: ReadonlySet<string> = new Set<Role>([
  ...(['model', 'plan', 'render', 'codec', 'run', 'adapters', 'testing', 'bin'] as const),
]);

/** @returns undefined for files outside of a package's `src` */
export function placeOf(path: string): Place | undefined {
  const [group = '', name = '', src, ...rest] = path.split('/');
  const file = rest.pop();
  if (!/^(packages|apps)$/.test(group) || src !== 'src' || file === undefined) return undefined;
  const dir = `${group}/${name}`;
  const at = rest.findIndex((folder) => FOLDERS.has(folder));
  const isIndex = file === 'index.ts';
  if (at === -1) {
    const role = isIndex ? 'index' : file === 'ports.ts' ? 'ports' : 'src';
    return { dir, room: rest.join('/'), role, isDoor: isIndex };
  }
  const room = rest.slice(0, at).join('/');
  const folder = rest[at] as Role;
  // types of data are the model, whoever wrote them
  const role = rest.includes('generated') && folder !== 'model' ? 'generated' : folder;
  return { dir, room, role, isDoor: isIndex && rest.length === at + 1 };
}

export const rowOf = (role: Role): RoleRow | undefined =>
  ROLE_ROWS.find(({ roles }) => roles.includes(role));

const BUILT_IN = new Set(builtinModules.map((name) => name.replace(/^node:/, '')));

/** Judges one import of one file by the table. Returns one message per problem. */
export function judgeImport(
  from: string,
  given: ModuleImport,
  modules: Modules,
  exceptions: readonly Exception[] = EXCEPTIONS,
): string | undefined {
  const place = placeOf(from);
  const row = place === undefined ? undefined : rowOf(place.role);
  if (place === undefined || row === undefined) return undefined;
  const to = modules.resolve(from, given.specifier);
  if (row.typesOnly === true && !given.isType) return `${row.title} may import types only`;
  if (to === 'outside') return judgeOutside(row, given);
  if (to === undefined) return `no file of the workspace, or not published: '${given.specifier}'`;
  if (given.isDynamic && isPure(row)) return `${row.title} may not wait for an import()`;
  const target = placeOf(to);
  const isRelative = given.specifier.startsWith('.') || given.specifier.startsWith('/');
  if (target === undefined) return `'${to}' is not source of a package`;
  if (isRelative !== (target.dir === place.dir)) {
    return isRelative ? 'import another package by its name' : 'import your own package by path';
  }
  if (exceptions.some((exception) => allows(exception, from, to))) return undefined;
  if (isRelative && target.room !== place.room && !mayEnter(from, target)) {
    return `enter the room '${target.room}' by its index.ts`;
  }
  const isAllowed = (origin: string): boolean =>
    exceptions.some((exception) => allows(exception, from, origin));
  return (
    judgeOrigins(row, given, to, modules, isAllowed) ??
    judgeDoor(place, given, to, modules, isAllowed)
  );
}

/** A room's door shows only what its kind of caller may use. */
function judgeDoor(
  { isDoor, room, role }: Place,
  given: ModuleImport,
  to: string,
  modules: Modules,
  isAllowed: (origin: string) => boolean,
): string | undefined {
  const shown = isDoor && room !== '' ? ROOM_DOORS[role] : undefined;
  if (shown === undefined) return undefined;
  const origins = given.names.flatMap((name) => modules.originsOf(to, name));
  const wrong = origins.find((origin) => {
    const found = placeOf(origin)?.role;
    return found !== undefined && !shown.includes(found) && !isAllowed(origin);
  });
  if (wrong === undefined) return undefined;
  return `this door of the room '${room}' shows only ${shown.map((one) => `${one}/`).join(' ')}, not ${wrong}`;
}

/** A door's own role does not matter: the table applies to the file that each name comes from. */
function judgeOrigins(
  row: RoleRow,
  given: ModuleImport,
  to: string,
  modules: Modules,
  isAllowed: (origin: string) => boolean,
): string | undefined {
  for (const name of given.names) {
    for (const origin of modules.originsOf(to, name)) {
      const role = placeOf(origin)?.role;
      if (role === undefined || row.mayImport.includes(role) || isAllowed(origin)) continue;
      if (role === 'index' && name === '*' && origin === to) continue; // a door without names
      const what = name === '*' ? 'this' : `'${name}'`;
      return `${row.title} may not import ${what} from ${rowOf(role)?.title ?? role} (${origin})`;
    }
  }
  return undefined;
}

/** Rooms are entered by a door, the package's own floor by any file. */
const mayEnter = (from: string, target: Place): boolean =>
  target.isDoor ||
  target.room === '' ||
  (target.role === 'adapters' && GATHERERS.some((folder) => from.startsWith(folder)));

const isPure = ({ mayUseGlobals, mayImport }: RoleRow): boolean =>
  !mayUseGlobals && !mayImport.includes('run');

function judgeOutside(row: RoleRow, given: ModuleImport): string | undefined {
  if (row.outside === 'any') return undefined;
  const { specifier, names, isType } = given;
  const bare = specifier.replace(/^node:/, '');
  const key = BUILT_IN.has(bare) ? `node:${bare}` : specifier;
  const root = key.startsWith('node:') ? key : packageName(key);
  const allowed = row.outside[key] ?? row.outside[root];
  if (allowed === 'any' || (allowed === 'types' && isType)) return undefined;
  if (allowed === undefined || allowed === 'types') return `${row.title} may not import '${key}'`;
  const refused = names.find((name) => !allowed.includes(name));
  if (refused === undefined || isType) return undefined;
  const what = refused === '*' ? `all of '${key}'` : `'${refused}' of '${key}'`;
  return `${row.title} may not import ${what}, only ${allowed.join(', ')}`;
}

const packageName = (specifier: string): string =>
  specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');

/** Reports whether an exception covers an arrow. */
export function allows({ from, to }: Exception, source: string, target: string): boolean {
  const covers = (path: string, of: string): boolean =>
    path.endsWith('/') ? of.startsWith(path) : of === path;
  return covers(from, source) && covers(to, target);
}

/**
 * @returns the path from a file's import back to the file, if there is one that no exception
 *   covers
 */
export function findCycle(
  from: string,
  to: string,
  modules: Modules,
  excused: readonly Exception[] = CYCLES,
): readonly string[] | undefined {
  const isCut = (a: string, b: string): boolean => excused.some((one) => allows(one, a, b));
  if (isCut(from, to)) return undefined;
  const cameFrom = new Map<string, string>([[to, from]]);
  for (const path of cameFrom.keys()) {
    if (path === from) return wayBack(from, cameFrom);
    for (const next of modules.importsOf(path)) {
      if (!isCut(path, next) && !cameFrom.has(next)) cameFrom.set(next, path);
    }
  }
  return undefined;
}

function wayBack(from: string, cameFrom: ReadonlyMap<string, string>): readonly string[] {
  const way = [from];
  let path = cameFrom.get(from);
  while (path !== undefined && path !== from) {
    way.unshift(path);
    path = cameFrom.get(path);
  }
  return [from, ...way];
}
