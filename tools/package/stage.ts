import { chmod, cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { ROOT } from '../test/process.ts';
import {
  changelog,
  conffiles,
  controlFile,
  copyright,
  lintianOverrides,
  postinst,
  postrm,
  prerm,
} from './debian.ts';
import { perform } from './executable.ts';
import { manPage, parseHelp } from './man-page.ts';
import { type Architecture, type PackagedProgram, packageOf } from './programs.ts';
import { defaults, packagedUnit } from './units.ts';

export interface StageOptions {
  readonly version: string;
  /** Time of the commit: every file's date, in seconds since 1970. */
  readonly epoch: number;
  readonly architecture: Architecture;
  readonly executable: string;
  /** The output of `--help`. */
  readonly help: string;
  readonly nodeLicense: string;
}

/** Writes everything that a package installs, and its control files, into a directory. */
export async function stage(
  program: PackagedProgram,
  options: StageOptions,
  root: string,
): Promise<void> {
  const { name, summary, configuration } = program;
  const { version, epoch, architecture } = options;
  const when = new Date(epoch * 1000);
  const deploy = (file: string): Promise<string> =>
    readFile(join(ROOT, 'deploy/systemd', file), 'utf8');
  const write = async (path: string, content: string | Uint8Array, mode = 0o644): Promise<void> => {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o755 });
    await writeFile(file, content);
    await chmod(file, mode); // whatever the umask is
  };
  const zipped = (text: string): Uint8Array => gzipSync(text, { level: 9 });
  const files = [
    { path: `/etc/nodeagent/${configuration}`, text: 'its configuration' },
    { path: `/etc/default/${name}`, text: 'flags besides those of its unit' },
  ];
  const date = when.toISOString().slice(0, 10);
  const page = manPage(parseHelp(options.help), { name, summary, version, date, files });
  const docs = `usr/share/doc/${packageOf(program)}`;
  await write(`usr/bin/${name}`, '');
  await cp(options.executable, join(root, 'usr/bin', name));
  await chmod(join(root, 'usr/bin', name), 0o755);
  const unit = packagedUnit(await deploy(`${name}.service`), program);
  await write(`lib/systemd/system/${name}.service`, unit);
  await write(`etc/nodeagent/${configuration}`, await deploy(configuration));
  await write(`etc/default/${name}`, defaults(name));
  await write(`usr/share/man/man8/${name}.8.gz`, zipped(page));
  await write(`${docs}/copyright`, copyright(program));
  await write(`${docs}/licenses.gz`, zipped(options.nodeLicense));
  await write(`usr/share/lintian/overrides/${packageOf(program)}`, lintianOverrides(program));
  const rfc5322 = when.toUTCString().replace('GMT', '+0000');
  await write(`${docs}/changelog.gz`, zipped(changelog(program, version, rfc5322)));
  await write('DEBIAN/conffiles', conffiles(program));
  await write('DEBIAN/postinst', postinst(), 0o755);
  await write('DEBIAN/prerm', prerm(program), 0o755);
  await write('DEBIAN/postrm', postrm(program), 0o755);
  const [kib = ''] = (await perform(['du', '-sk', '--apparent-size', root])).split('\t');
  const control = controlFile(program, { version, architecture, installedKib: Number(kib) });
  await write('DEBIAN/control', control);
  const sums = `find . -path ./DEBIAN -prune -o -type f -printf '%P\\n' | LC_ALL=C sort | xargs md5sum`;
  await write('DEBIAN/md5sums', await perform(['sh', '-c', `cd '${root}' && ${sums}`]));
}

export interface PackOptions {
  readonly epoch: number;
  /** One that dpkg-deb knows, or `none`. */
  readonly compression: string;
  /** Its path; that of an archive without the ending. */
  readonly file: string;
}

/** Makes the Debian package; the same bytes for the same tree, time and compression. */
export async function packDebian(
  root: string,
  { epoch, compression, file }: PackOptions,
): Promise<void> {
  const argv = ['dpkg-deb', '--root-owner-group', `-Z${compression}`, '--build', root, file];
  await perform(argv, { SOURCE_DATE_EPOCH: String(epoch) });
}

/**
 * Makes an archive of the same files, to be unpacked in the root directory of any system.
 *
 * @returns its path: `.tar`, or `.tar.gz` if anything is to be compressed
 */
export async function packTarball(
  root: string,
  { epoch, compression, file }: PackOptions,
): Promise<string> {
  const same = ['--sort=name', `--mtime=@${epoch}`, '--owner=0', '--group=0', '--numeric-owner'];
  const argv = ['tar', ...same, '--exclude=./DEBIAN', '-C', root, '-cf', `${file}.tar`, '.'];
  await perform(argv);
  if (compression === 'none') return `${file}.tar`;
  await perform(['gzip', '-n', '-6', '-f', `${file}.tar`]);
  return `${file}.tar.gz`;
}
