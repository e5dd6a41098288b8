import { describe, expect, it } from 'vitest';

import { flagzPage, type ProgramSelf, statuszPage } from '../../src/render/zpages.js';

const STARTED = Date.parse('2026-02-03T04:05:06.789Z');
const self: ProgramSelf = {
  component: 'kubelet',
  version: 'v1.36.0',
  runtimeVersion: 'v26.1.0',
  flags: { v: '2', config: '/etc/a.yaml' },
  startedAtMs: STARTED,
  paths: ['/metrics/cadvisor', '/healthz', '/metrics', '/'],
};
const as = (type: string, kind: string, version = 'v1beta1'): string =>
  `${type};g=config.k8s.io;v=${version};as=${kind}`;

describe('/flagz', () => {
  it.each(['', 'text/plain', '*/*', 'text/*;q=0.5', 'image/png, text/plain;q=0.1'])(
    'is text for %j',
    (accept) => {
      const { status, headers, body } = flagzPage(self, accept);
      expect([status, headers['content-type']]).toEqual([200, 'text/plain; charset=utf-8']);
      expect(body).toMatch(/^\nkubelet flagz\nWarning: .*\nconfig=\/etc\/a.yaml\nv=2\n$/);
    },
  );

  it('is an object on request', () => {
    const { headers, body } = flagzPage(self, as('application/json', 'Flagz'));
    expect(headers).toEqual({ 'content-type': 'application/json' });
    expect(body).toBe(
      '{"kind":"Flagz","apiVersion":"config.k8s.io/v1beta1","metadata":{"name":"kubelet"},"flags":{"config":"/etc/a.yaml","v":"2"}}\n',
    );
    expect(flagzPage(self, as('application/yaml', 'Flagz')).body).toBe(
      'apiVersion: config.k8s.io/v1beta1\nflags:\n  config: /etc/a.yaml\n  v: "2"\nkind: Flagz\nmetadata:\n  name: kubelet\n',
    );
  });

  it('warns of a deprecated version', () => {
    const { status, headers } = flagzPage(self, as('application/json', 'Flagz', 'v1alpha1'));
    expect(status).toBe(200);
    expect(headers['warning']).toMatch(/^299 - ".*flagz endpoint is deprecated/);
  });

  it.each([
    'application/json',
    'application/yaml',
    'application/vnd.kubernetes.protobuf',
    'nonsense',
    as('application/json', 'Statusz'),
    as('application/json', 'Flagz', 'v1'),
    as('text/plain', 'Flagz'),
    'application/json;as=Flagz',
    'text/plain;q=0',
  ])('is not acceptable as %j', (accept) => {
    const { status, body } = flagzPage(self, accept);
    expect(status).toBe(406);
    expect(JSON.parse(body)).toMatchObject({
      reason: 'NotAcceptable',
      message:
        'only the following media types are accepted: application/json, application/yaml, text/plain',
    });
  });

  it('prefers the type with the highest quality', () => {
    const both = `text/plain;q=0.5, ${as('application/json', 'Flagz')}`;
    expect(flagzPage(self, both).headers['content-type']).toBe('application/json');
    const other = `${as('application/json', 'Flagz')};q=0.5, text/plain`;
    expect(flagzPage(self, other).headers['content-type']).toBe('text/plain; charset=utf-8');
  });
});

describe('/statusz', () => {
  const nowMs = STARTED + 3_723_000;

  it('reports as text the version and the start time', () => {
    expect(statuszPage(self, nowMs).body.split('\n').slice(4)).toEqual([
      'Started: Tue Feb  3 04:05:06 UTC 2026',
      'Up: 1 hr 02 min 03 sec',
      'Node.js version: v26.1.0',
      'Binary version: 1.36.0',
      'Emulation version: 1.36',
      'Paths: /healthz /metrics',
      '',
    ]);
  });

  it('reports the same facts as an object', () => {
    expect(JSON.parse(statuszPage(self, nowMs, as('application/json', 'Statusz')).body)).toEqual({
      kind: 'Statusz',
      apiVersion: 'config.k8s.io/v1beta1',
      metadata: { name: 'kubelet' },
      startTime: '2026-02-03T04:05:06Z',
      uptimeSeconds: 3723,
      goVersion: '',
      binaryVersion: '1.36.0',
      emulationVersion: '1.36',
      paths: ['/healthz', '/metrics'],
    });
  });
});
