/**
 * Generates the types of Kubernetes' API objects, with the API's own description of each field:
 * `node generate-api-types.ts <output.ts>`, relative to the working directory.
 *
 * The source is the models of `@kubernetes/client-node`, which its authors generate from the API's
 * OpenAPI document. Their classes describe objects of that library; these types describe JSON: a
 * time is RFC 3339 text, and a field has the name that it has on the wire.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import ts from 'typescript';

import { clientNodeFolder, publicName, readNewestKinds } from './client-node-kinds.ts';

/** Objects that are no kinds of their own: bodies and answers of subresources and of deletions. */
const FURTHER = ['AuthenticationV1TokenRequest', 'V1Eviction', 'V1Scale', 'V1Status'];
/** The kinds that @nodeagent/kube-client names; types that they use follow. */
const ROOTS = [...FURTHER, ...readNewestKinds().map(({ model }) => model)];

interface Model {
  readonly name: string;
  readonly description: string | undefined;
  readonly fields: readonly string[];
}

const output = process.argv[2];
if (output === undefined) {
  console.error('usage: node generate-api-types.ts <output.ts>');
  process.exit(2);
}
const library = clientNodeFolder();
const { version } = JSON.parse(readFileSync(join(library, 'package.json'), 'utf8')) as {
  readonly version: string;
};
mkdirSync(dirname(output), { recursive: true });
writeFileSync(output, render(collect(ROOTS)));

/** Reads the models and all models that they use, in the order of their public names. */
function collect(roots: readonly string[]): readonly Model[] {
  const found = new Map<string, Model>();
  const waiting = [...roots];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (found.has(name)) continue;
    const { model, uses } = read(name);
    found.set(name, model);
    waiting.push(...uses);
  }
  const models = [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const twice = models.find(({ name }, i) => models[i + 1]?.name === name);
  if (twice !== undefined) throw new Error(`two models are called ${twice.name}: add one to NAMES`);
  return models;
}

function read(model: string): { model: Model; uses: readonly string[] } {
  const path = join(library, 'dist/gen/models', `${model}.d.ts`);
  const source = ts.createSourceFile(
    path,
    readFileSync(path, 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const declared = source.statements.find(ts.isClassDeclaration);
  if (declared === undefined) throw new Error(`${path}: no class`);
  const wireNames = readWireNames(model);
  const uses: string[] = [];
  const fields = declared.members.filter(ts.isPropertyDeclaration).flatMap((member) => {
    if (member.modifiers !== undefined || member.type === undefined) return []; // static
    const name = (member.name as ts.StringLiteral).text;
    const field = wireNames.get(name);
    if (field === undefined) throw new Error(`${path}: ${name} has no name on the wire`);
    const mark = member.questionToken === undefined ? '' : '?';
    return [`${comment(member, '  ')}  ${quoted(field)}${mark}: ${typeOf(member.type, uses)};`];
  });
  const description = comment(declared, '');
  return { model: { name: publicName(model), description, fields }, uses };
}

/** Reads the names of a model's fields in JSON, by their names in the library: `_default` → `default`. */
function readWireNames(model: string): ReadonlyMap<string, string> {
  const code = readFileSync(join(library, 'dist/gen/models', `${model}.js`), 'utf8');
  const pairs = code.matchAll(/"name": "(?<name>[^"]+)",\s+"baseName": "(?<wire>[^"]+)"/g);
  return new Map([...pairs].map(({ groups: { name = '', wire = '' } = {} }) => [name, wire]));
}

function quoted(field: string): string {
  return /^[\w$]+$/.test(field) ? field : `'${field}'`;
}

/** @param uses receives the models that the type names */
function typeOf(node: ts.TypeNode, uses: string[]): string {
  if (ts.isTypeLiteralNode(node)) {
    const [signature] = node.members;
    if (signature === undefined || !ts.isIndexSignatureDeclaration(signature))
      throw new Error(`unexpected type: ${node.getText()}`);
    return `{ [key: string]: ${typeOf(signature.type, uses)} }`;
  }
  if (node.kind === ts.SyntaxKind.AnyKeyword) return 'unknown';
  if (!ts.isTypeReferenceNode(node)) return node.getText();
  const name = node.typeName.getText();
  const [argument] = node.typeArguments ?? [];
  if (argument !== undefined) return `${typeOf(argument, uses)}[]`;
  if (name === 'Date' || name === 'V1MicroTime') return 'string';
  if (name === 'IntOrString') return 'number | string';
  uses.push(name);
  return publicName(name);
}

function comment(node: ts.Node, indent: string): string {
  const texts = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc);
  const text = ts.getTextOfJSDocComment(texts[0]?.comment);
  if (text === undefined || text.trim() === '') return '';
  // the text is not written for documentation tools: braces and at signs are characters in it
  const plain = text
    .replace(/\\(['"])/g, '$1')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/\*\//g, '*\\/')
    .replace(/\[[^\]]*\]\(\/([^)]*)\)/g, '$1') // links to files of Kubernetes' sources
    .replace(/[{}@]/g, String.raw`\$&`);
  return `${indent}/** ${plain} */\n`;
}

function render(models: readonly Model[]): string {
  const header = [
    `// Generated by tools/generate-api-types.ts from @kubernetes/client-node ${version}; do not edit.`,
    '// The descriptions are those of the Kubernetes API (Apache-2.0, The Kubernetes Authors).',
  ];
  // not interfaces: those are no `Record<string, unknown>`, which code for any JSON takes
  const each = models.map(
    ({ name, description = '', fields }) =>
      `${description}export type ${name} = {\n${fields.join('\n')}\n};\n`,
  );
  return `${header.join('\n')}\n\n${each.join('\n')}`;
}
