import { dirname, join, relative } from 'node:path/posix';

import ts from 'typescript';

/** Reads files below the repository's root. */
export interface Sources {
  /** @returns undefined when the file does not exist */
  read(path: string): string | undefined;
}

/** One place where a file names another module. */
export interface ModuleImport {
  readonly specifier: string;
  /** Names as the other module exports them; `*` for all of them, or for none in particular. */
  readonly names: readonly string[];
  /** True if it disappears when types are erased. */
  readonly isType: boolean;
  /** True for `import()` of values, which happens at run time. */
  readonly isDynamic: boolean;
  /** Offsets in the text. */
  readonly start: number;
  readonly end: number;
}

export interface Module {
  readonly imports: readonly ModuleImport[];
  /** The names of `export { a as b } from 'x'`, or of an import: b → x and a. */
  readonly forwarded: ReadonlyMap<string, { readonly specifier: string; readonly name: string }>;
}

type Forward = readonly [name: string, to: { readonly specifier: string; readonly name: string }];

/**
 * Parses imports in every form: static, `export … from`, `import()`, `import('x').T`, `require`.
 */
export function parseModule(text: string): Module {
  const file = ts.createSourceFile('module.ts', text, ts.ScriptTarget.Latest, false);
  const imports: ModuleImport[] = [];
  const forwarded: Forward[] = [];
  const imported = new Map<string, Forward[1]>();
  const add = (
    node: ts.Node,
    specifier: ts.Node | undefined,
    more: Partial<ModuleImport>,
  ): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    imports.push({
      specifier: specifier.text,
      names: ['*'],
      isType: false,
      isDynamic: false,
      start: node.getStart(file),
      end: node.getEnd(),
      ...more,
    });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const { names, isType, locals } = clauseOf(node.importClause);
      add(node, node.moduleSpecifier, { names, isType });
      const specifier = textOf(node.moduleSpecifier);
      for (const [local, name] of locals) imported.set(local, { specifier, name });
    } else if (ts.isExportDeclaration(node) && node.exportClause !== undefined) {
      const elements = ts.isNamedExports(node.exportClause) ? node.exportClause.elements : [];
      const names = elements.map(originalName);
      const isType = node.isTypeOnly || allTypes(elements);
      add(node, node.moduleSpecifier, { names: names.length === 0 ? ['*'] : names, isType });
      for (const element of elements) {
        const name = originalName(element);
        const to =
          node.moduleSpecifier === undefined
            ? imported.get(name)
            : { specifier: textOf(node.moduleSpecifier), name };
        if (to !== undefined) forwarded.push([element.name.text, to]);
      }
    } else if (ts.isExportDeclaration(node)) {
      add(node, node.moduleSpecifier, { isType: node.isTypeOnly });
    } else if (ts.isImportEqualsDeclaration(node)) {
      const reference = node.moduleReference;
      if (ts.isExternalModuleReference(reference)) {
        add(node, reference.expression, { isType: node.isTypeOnly });
      }
    } else if (ts.isImportTypeNode(node)) {
      const literal = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined;
      const name = firstName(node.qualifier);
      add(node, literal, { isType: true, names: [name ?? '*'] });
    } else if (ts.isCallExpression(node)) {
      const isImport = node.expression.kind === ts.SyntaxKind.ImportKeyword;
      const isRequire = ts.isIdentifier(node.expression) && node.expression.text === 'require';
      if (isImport || isRequire) add(node, node.arguments[0], { isDynamic: true });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { imports, forwarded: new Map(forwarded) };
}

const textOf = (node: ts.Expression): string => (ts.isStringLiteralLike(node) ? node.text : '');

const originalName = ({ name, propertyName }: ts.ExportSpecifier | ts.ImportSpecifier): string =>
  (propertyName ?? name).text;

const allTypes = (elements: readonly (ts.ExportSpecifier | ts.ImportSpecifier)[]): boolean =>
  elements.length > 0 && elements.every(({ isTypeOnly }) => isTypeOnly);

function firstName(name: ts.EntityName | undefined): string | undefined {
  if (name === undefined) return undefined;
  return ts.isIdentifier(name) ? name.text : firstName(name.left);
}

function clauseOf(clause: ts.ImportClause | undefined): {
  readonly names: readonly string[];
  readonly isType: boolean;
  readonly locals: readonly (readonly [local: string, name: string])[];
} {
  if (clause === undefined) return { names: ['*'], isType: false, locals: [] };
  const bindings = clause.namedBindings;
  const isAll = bindings !== undefined && ts.isNamespaceImport(bindings);
  const elements = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
  const names = elements.map(originalName);
  if (isAll) names.push('*');
  if (clause.name !== undefined) names.push('default');
  const isTypeOnly = clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
  const isType = isTypeOnly || (clause.name === undefined && allTypes(elements));
  const locals = elements.map((element) => [element.name.text, originalName(element)] as const);
  return { names, isType, locals };
}

/** Resolves modules of the workspace by path and by name, and the file that declares a name. */
export interface Modules {
  /** @returns the file's path; `outside` for Node.js and npm; undefined when there is none */
  resolve(from: string, specifier: string): string | undefined;
  /** Follows re-exports to the file that declares a name. */
  originsOf(path: string, name: string): readonly string[];
  /** Files of the same package that a file imports, in any form. */
  importsOf(path: string): readonly string[];
}

/** @param packages folders of the workspace's packages, by npm name */
export function openModules(sources: Sources, packages: ReadonlyMap<string, string>): Modules {
  const parsed = new Map<string, Module>();
  const entries = new Map<string, ReadonlyMap<string, string>>();

  function moduleOf(path: string): Module {
    const known = parsed.get(path);
    if (known !== undefined) return known;
    const module = parseModule(sources.read(path) ?? '');
    parsed.set(path, module);
    return module;
  }

  function entriesOf(name: string, dir: string): ReadonlyMap<string, string> {
    const known = entries.get(name);
    if (known !== undefined) return known;
    const manifest = JSON.parse(sources.read(`${dir}/package.json`) ?? '{}') as Manifest;
    const paths = Object.entries(manifest.exports ?? {}).map(([subpath, target]) => {
      const source = typeof target === 'string' ? target : (target['@nodeagent/source'] ?? '');
      return [name + subpath.slice(1), join(dir, source)] as const;
    });
    entries.set(name, new Map(paths));
    return new Map(paths);
  }

  function resolve(from: string, specifier: string): string | undefined {
    if (specifier.startsWith('.') || specifier.startsWith('/')) {
      const path = specifier.startsWith('/') ? specifier.slice(1) : join(dirname(from), specifier);
      const candidates = [path.replace(/\.js$/, '.ts'), path, `${path}.ts`, `${path}/index.ts`];
      const found = candidates.find((candidate) => sources.read(candidate) !== undefined);
      // generated files may not exist yet; their declarations replace them
      return found ?? (path.includes('/generated/') ? path : undefined);
    }
    const name = specifier.split('/', 2).join('/');
    const dir = packages.get(name);
    return dir === undefined ? 'outside' : entriesOf(name, dir).get(specifier);
  }

  function originsOf(path: string, name: string): readonly string[] {
    const { forwarded } = moduleOf(path);
    const names = name === '*' ? [...forwarded.keys()] : [name];
    const origins = names.flatMap((each) => {
      const to = forwarded.get(each);
      const next = to === undefined ? undefined : resolve(path, to.specifier);
      if (to === undefined || next === undefined || next === 'outside') return [path];
      return originsOf(next, to.name);
    });
    return origins.length === 0 ? [path] : [...new Set(origins)];
  }

  const importsOf = (path: string): readonly string[] =>
    moduleOf(path).imports.flatMap(({ specifier }) => {
      const to = specifier.startsWith('.') ? resolve(path, specifier) : undefined;
      return to === undefined || relative(dirname(path), to).includes('generated/') ? [] : [to];
    });

  return { resolve, originsOf, importsOf };
}

interface Manifest {
  readonly exports?: Readonly<Record<string, string | { readonly '@nodeagent/source'?: string }>>;
}
