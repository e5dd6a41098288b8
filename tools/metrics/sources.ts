import { registerHooks } from 'node:module';
import { runInNewContext } from 'node:vm';

import ts from 'typescript';

/** A metric as the sources register it. */
export interface RegisteredMetric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets: readonly number[] | undefined;
}

/** Values that the name of a metric depends on and that the file itself does not say. */
export type Choices = Readonly<Record<string, readonly string[]>>;

type Scope = Readonly<Record<string, unknown>>;

const METHODS = new Set(['counter', 'gauge', 'histogram']);

// sources import each other by the names that they get when they are built
registerHooks({
  resolve: (specifier, context, next) => {
    const isSource = context.parentURL?.endsWith('.ts') === true && specifier.startsWith('.');
    return next(isSource ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});

/**
 * Finds the metrics that a source file registers: every call of `counter`, `gauge` or `histogram`
 * with an object, evaluated with the file's constants and imports. A call inside a local helper
 * counts once for each call of the helper.
 *
 * @param url of the file, to import what the file imports
 * @throws {Error} if an expression cannot be evaluated
 */
export async function metricsOf(
  text: string,
  url: string,
  choices: Choices,
): Promise<readonly RegisteredMetric[]> {
  const file = ts.createSourceFile(url, text, ts.ScriptTarget.Latest, true);
  const imported = await importsOf(file, url);
  const found: RegisteredMetric[] = [];
  const visit = (node: ts.Node): void => {
    const type = registration(node);
    if (type !== undefined) {
      const { spec } = type;
      for (const scope of scopesOf(spec, file, choices)) {
        found.push(evaluate(spec, type.method, { ...imported, ...scope }));
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

interface Registration {
  readonly method: RegisteredMetric['type'];
  readonly spec: ts.Expression;
}

function registration(node: ts.Node): Registration | undefined {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression))
    return undefined;
  const { text } = node.expression.name;
  const [spec] = node.arguments;
  if (!METHODS.has(text) || spec === undefined) return undefined;
  const isSpec =
    ts.isObjectLiteralExpression(spec) &&
    spec.properties.some((one) => one.name !== undefined && one.name.getText() === 'name');
  return isSpec || ts.isElementAccessExpression(spec)
    ? { method: text as RegisteredMetric['type'], spec }
    : undefined;
}

async function importsOf(file: ts.SourceFile, url: string): Promise<Scope> {
  const scope: Record<string, unknown> = {};
  for (const statement of file.statements) {
    if (!ts.isImportDeclaration(statement)) continue;
    const { moduleSpecifier, importClause: clause } = statement;
    if (!ts.isStringLiteral(moduleSpecifier) || clause === undefined) continue;
    const { namedBindings } = clause;
    const isType = clause.phaseModifier === ts.SyntaxKind.TypeKeyword;
    if (isType || namedBindings === undefined || !ts.isNamedImports(namedBindings)) continue;
    const from = moduleSpecifier.text;
    const own = from.startsWith('.');
    if (!own && from !== '@nodeagent/base') continue; // it has functions for buckets
    const place = own ? new URL(from.replace(/\.js$/, '.ts'), url).href : from;
    const values = (await import(place)) as Scope;
    for (const { name } of namedBindings.elements) scope[name.text] = values[name.text];
  }
  return scope;
}

/** Scopes in which the expression has a value: one, or one for each call of its helper. */
function scopesOf(spec: ts.Expression, file: ts.SourceFile, choices: Choices): readonly Scope[] {
  const constants = constantsAround(spec);
  const helper = helperAround(spec);
  if (helper === undefined) {
    const chosen = Object.entries(choices).filter(([name]) => uses(spec, name));
    const [first] = chosen;
    if (first === undefined) return [constants];
    return first[1].map((value) => ({ ...constants, [first[0]]: value }));
  }
  const { name, parameters } = helper;
  return callsOf(name, file).map(({ arguments: given }) => {
    const scope: Record<string, unknown> = { ...constants };
    parameters.forEach((parameter, at) => {
      const value = given[at] ?? parameter.initializer;
      if (value !== undefined) scope[parameter.name.getText()] = value;
    });
    return scope;
  });
}

const uses = (node: ts.Node, name: string): boolean =>
  (ts.isIdentifier(node) && node.text === name) ||
  (ts.forEachChild(node, (child) => uses(child, name) || undefined) ?? false);

/** Initialisers of the constants that the node sees, outermost first; evaluated when used. */
function constantsAround(node: ts.Node): Scope {
  const scope: Record<string, unknown> = {};
  const blocks: ts.Node[] = [];
  for (let at = node; !ts.isSourceFile(at); at = at.parent) blocks.unshift(at);
  blocks.unshift(node.getSourceFile());
  for (const block of blocks) {
    if (!ts.isBlock(block) && !ts.isSourceFile(block)) continue;
    for (const statement of block.statements) {
      if (!ts.isVariableStatement(statement)) continue;
      for (const { name, initializer } of statement.declarationList.declarations) {
        if (ts.isIdentifier(name) && initializer !== undefined) scope[name.text] = initializer;
      }
    }
  }
  return scope;
}

interface Helper {
  readonly name: string;
  readonly parameters: readonly ts.ParameterDeclaration[];
}

/** The arrow function whose parameters the expression uses, e.g. `const gauge = (name) => …`. */
function helperAround(spec: ts.Expression): Helper | undefined {
  for (let at: ts.Node = spec; !ts.isSourceFile(at); at = at.parent) {
    if (!ts.isArrowFunction(at) || !ts.isVariableDeclaration(at.parent)) continue;
    const used = at.parameters.some(({ name }) => ts.isIdentifier(name) && uses(spec, name.text));
    if (used) return { name: at.parent.name.getText(), parameters: at.parameters };
  }
  return undefined;
}

function callsOf(name: string, file: ts.SourceFile): readonly ts.CallExpression[] {
  const calls: ts.CallExpression[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && node.expression.getText() === name) calls.push(node);
    ts.forEachChild(node, visit);
  };
  visit(file);
  return calls;
}

function evaluate(
  spec: ts.Expression,
  type: RegisteredMetric['type'],
  scope: Scope,
): RegisteredMetric {
  const { name, help, labelNames, buckets } = valueOf(spec, scope) as Readonly<{
    name: string;
    help: string;
    labelNames?: readonly string[];
    buckets?: readonly number[];
  }>;
  return { name, type, help, labels: [...(labelNames ?? [])], buckets: buckets && [...buckets] };
}

/** Evaluates an expression; constants of the scope may be expressions themselves. */
function valueOf(node: ts.Expression, scope: Scope): unknown {
  const values = new Map<string, unknown>();
  const context = new Proxy(
    {},
    {
      has: (_, key) => typeof key === 'string' && Object.hasOwn(scope, key),
      get: (_, key) => {
        if (typeof key !== 'string') return undefined;
        const value = scope[key];
        if (!isExpression(value)) return value;
        if (!values.has(key)) values.set(key, valueOf(value, scope));
        return values.get(key);
      },
    },
  );
  const plain = ts.transpileModule(`(${node.getText()})`, {
    compilerOptions: { target: ts.ScriptTarget.ESNext },
  }).outputText;
  return runInNewContext(`with (context) { ${plain} }`, { context, Array, Math });
}

const isExpression = (value: unknown): value is ts.Expression =>
  typeof value === 'object' && value !== null && 'kind' in value && 'getSourceFile' in value;
