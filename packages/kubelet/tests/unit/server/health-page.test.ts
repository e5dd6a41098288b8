import { describe, expect, it } from 'vitest';

import { healthChecks, healthPage } from '../../../src/server/render/health-page.js';

const page = (path: string, problem?: string) => {
  const [bare = '', query = ''] = path.split('?');
  const { status, body } = healthPage(
    healthChecks(() => problem),
    bare,
    new URLSearchParams(query),
  );
  return [status, body];
};

describe(healthPage, () => {
  it.each([
    ['/healthz', [200, 'ok']],
    ['/healthz/', [200, 'ok']],
    ['/healthz/ping', [200, 'ok']],
    ['/healthz?verbose', [200, '[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n']],
    ['/healthz/nothing', [404, '404 page not found\n']],
  ])('%s of a healthy kubelet', (path, want) => {
    expect(page(path)).toEqual(want);
  });

  it.each([
    [
      '/healthz',
      [500, '[+]ping ok\n[+]log ok\n[-]syncloop failed: reason withheld\nhealthz check failed\n'],
    ],
    ['/healthz/ping', [200, 'ok']],
    ['/healthz/syncloop', [500, 'internal server error: reason withheld\n']],
    ['/healthz?exclude=syncloop', [200, 'ok']],
  ])('%s of a kubelet with a stuck pod loop', (path, want) => {
    expect(page(path, 'no turn for 10 minutes')).toEqual(want);
  });

  it('warns about an unknown check to exclude', () => {
    const [, body] = page('/healthz?verbose&exclude=x');
    expect(body).toContain('cannot be excluded: no matches for "x"');
  });
});
