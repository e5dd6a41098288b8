import { describe, expect, it } from 'vitest';

import {
  manifestProblems,
  nextVersion,
  publishArguments,
  releasedChangelog,
  tarballProblems,
  withAbsoluteLinks,
} from '../../../release/plan.ts';

describe('nextVersion', () => {
  it.each([
    ['0.1.9', 'patch', '0.1.10'],
    ['0.1.9', 'minor', '0.2.0'],
    ['0.1.9', 'major', '1.0.0'],
    ['0.1.9', '0.10.0', '0.10.0'],
  ])('after %s, %s is %s', (current, wanted, next) => {
    expect(nextVersion(current, wanted)).toBe(next);
  });

  it.each(['0.1.9', '0.1.8', '0.0.10', 'v1', '1.0', ''])('%s is refused after 0.1.9', (wanted) => {
    expect(() => nextVersion('0.1.9', wanted)).toThrow();
  });
});

describe('releasedChangelog', () => {
  const before = '# Changelog\n\n## Unreleased\n\n- New.\n\n## 2026-01-01\n\n- Old.\n';
  const released = [
    { name: '@nodeagent/base', version: '0.2.0' },
    { name: '@nodeagent/ipvs', version: '0.1.1' },
  ];

  it('moves unreleased entries to the day, with the versions', () => {
    expect(releasedChangelog(before, '2026-02-02', released)).toBe(
      '# Changelog\n\n## Unreleased\n\nNothing yet.\n\n## 2026-02-02\n\nReleased:\n\n' +
        '- `@nodeagent/base` 0.2.0\n- `@nodeagent/ipvs` 0.1.1\n\n- New.\n\n## 2026-01-01\n\n- Old.\n',
    );
  });

  it('refuses a release without changelog entries', () => {
    const after = releasedChangelog(before, '2026-02-02', released);
    expect(() => releasedChangelog(after, '2026-03-03', released)).toThrow('nothing below');
  });
});

describe('publishArguments', () => {
  const manifest = { name: '@nodeagent/x', version: '1.0.0' };
  const env = { ACTIONS_ID_TOKEN_REQUEST_URL: 'https://ci' };

  it('requests provenance when CI can sign', () => {
    expect(publishArguments({ ...manifest, repository: { url: 'r' } }, env)).toContain(
      '--provenance',
    );
    expect(publishArguments(manifest, {})).not.toContain('--provenance');
  });

  it('reports that provenance needs a repository', () => {
    expect(() => publishArguments(manifest, env)).toThrow('"repository"');
  });
});

describe('tarballProblems', () => {
  const manifest = { name: '@nodeagent/x', version: '1.0.0' };
  const whole = ['LICENSE', 'README.md', 'package.json', 'dist/index.js', 'dist/index.d.ts'];

  it('has no problems for a complete package', () => {
    expect(tarballProblems(manifest, [...whole, 'dist/run/a.d.ts'])).toEqual([]);
  });

  it('names missing and unexpected files', () => {
    expect(tarballProblems(manifest, [...whole.slice(1), 'src/a.ts'])).toEqual([
      'the tarball of @nodeagent/x lacks LICENSE',
      'the tarball of @nodeagent/x has src/a.ts',
    ]);
  });
});

describe('a README in a registry', () => {
  const repository = { url: 'git+https://example.org/a/b.git', directory: 'packages/x' };
  const links = (text: string) =>
    withAbsoluteLinks(text, { name: 'x', version: '1.0.0', repository });

  it.each([
    ['[a](../../docs/errors.md)', '[a](https://example.org/a/b/blob/main/docs/errors.md)'],
    ['[a](src/x.ts#L1)', '[a](https://example.org/a/b/blob/main/packages/x/src/x.ts#L1)'],
    ['[a](https://kubernetes.io)', '[a](https://kubernetes.io)'],
    ['[a](#errors)', '[a](#errors)'],
  ])('has links that work: %s', (relative, absolute) => {
    expect(links(relative)).toBe(absolute);
  });
});

describe('the package.json of a published package', () => {
  const rules = { dir: 'packages/x', repositoryUrl: 'git+https://example.org/a/b.git' };
  const whole = {
    name: 'x',
    version: '1.0.0',
    keywords: ['linux'],
    homepage: 'https://example.org/a/b',
    publishConfig: { access: 'public' },
    repository: { url: rules.repositoryUrl, directory: rules.dir },
  };

  it('says where it comes from', () => {
    expect(manifestProblems(whole, rules)).toEqual([]);
    expect(manifestProblems({ name: 'x', version: '1.0.0', keywords: [] }, rules)).toEqual([
      `x: repository.url must be ${rules.repositoryUrl}`,
      'x: repository.directory must be packages/x',
      'x: keywords are missing',
      'x: homepage is missing',
      'x: publishConfig must be { "access": "public" }',
    ]);
  });
});
