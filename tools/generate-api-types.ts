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
import { fileURLToPath } from 'node:url';

import ts from 'typescript';

/** The kinds that @nodeagent/kube-client names; types that they use follow. */
const ROOTS = [
  'AuthenticationV1TokenRequest CoreV1Event V1CertificateSigningRequest V1ConfigMap V1CSIDriver',
  'V1CSINode V1DaemonSet V1Deployment V1EndpointSlice V1Lease V1Namespace V1Node',
  'V1PersistentVolume V1PersistentVolumeClaim V1Pod V1ReplicaSet V1RuntimeClass V1Secret V1Service',
  'V1ServiceAccount V1ServiceCIDR V1StatefulSet V1Status V1StorageClass V1VolumeAttachment',
  'V1beta1ClusterTrustBundle V1beta1PodCertificateRequest',
].flatMap((line) => line.split(' '));

/** Public names that do not follow from the model's name. */
const NAMES: Readonly<Record<string, string>> = {
  CoreV1Event: 'CoreEvent',
  CoreV1EventSeries: 'CoreEventSeries',
  CoreV1ResourceClaim: 'ContainerResourceClaim',
  StorageV1TokenRequest: 'CsiTokenRequest',
};

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
const library = dirname(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))));
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
  const uses: string[] = [];
  const fields = declared.members.filter(ts.isPropertyDeclaration).flatMap((member) => {
    if (member.modifiers !== undefined || member.type === undefined) return []; // static
    const field = (member.name as ts.StringLiteral).text.replace(/^_/, '');
    const mark = member.questionToken === undefined ? '' : '?';
    return [`${comment(member, '  ')}  ${field}${mark}: ${typeOf(member.type, uses)};`];
  });
  const description = comment(declared, '');
  return { model: { name: publicName(model), description, fields }, uses };
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

/** `V1CSINodeSpec` → `CsiNodeSpec`: abbreviations are words. */
function publicName(model: string): string {
  const bare = model.replace(/(^|[a-z])V1(beta1)?(?=[A-Z])/, (_, before: string) =>
    before === '' ? '' : before,
  );
  const known = NAMES[model];
  if (known !== undefined) return known;
  const short = /^(Authentication|Discovery)V1/.test(model)
    ? model.replace(/^(Authentication|Discovery)V1/, '')
    : bare;
  return short.replace(/^CSI/, 'Csi').replace(/CIDR/g, 'Cidr');
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
