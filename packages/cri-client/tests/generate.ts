import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const inPackage = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));

/**
 * Generates the code so that `vitest` also works by hand, without running Nx's `generate` first.
 */
export function setup(): void {
  const proto = inPackage('proto/runtime-v1.proto');
  const output = inPackage('src/adapters/generated/runtime-v1.js');
  if (existsSync(output) && statSync(output).mtimeMs >= statSync(proto).mtimeMs) return;
  const script = inPackage('../../tools/generate-proto.ts');
  execFileSync(process.execPath, [script, proto, output], { stdio: 'inherit' });
}
