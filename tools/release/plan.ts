/** The fields of a `package.json` that a release uses. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly repository?: Readonly<{ url: string; directory?: string }>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

const VERSION = /^\d+\.\d+\.\d+$/;

/** @throws {Error} for a version that is not higher than the current one */
export function nextVersion(current: string, wanted: string): string {
  const parts = current.split('.').map(Number);
  const [major = 0, minor = 0, patch = 0] = parts;
  if (wanted === 'major') return `${major + 1}.0.0`;
  if (wanted === 'minor') return `${major}.${minor + 1}.0`;
  if (wanted === 'patch') return `${major}.${minor}.${patch + 1}`;
  if (!VERSION.test(wanted)) {
    throw new Error(`"${wanted}" is not a version: give 1.2.3, major, minor or patch`);
  }
  const given = wanted.split('.').map(Number);
  const at = given.findIndex((part, i) => part !== parts[i]);
  if (at === -1 || (given[at] ?? 0) < (parts[at] ?? 0)) {
    throw new Error(`version ${wanted} is not higher than ${current}, the current one`);
  }
  return wanted;
}

const UNRELEASED = '## Unreleased';

/**
 * Moves the entries below "Unreleased" to a section of the day with the released versions, and
 * starts a new "Unreleased".
 *
 * @throws {Error} when there is nothing to release
 */
export function releasedChangelog(
  text: string,
  day: string,
  released: readonly Readonly<{ name: string; version: string }>[],
): string {
  const at = text.indexOf(`${UNRELEASED}\n`);
  const [before, after] = [text.slice(0, at), text.slice(at + UNRELEASED.length)];
  const body = after.split(/^## /m, 1)[0]?.trim() ?? '';
  if (at === -1 || body === '' || body === 'Nothing yet.') {
    throw new Error(
      'CHANGELOG.md has nothing below "## Unreleased": describe the changes for users',
    );
  }
  const list = released.map(({ name, version }) => `- \`${name}\` ${version}`).join('\n');
  return `${before}${UNRELEASED}\n\nNothing yet.\n\n## ${day}\n\nReleased:\n\n${list}${after}`;
}

/**
 * Returns the arguments of `npm publish`, depending on the environment. @throws {Error} when
 * provenance would fail
 */
export function publishArguments(
  manifest: Manifest,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const args = ['publish', '--access', 'public'];
  const canSign = env['ACTIONS_ID_TOKEN_REQUEST_URL'] ?? env['SIGSTORE_ID_TOKEN'];
  if (canSign === undefined) return args;
  if (manifest.repository === undefined) {
    throw new Error(
      `${manifest.name} has no "repository" in its package.json: npm needs it for provenance`,
    );
  }
  return [...args, '--provenance'];
}

/**
 * Lists missing and unexpected files of a package's tarball. @param files as `npm pack --json`
 * lists them
 */
export function tarballProblems(manifest: Manifest, files: readonly string[]): readonly string[] {
  const needed = ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts'];
  const missing = needed.filter((name) => !files.includes(name)).map((name) => `lacks ${name}`);
  const extra = files
    .filter((name) => !name.startsWith('dist/') && !needed.includes(name))
    .map((name) => `has ${name}`);
  return [...missing, ...extra].map((what) => `the tarball of ${manifest.name} ${what}`);
}

/**
 * Returns a README whose relative links and pictures point into the repository: a registry shows
 * the text without the files around it.
 */
export function withAbsoluteLinks(readme: string, { repository }: Manifest): string {
  if (repository === undefined) return readme;
  const { url, directory = '' } = repository;
  const home = `${url.replace(/^git\+/, '').replace(/\.git$/, '')}/blob/main/${directory}/`;
  return readme.replace(/(\]\()(?![a-z]+:|#|\/)([^)\s]+)/g, (_, head: string, path: string) => {
    return `${head}${new URL(path, home).href}`;
  });
}

/** Lists the fields that a registry shows, and that a published package lacks or has wrong. */
export function manifestProblems(
  manifest: Readonly<Record<string, unknown>> & Manifest,
  { dir, repositoryUrl }: Readonly<{ dir: string; repositoryUrl: string }>,
): readonly string[] {
  const { repository, keywords, homepage, publishConfig } = manifest;
  const problems = [
    ...(repository?.url === repositoryUrl ? [] : [`repository.url must be ${repositoryUrl}`]),
    ...(repository?.directory === dir ? [] : [`repository.directory must be ${dir}`]),
    ...(Array.isArray(keywords) && keywords.length > 0 ? [] : ['keywords are missing']),
    ...(typeof homepage === 'string' ? [] : ['homepage is missing']),
    ...(JSON.stringify(publishConfig) === '{"access":"public"}'
      ? []
      : ['publishConfig must be { "access": "public" }']),
  ];
  return problems.map((problem) => `${manifest.name}: ${problem}`);
}
