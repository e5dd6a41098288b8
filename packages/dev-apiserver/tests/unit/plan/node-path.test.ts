import { describe, expect, it } from 'vitest';

import { StatusError } from '../../../src/model/errors.js';
import type { ApiObject } from '../../../src/model/object.js';
import { kubeletPath, nodeEndpoint, parseNodeRoute } from '../../../src/plan/node-path.js';

const pod = (spec: object): ApiObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace: 'ns' },
  spec: spec as never,
});
const one = pod({ containers: [{ name: 'a' }], ephemeralContainers: [{ name: 'e' }] });
const two = pod({ containers: [{ name: 'a' }, { name: 'b' }], initContainers: [{ name: 'i' }] });

describe(parseNodeRoute, () => {
  it.each([
    ['/api/v1/nodes/n1/proxy', { rest: '/' }],
    ['/api/v1/nodes/n1/proxy/', { rest: '/' }],
    ['/api/v1/nodes/n1/proxy/logs/a%2Fb', { rest: '/logs/a%2Fb' }],
    ['/api/v1/nodes/n1:10255/proxy/pods', { rest: '/pods', port: 10_255 }],
    ['/api/v1/nodes/https:n1:10250/proxy/pods', { rest: '/pods', port: 10_250 }],
    ['/api/v1/namespaces/ns/pods/p/exec', { rest: '' }],
  ])('%s', (path, want) => {
    const found = parseNodeRoute(path);
    expect(found).toMatchObject(want);
    expect(found?.route.name).toBe(path.includes('nodes') ? 'n1' : 'p');
  });

  it.each([
    '/api/v1/nodes/n1',
    '/api/v1/namespaces/ns/pods/p',
    '/api/v1/namespaces/ns/pods/p/status',
  ])('%s is answered here', (path) => expect(parseNodeRoute(path)).toBeUndefined());
});

describe(nodeEndpoint, () => {
  const node = (status: object): ApiObject => {
    return { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, status: status as never };
  };
  const addresses = [
    { type: 'Hostname', address: 'n1' },
    { type: 'InternalIP', address: '10.0.0.1' },
  ];

  it('is the address that the node prefers, on the port in its status', () => {
    const daemonEndpoints = { kubeletEndpoint: { Port: 10_260 } };
    const port = 10_260;
    expect(nodeEndpoint(node({ addresses, daemonEndpoints }))).toEqual({ host: '10.0.0.1', port });
    expect(nodeEndpoint(node({ addresses })).port).toBe(10_250);
  });

  it("is missing before the node's status has an address", () => {
    expect(() => nodeEndpoint(node({}))).toThrow('no preferred addresses');
  });
});

describe(kubeletPath, () => {
  const path = (of: ApiObject, subresource: string, query = ''): string => {
    try {
      return kubeletPath(of, subresource, new URLSearchParams(query));
    } catch (error) {
      if (error instanceof StatusError) return error.message;
      throw error;
    }
  };
  it.each([
    [one, 'log', '', '/containerLogs/ns/web/a'],
    [one, 'log', 'container=e&follow=true&pretty=1', '/containerLogs/ns/web/e?follow=true'],
    [
      one,
      'exec',
      'stdin=true&stdout=1&tty=false&command=sh&command=-c+x',
      '/exec/ns/web/a?input=1&output=1&command=sh&command=-c+x',
    ],
    [one, 'attach', 'stdout=true&stderr=true&command=x', '/attach/ns/web/a?output=1&error=1'],
    [one, 'portforward', 'ports=80&ports=81', '/portForward/ns/web?port=80&port=81'],
    [two, 'exec', 'container=i', '/exec/ns/web/i'],
    [
      two,
      'log',
      '',
      'a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [i]',
    ],
    [two, 'log', 'container=x', 'container x is not valid for pod web'],
    [one, 'log', 'container=../../x', 'container ../../x is not valid for pod web'],
  ])('%#: %s', (of, subresource, query, want) => {
    expect(path(of, subresource, query)).toBe(want);
  });
});
