/**
 * Makes the Debian packages and archives of both programs in dist/packages, each with its Node.js in
 * one executable, and kube-proxy's container image; run it after `npm run build`.
 *
 *   npm run package -- [--arch amd64,arm64] [--program kubelet,kube-proxy] [--compression xz|gzip|none]
 *     [--out DIRECTORY] [--no-image]
 */
import { mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { SetupError } from '../setup/machine.ts';
import { ensurePackages } from '../setup/packages.ts';
import { ROOT } from '../test/process.ts';
import { buildExecutable, fetchNode, perform } from './executable.ts';
import { packImage } from './image.ts';
import { type Architecture, ARCHITECTURES, packageOf, PROGRAMS } from './programs.ts';
import { packDebian, packTarball, stage } from './stage.ts';

const { values } = parseArgs({
  allowNegative: true,
  options: {
    arch: { type: 'string', default: Object.keys(ARCHITECTURES).join(',') },
    program: { type: 'string', default: PROGRAMS.map(({ name }) => name).join(',') },
    compression: { type: 'string', default: 'xz' },
    out: { type: 'string', default: join(ROOT, 'dist/packages') },
    image: { type: 'boolean', default: true },
  },
});
const COMPRESSIONS = ['xz', 'gzip', 'none'];
const wanted = values.program.split(',');
const names: readonly string[] = PROGRAMS.map(({ name }) => name);
const isArchitecture = (text: string): text is Architecture => Object.hasOwn(ARCHITECTURES, text);
const architectures = values.arch.split(',');
const problems = [
  ...architectures
    .filter((one) => !isArchitecture(one))
    .map((one) => `--arch: ${one} is not one of ${Object.keys(ARCHITECTURES).join(', ')}`),
  ...wanted
    .filter((one) => !names.includes(one))
    .map((one) => `--program: ${one} is not one of ${names.join(', ')}`),
  ...(COMPRESSIONS.includes(values.compression)
    ? []
    : [`--compression: ${values.compression} is not one of ${COMPRESSIONS.join(', ')}`]),
];
if (problems.length > 0) {
  for (const problem of problems) console.error(problem);
  process.exit(2);
}

try {
  await ensurePackages(['packages'], (text) => console.error(text));
  for (const architecture of architectures.filter(isArchitecture)) await build(architecture);
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}

async function build(architecture: Architecture): Promise<void> {
  const given = process.env['SOURCE_DATE_EPOCH'];
  const epoch = Number(given ?? (await perform(['git', 'log', '-1', '--format=%ct'])));
  const node = await fetchNode(architecture);
  const nodeLicense = await readFile(node.license, 'utf8');
  const out = resolve(values.out);
  for (const program of PROGRAMS.filter(({ name }) => wanted.includes(name))) {
    const manifest = await readFile(join(ROOT, 'apps', program.name, 'package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    const base = `${packageOf(program)}_${version}_${architecture}`;
    const [work, file] = [join(out, `${base}.work`), join(out, base)];
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { recursive: true });
    const executable = join(work, program.name);
    await buildExecutable(program, { architecture, node }, executable);
    const help = await perform([join(ROOT, 'dist/bin', program.name), '--help']);
    const root = join(work, 'root');
    await stage(program, { version, epoch, architecture, executable, help, nodeLicense }, root);
    const debian = `${file}.deb`;
    const { compression } = values;
    await packDebian(root, { epoch, compression, file: debian });
    const archive = await packTarball(root, { epoch, compression, file });
    const image = program.image && values.image ? `${file}.oci.tar` : undefined;
    if (image !== undefined && program.image !== undefined) {
      const made = { version, architecture, epoch, executable, compression };
      await packImage(program, {
        ...{ ...made, packages: program.image },
        ...{ work: join(work, 'image'), file: image },
      });
    }
    await rm(work, { recursive: true });
    const mib = async (path: string): Promise<string> =>
      `${((await stat(path)).size / 2 ** 20).toFixed(1)} MiB`;
    for (const path of [debian, archive, ...(image ? [image] : [])])
      console.log(`${path}: ${await mib(path)}`);
  }
}
