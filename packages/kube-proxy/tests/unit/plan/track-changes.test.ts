import { describe, expect, it } from 'vitest';

import { aCluster, aService, aSlice } from '../../../src/testing/index.js';

const port = { port: 80, protocol: 'TCP', name: 'http' };
const web = (spec: object = {}) =>
  aService('default/web', { clusterIP: '10.96.0.1', ports: [port], ...spec });
const slice = (...ips: string[]) => aSlice('default/web', [port], ips);

describe('changes', () => {
  it('are forgotten when undone before they are taken', () => {
    const { tracker, put, remove } = aCluster([web(), slice('10.0.0.1')]);
    tracker.take();
    put(slice('10.0.0.1', '10.0.0.2'));
    put(web({ sessionAffinity: 'ClientIP' }));
    expect(tracker.pending).toEqual({ services: 1, endpoints: 1 });
    put(slice('10.0.0.1'));
    put(web());
    expect(tracker.pending).toEqual({ services: 0, endpoints: 0 });
    remove(slice('10.0.0.9'));
    put(slice('10.0.0.1'));
    expect(tracker.pending).toEqual({ services: 0, endpoints: 0 });
  });

  it('do not come from identical objects', () => {
    const { tracker, put } = aCluster([web(), slice('10.0.0.1')]);
    tracker.take();
    put(web());
    put(slice('10.0.0.1'));
    expect(tracker.pending).toEqual({ services: 0, endpoints: 0 });
  });

  it('include everything that a new complete list lacks', () => {
    const { tracker } = aCluster([web(), slice('10.0.0.1')]);
    tracker.take();
    tracker.replaceServices(new Map());
    tracker.replaceSlices(new Map());
    const { services, endpoints } = tracker.take();
    expect([...services, ...endpoints]).toEqual(['default/web', 'default/web']);
    expect([...tracker.slicesOf('default/web')]).toEqual([]);
  });

  it.each([
    { name: 'UDP endpoints that appeared', protocol: 'UDP', want: true },
    { name: 'no UDP', protocol: 'TCP', want: false },
  ])('report $name', ({ protocol, want }) => {
    const { tracker, put, remove } = aCluster([]);
    const one = aSlice('default/dns', [{ port: 53, protocol, name: 'dns' }], ['10.0.0.1']);
    put(one);
    expect(tracker.take().udpEndpointsChanged).toBe(want);
    remove(one);
    expect(tracker.take().udpEndpointsChanged).toBe(want);
    put(aService('default/dns', { clusterIP: '10.96.0.1', ports: [{ port: 53, protocol }] }));
    expect(tracker.take().udpEndpointsChanged).toBe(false);
  });

  it('carry the time of their cause, once, and none for removed objects', () => {
    const { tracker, put, remove } = aCluster([]);
    const timed = slice('10.0.0.1');
    timed.metadata!.annotations = {
      'endpoints.kubernetes.io/last-change-trigger-time': '2026-01-01T00:00:00.5Z',
    };
    put(timed);
    put(timed);
    expect(tracker.take().changedAtMs).toEqual([Date.UTC(2026, 0, 1) + 500]);
    put({ ...timed, endpoints: [] });
    remove(timed);
    expect(tracker.take().changedAtMs).toEqual([]);
  });
});

describe('node view', () => {
  it('recomputes only what changed', () => {
    const other = aService('default/other', { clusterIP: '10.96.0.2', ports: [port] });
    const { builder, put, remove } = aCluster([web(), other, slice('10.0.0.2', '10.0.0.10')]);
    builder.update();
    const before = builder.view.ports.get('default/other:http/TCP');
    put(slice('10.0.0.1'));
    const { changedPorts } = builder.update();
    expect([...changedPorts]).toEqual(['default/web:http/TCP']);
    expect(builder.view.ports.get('default/other:http/TCP')).toBe(before);
    expect(builder.view.endpointCount).toBe(1);
    remove(web());
    expect([...builder.update().removedPorts]).toEqual(['default/web:http/TCP']);
    expect(builder.view.endpointCount).toBe(0);
  });

  it('orders endpoints by their text', () => {
    const { builder } = aCluster([web(), slice('10.0.0.2', '10.0.0.10')]);
    builder.update();
    const { all } = builder.view.ports.get('default/web:http/TCP')!;
    expect(all.map(({ ip }) => ip)).toEqual(['10.0.0.10', '10.0.0.2']);
  });

  it.each([
    { name: 'a live endpoint replaces a terminating one', first: true, second: false, dying: 0 },
    { name: 'a terminating one does not replace a live one', first: false, second: true, dying: 0 },
  ])('$name with the same address', ({ first, second, dying }) => {
    const sketch = (terminating: boolean) => ({ ip: '10.0.0.1', terminating, ready: !terminating });
    const one = aSlice('default/web', [port], [sketch(first), sketch(second)]);
    const { builder } = aCluster([web(), one]);
    builder.update();
    const { all } = builder.view.ports.get('default/web:http/TCP')!;
    expect(all.map(({ state }) => state & 4)).toEqual([dying]);
  });

  it('computes every port again when the node moves to another zone', () => {
    const hinted = aSlice(
      'default/web',
      [port],
      [
        { ip: '10.0.0.1', zones: ['a'] },
        { ip: '10.0.0.2', zones: ['b'] },
      ],
    );
    const { builder } = aCluster([web(), hinted]);
    const clusterIps = () => {
      builder.update();
      return builder.view.ports.get('default/web:http/TCP')!.cluster.map(({ ip }) => ip);
    };
    expect(clusterIps()).toEqual(['10.0.0.1', '10.0.0.2']);
    builder.setTopology({ nodeName: 'node-a', zone: 'b' });
    expect(clusterIps()).toEqual(['10.0.0.2']);
  });
});
