import { builtinModules } from 'node:module';

import { bundledName } from '../bundle-third-party.ts';
import { parseModule } from './modules.ts';

/** The parts of a package.json that name other packages. */
export interface Manifest {
  readonly name: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  /** A name whose only target is below `dist/bundled` is a package that this one carries. */
  readonly imports?: Readonly<Record<string, unknown>>;
}

/** A dependency without an import that stays for a reason. */
export interface Unimported {
  /** The package whose package.json names it. */
  readonly in: string;
  readonly name: string;
  readonly why: string;
}

export const UNIMPORTED: readonly Unimported[] = [
  {
    in: '@nodeagent/kube-client',
    name: '@kubernetes/client-node',
    why: 'an optional peer: a function takes its KubeConfig without importing it',
  },
  {
    in: '@nodeagent/netlink-codec',
    name: 'netlink',
    why: 'an optional peer: its add-on is loaded from a path for the platform',
  },
  {
    in: '@nodeagent/tools',
    name: '@kubernetes/client-node',
    why: 'the source of the generated types of API objects',
  },
  {
    in: '@nodeagent/tools',
    name: 'netlink',
    why: 'the source of the native add-on',
  },
];

const BUILT_IN = new Set(builtinModules);

/** Lists the packages whose modules a text imports, types and `import()` included. */
export function packagesOf(text: string): readonly string[] {
  const names = parseModule(text).imports.flatMap(({ specifier }) => {
    const isOwn = /^[./#]/.test(specifier);
    if (isOwn || specifier.startsWith('node:') || BUILT_IN.has(specifier)) return [];
    return [specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')];
  });
  return [...new Set(names)];
}

export interface PackageImports {
  /** Packages that the shipped source imports. */
  readonly source: ReadonlySet<string>;
  /** Packages that tests, benchmarks and configuration import. */
  readonly others: ReadonlySet<string>;
}

/**
 * Compares a package.json with the imports of its package: `dependencies` are the packages that the
 * source imports, `devDependencies` those that only tests and configuration import, and those that
 * the package carries. Declarations (`@types/x`) belong to the package that they describe.
 *
 * @param shared packages of the root's package.json, which tests and configuration may use
 */
export function dependencyProblems(
  manifest: Manifest,
  imports: PackageImports,
  shared: ReadonlySet<string>,
  unimported: readonly Unimported[] = UNIMPORTED,
): readonly string[] {
  const { name, dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = manifest;
  const shipped = new Set(
    Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }),
  );
  const forTests = new Set(Object.keys(manifest.devDependencies ?? {}));
  const isExcused = (of: string): boolean =>
    unimported.some((one) => one.in === name && one.name === of);
  const isUsed = (of: string, by: ReadonlySet<string>): boolean =>
    by.has(of) || by.has(describedBy(of)) || isExcused(of);
  const isCarried = (of: string): boolean =>
    manifest.imports?.[`#${bundledName(of)}`] === `./dist/bundled/${bundledName(of)}.js`;
  const everywhere = new Set([...imports.source, ...imports.others]);
  const problems = [
    ...[...imports.source]
      .filter((of) => of !== name && !shipped.has(of) && !(isCarried(of) && forTests.has(of)))
      .map((of) => `the source imports ${of}: add it to dependencies`),
    ...[...shipped]
      .filter((of) => isCarried(of))
      .map((of) => `${of} is carried in dist/bundled: move it to devDependencies`),
    ...[...imports.others]
      .filter((of) => of !== name && !shipped.has(of) && !forTests.has(of) && !shared.has(of))
      .map((of) => `tests or configuration import ${of}: add it to devDependencies`),
    ...[...shipped]
      .filter((of) => !isUsed(of, imports.source))
      .map((of) =>
        isUsed(of, imports.others)
          ? `only tests or configuration import ${of}: move it to devDependencies`
          : `nothing imports ${of}: remove it from dependencies`,
      ),
    ...[...forTests]
      .filter((of) => shipped.has(of) || !isUsed(of, everywhere))
      .map((of) =>
        shipped.has(of)
          ? `${of} is a dependency already: remove it from devDependencies`
          : `nothing imports ${of}: remove it from devDependencies`,
      ),
  ];
  return problems.map((problem) => `${name}: ${problem}`);
}

/** `@types/a__b` describes `@a/b`. */
function describedBy(name: string): string {
  const bare = /^@types\/(.+)$/.exec(name)?.[1] ?? name;
  return bare.includes('__') ? `@${bare.replace('__', '/')}` : bare;
}
