/**
 * Generates static protobuf code from a `.proto` file: `node generate-proto.ts <proto>
 * <output.js>`, both relative to the working directory. Writes `<output.js>` and its `.d.ts` file.
 *
 * Generates only the parts that a client on a node needs: encode and decode, no JSON conversion, no
 * type checks at run time. A second run generates the declarations from comments; the JavaScript
 * itself has no comments.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';

import pbjs from 'protobufjs-cli/pbjs.js';

const LEAN = ['create', 'verify', 'convert', 'delimited', 'typeurl', 'service'];

const [proto, output] = process.argv.slice(2);
if (proto === undefined || !output?.endsWith('.js')) {
  console.error('usage: node generate-proto.ts <file.proto> <output.js>');
  process.exit(2);
}
const args = [
  ...['--target', 'static-module', '--wrap', 'esm'],
  ...['--dependency', 'protobufjs/minimal.js'],
  // a namespace of its own in protobufjs's registry, which all packages of a process share
  ...['--root', `nodeagent-${basename(output, '.js')}`],
  ...LEAN.map((part) => `--no-${part}`),
];
mkdirSync(dirname(output), { recursive: true });
await run([...args, '--dts', '--out', output, proto]);
await run([...args, '--no-comments', '--out', output, proto]);
// a `require` of a type does not belong in an ES module's declarations
const declarations = output.replace(/\.js$/, '.d.ts');
const text = readFileSync(declarations, 'utf8');
writeFileSync(
  declarations,
  withOpenEnums(text.replace('import Long = require("long");', "import Long from 'long';")),
);

/** A field of a proto3 enum may hold any number: a newer program knows more of them. */
function withOpenEnums(declared: string): string {
  const enums = new Set([...declared.matchAll(/\benum (\w+) \{/g)].map(([, name]) => name));
  const field = /(: \(?)((?:\w+\.)+(\w+))(\[\])?(?=[;|])/g;
  return declared.replace(field, (all, before: string, type: string, name: string, list = '') =>
    enums.has(name) ? `${before}${list === '' ? `${type}|number` : `(${type}|number)[]`}` : all,
  );
}

function run(argv: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    pbjs.main([...argv], (error: Error | null) => {
      if (error) reject(error);
      else resolve();
    });
  });
}
