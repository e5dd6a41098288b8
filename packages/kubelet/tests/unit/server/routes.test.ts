import { describe, expect, it } from 'vitest';

import { ROUTES } from '../../../src/server/model/routes.js';
import { accessQuestions, refusalText } from '../../../src/server/plan/access.js';
import { findRoute, requestLabels } from '../../../src/server/plan/find-route.js';

const identity = { user: 'jane', groups: [] };
const find = (method: string, path: string, debug = true) => {
  const match = findRoute(method, path, { debug });
  return match.kind === 'found' ? { name: match.route.name, ...match.params } : match.kind;
};

describe(findRoute, () => {
  it.each([
    ['GET', '/pods', { name: 'pods' }],
    ['GET', '/pods/', { name: 'pods' }],
    ['HEAD', '/pods', { name: 'pods' }],
    ['GET', '/healthz/syncloop', { name: 'healthz', check: 'syncloop' }],
    ['POST', '/exec/ns/p/c', { name: 'exec', namespace: 'ns', pod: 'p', container: 'c' }],
    [
      'GET',
      '/exec/ns/p/u/c',
      { name: 'exec', namespace: 'ns', pod: 'p', uid: 'u', container: 'c' },
    ],
    ['POST', '/portForward/ns/p/u', { name: 'port-forward', namespace: 'ns', pod: 'p', uid: 'u' }],
    [
      'GET',
      '/containerLogs/a%2Fb/p/c',
      { name: 'container-logs', namespace: 'a/b', pod: 'p', container: 'c' },
    ],
    ['GET', '/logs/pods/x/0.log', { name: 'logs', rest: 'pods/x/0.log' }],
    ['GET', '/logs/..%2F..%2Fetc%2Fpasswd', { name: 'logs', rest: '../../etc/passwd' }],
    ['GET', '/runningpods/', { name: 'runningpods' }],
    ['DELETE', '/pods', 'method'],
    ['GET', '/run/ns/p/c', 'method'],
    ['GET', '/exec/ns/p', 'unknown'],
    ['GET', '/exec/ns//c', 'unknown'],
    ['GET', '/pods/../exec/ns/p/c', 'unknown'],
    ['GET', '//pods', 'unknown'],
    ['GET', '/%', 'unknown'],
    ['GET', '/%ff', 'unknown'],
    ['GET', '/', 'unknown'],
  ])('%s %s', (method, path, want) => {
    expect(find(method, path)).toEqual(want);
  });

  it('serves only open routes without debugging handlers', () => {
    const open = ROUTES.filter(({ set }) => set === 'open').map(({ name }) => name);
    expect(new Set(open)).toEqual(
      new Set([
        'healthz',
        'pods',
        'stats-summary',
        'metrics',
        'metrics-cadvisor',
        'metrics-resource',
        'metrics-probes',
        'metrics-slis',
      ]),
    );
    expect(find('GET', '/pods', false)).toEqual({ name: 'pods' });
    expect(find('POST', '/exec/a/b/c', false)).toBe('debug-disabled');
    expect(find('GET', '/runningpods', false)).toBe('debug-disabled');
    expect(find('GET', '/configz', false)).toBe('unknown');
  });
});

describe(accessQuestions, () => {
  it.each([
    ['GET', '/pods', 'get', 'pods proxy'],
    ['GET', '/podsandmore', 'get', 'proxy'],
    ['GET', '/metrics/cadvisor', 'get', 'metrics'],
    ['GET', '/flagz', 'get', 'configz'],
    ['POST', '/exec/a/b/c', 'create', 'proxy'],
    ['GET', '/exec/a/b/c', 'get', 'proxy'],
    ['GET', '/containerLogs/a/b/c', 'get', 'proxy'],
    ['GET', '/logs/', 'get', 'log'],
    ['PROPFIND', '/stats/summary', '', 'stats'],
    ['GET', '/%65xec/a/b/c', 'get', 'proxy'],
    ['GET', '/POD', 'get', 'proxy'],
  ])('%s %s asks to %s nodes/{%s}', (method, path, verb, parts) => {
    const questions = accessQuestions(method, path, identity);
    expect(questions.map(({ subresource }) => subresource).join(' ')).toBe(parts);
    expect(new Set(questions.map((question) => question.verb))).toEqual(new Set([verb]));
  });

  it('is refused with upstream’s message', () => {
    expect(refusalText(accessQuestions('GET', '/pods', identity))).toBe(
      'Forbidden (user=jane, verb=get, resource=nodes, subresource(s)=[pods proxy])',
    );
  });
});

describe(requestLabels, () => {
  it.each([
    ['GET', '/metrics/cadvisor', 'metrics/cadvisor', 'false'],
    ['GET', '/metrics/anything', 'metrics', 'false'],
    ['POST', '/exec/a/b/c', 'exec', 'true'],
    ['GET', '/wp-login.php', 'other', 'false'],
  ])('%s %s counts as %s', (method, path, label, long) => {
    expect(requestLabels(method, path)).toEqual({ method, path: label, long_running: long });
  });

  it('limits the number of method labels', () => {
    expect(requestLabels('BREW', '/pods').method).toBe('other');
  });
});
