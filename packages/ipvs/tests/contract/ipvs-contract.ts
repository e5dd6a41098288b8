import { describe, expect, it } from 'vitest';

import {
  defineDestination,
  defineService,
  type Destination,
  formatServiceId,
  type Ipvs,
  type IpvsApplyError,
  type Operation,
  type Service,
  type ServiceId,
} from '../../src/index.js';

const tcp = (address: string, port = 80) =>
  ({ kind: 'address', protocol: 'tcp', address, port }) as const;
const id = tcp('10.96.0.1');
const service = defineService({ id, scheduler: 'rr' });
const add = (each: Service): Operation => ({ kind: 'add-service', service: each });
const addTo = (to: ServiceId, destination: Destination): Operation => {
  return { kind: 'add-destination', id: to, destination };
};
const server = (address: string, more = {}) =>
  defineDestination({ address, port: 8080, forwarding: 'masquerade', ...more });

const SERVICES: readonly Service[] = [
  service,
  defineService({ id: { ...tcp('10.96.0.2', 53), protocol: 'udp' }, onePacket: true }),
  defineService({ id: { ...tcp('10.96.0.2', 9), protocol: 'sctp' }, scheduler: 'wlc' }),
  defineService({
    id: tcp('10.96.0.3'),
    scheduler: 'mh',
    schedulerFlags: [2, 1],
    persistence: { timeoutSeconds: 10_800 },
  }),
  defineService({
    id: tcp('10.96.0.4', 0),
    scheduler: 'sh',
    schedulerFlags: [3],
    persistence: { timeoutSeconds: 60, prefixLength: 20 },
  }),
  defineService({ id: { kind: 'mark', family: 'IPv4', mark: 7 }, scheduler: 'nq' }),
  defineService({
    id: { kind: 'mark', family: 'IPv6', mark: 7 },
    persistence: { timeoutSeconds: 60 },
  }),
  defineService({
    id: tcp('FD00:0:0::1'),
    scheduler: 'rr',
    persistence: { timeoutSeconds: 60, prefixLength: 64 },
  }),
];

const DESTINATIONS: readonly Destination[] = [
  server('10.1.0.1', { weight: 5, upperThreshold: 100, lowerThreshold: 50 }),
  server('10.1.0.2', { forwarding: 'direct', weight: 0 }),
  server('10.1.0.3', { forwarding: 'local', weight: 2 ** 31 - 1 }),
  server('10.1.0.4', { forwarding: 'bypass' }),
  server('10.1.0.5', { forwarding: { kind: 'ipip' } }),
  server('10.1.0.6', { forwarding: { kind: 'gue', port: 6080, checksum: 'remote' } }),
  server('10.1.0.7', { forwarding: { kind: 'gre', checksum: 'full' } }),
  server('fd00::9', { forwarding: { kind: 'ipip' } }),
];

/** Tests that every implementation passes; each starts with empty tables. */
export function ipvsContract(name: string, create: () => Promise<Ipvs>): void {
  const keyed = <T>(list: readonly T[], key: (item: T) => string) =>
    Object.fromEntries(list.map((item) => [key(item), item]));
  const byAddress = (list: readonly Destination[]) => keyed(list, ({ address }) => address);
  const byId = (list: readonly Service[]) => keyed(list, (each) => formatServiceId(each.id));
  const failure = async (ipvs: Ipvs, ...operations: readonly Operation[]) => {
    const error: unknown = await ipvs.apply(operations).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    return error as IpvsApplyError;
  };

  describe(`${name} as Ipvs`, () => {
    it('lists every kind of service as it was added', async () => {
      const ipvs = await create();
      await ipvs.apply(SERVICES.map(add));
      expect(byId(await ipvs.listServices())).toMatchObject(byId(SERVICES));
      expect(await ipvs.listServices()).toHaveLength(SERVICES.length);
    });

    it('lists every kind of destination as it was added', async () => {
      const ipvs = await create();
      await ipvs.apply([add(service), ...DESTINATIONS.map((each) => addTo(id, each))]);
      const listed = await ipvs.listDestinations(id);
      expect(byAddress(listed)).toMatchObject(byAddress(DESTINATIONS));
      expect(listed).toHaveLength(DESTINATIONS.length);
      expect(listed[0]).toMatchObject({ activeConnections: 0, inactiveConnections: 0 });
    });

    it('outlines the destinations of all services except those by mark', async () => {
      const ipvs = await create();
      await ipvs.apply(SERVICES.map(add));
      await ipvs.apply(DESTINATIONS.map((each) => addTo(id, each)).slice(0, 1));
      const [, udp] = SERVICES.map((each) => each.id);
      await ipvs.apply([addTo(udp!, server('10.1.0.1', { weight: 3, forwarding: 'direct' }))]);
      const six = SERVICES.at(-1)!.id;
      await ipvs.apply([addTo(six, server('fd00::9', { forwarding: { kind: 'ipip' } }))]);
      const outline = await ipvs.outline();
      const addressed = SERVICES.filter((each) => each.id.kind === 'address');
      expect([...(outline?.keys() ?? [])].sort()).toEqual(
        addressed.map((each) => formatServiceId(each.id)).sort(),
      );
      expect(outline?.get(formatServiceId(id))).toEqual([
        { key: '10.1.0.1:8080', forwarding: 'masquerade', weight: 5 },
      ]);
      expect(outline?.get(formatServiceId(udp!))).toEqual([
        { key: '10.1.0.1:8080', forwarding: 'direct', weight: 3 },
      ]);
      expect(outline?.get(formatServiceId(six))).toEqual([
        { key: '[fd00::9]:8080', forwarding: 'tunnel', weight: 1 },
      ]);
    });

    it('finds one service, or none', async () => {
      const ipvs = await create();
      await ipvs.apply([add(service)]);
      expect(await ipvs.getService(id)).toMatchObject(service);
      expect(await ipvs.getService(tcp('10.96.0.99'))).toBeUndefined();
      expect(await ipvs.getService({ kind: 'mark', family: 'IPv4', mark: 1 })).toBeUndefined();
    });

    it('updates a service with all its settings', async () => {
      const ipvs = await create();
      const changed = defineService({
        id,
        scheduler: 'sh',
        schedulerFlags: [1],
        persistence: { timeoutSeconds: 30, prefixLength: 24 },
      });
      await ipvs.apply([add(service), { kind: 'update-service', service: changed }]);
      expect(await ipvs.getService(id)).toMatchObject(changed);
      await ipvs.apply([{ kind: 'update-service', service }]);
      expect(await ipvs.getService(id)).toMatchObject(service);
    });

    it('updates a destination, its forwarding too', async () => {
      const ipvs = await create();
      const changed = server('10.1.0.1', { weight: 0, forwarding: 'direct', upperThreshold: 9 });
      await ipvs.apply([
        add(service),
        addTo(id, server('10.1.0.1')),
        { kind: 'update-destination', id, destination: changed },
      ]);
      expect(await ipvs.listDestinations(id)).toMatchObject([changed]);
    });

    it('deletes destinations, and services with theirs', async () => {
      const ipvs = await create();
      const [first, second] = [server('10.1.0.1'), server('10.1.0.2')];
      await ipvs.apply([add(service), addTo(id, first), addTo(id, second)]);
      await ipvs.apply([{ kind: 'delete-destination', id, destination: first }]);
      expect(await ipvs.listDestinations(id)).toMatchObject([second]);
      await ipvs.apply([{ kind: 'delete-service', id }, add(service)]);
      expect(await ipvs.listDestinations(id)).toEqual([]);
    });

    it('flushes everything, and zeroes one or all', async () => {
      const ipvs = await create();
      await ipvs.apply([...SERVICES.map(add), { kind: 'zero' }, { kind: 'zero', id }]);
      await ipvs.apply([{ kind: 'flush' }]);
      expect(await ipvs.listServices()).toEqual([]);
    });

    it('reports the failed operations with reasons, and carries the others out', async () => {
      const ipvs = await create();
      const unknown = tcp('10.96.0.99');
      const destination = server('10.1.0.1');
      const cases: readonly (readonly [Operation, string])[] = [
        [add(service), 'IPVS_SERVICE_EXISTS'],
        [add(defineService({ id: unknown, scheduler: 'nope' })), 'IPVS_SCHEDULER_UNKNOWN'],
        [
          { kind: 'update-service', service: defineService({ id, scheduler: 'nope' }) },
          'IPVS_SCHEDULER_UNKNOWN',
        ],
        [
          { kind: 'update-service', service: defineService({ id: unknown }) },
          'IPVS_SERVICE_MISSING',
        ],
        [{ kind: 'delete-service', id: unknown }, 'IPVS_SERVICE_MISSING'],
        [addTo(unknown, destination), 'IPVS_SERVICE_MISSING'],
        [addTo(id, destination), 'IPVS_DESTINATION_EXISTS'],
        [
          { kind: 'update-destination', id, destination: server('10.1.0.9') },
          'IPVS_DESTINATION_MISSING',
        ],
        [
          { kind: 'delete-destination', id, destination: server('10.1.0.9') },
          'IPVS_DESTINATION_MISSING',
        ],
        [{ kind: 'zero', id: unknown }, 'IPVS_SERVICE_MISSING'],
      ];
      const last = addTo(id, server('10.1.0.2'));
      const before = [add(service), addTo(id, destination)];
      const error = await failure(ipvs, ...before, ...cases.map(([each]) => each), last);
      expect(error).toMatchObject({ name: 'IpvsError', code: 'IPVS_PARTIAL' });
      expect(error.failed.map((each) => [each.operation, each.error.code])).toEqual(cases);
      expect(error.done).toEqual([...before, last]);
      expect(await ipvs.listDestinations(id)).toHaveLength(2);
    });

    it('refuses another address family except in a tunnel', async () => {
      const ipvs = await create();
      const error = await failure(ipvs, add(service), addTo(id, server('fd00::1')));
      expect(error.failed).toHaveLength(1);
      expect(['IPVS_FAMILY', 'IPVS_INVALID']).toContain(error.failed[0]?.error.code);
    });

    it('reports a missing service when its destinations are listed', async () => {
      const ipvs = await create();
      await expect(ipvs.listDestinations(id)).rejects.toMatchObject({
        code: 'IPVS_SERVICE_MISSING',
      });
    });

    it('sets only the given timeouts', async () => {
      const ipvs = await create();
      await ipvs.setTimeouts({ tcpSeconds: 901, tcpFinSeconds: 121, udpSeconds: 301 });
      await ipvs.setTimeouts({ tcpSeconds: 902, udpSeconds: 0 });
      const timeouts = await ipvs.getTimeouts();
      expect(timeouts).toEqual({ tcpSeconds: 902, tcpFinSeconds: 121, udpSeconds: 301 });
      await expect(ipvs.setTimeouts({ tcpSeconds: -1 })).rejects.toMatchObject({
        code: 'IPVS_INVALID',
      });
    });

    it('starts and stops each synchronisation daemon once', async () => {
      const ipvs = await create();
      const daemon = { role: 'backup', interface: 'lo', syncId: 3, port: 8849 } as const;
      await ipvs.startDaemon(daemon);
      const [running] = await ipvs.listDaemons();
      expect(running).toMatchObject({ ...daemon, group: '224.0.0.81', ttl: 1 });
      await expect(ipvs.startDaemon(daemon)).rejects.toMatchObject({ code: 'IPVS_DAEMON_RUNNING' });
      await expect(
        ipvs.startDaemon({ ...daemon, role: 'primary', interface: 'nowhere' }),
      ).rejects.toMatchObject({ code: 'IPVS_INTERFACE_MISSING' });
      await ipvs.stopDaemon('backup');
      expect(await ipvs.listDaemons()).toEqual([]);
      await expect(ipvs.stopDaemon('backup')).rejects.toMatchObject({
        code: 'IPVS_DAEMON_STOPPED',
      });
    });

    it('reports version and table size, and answers nothing after close', async () => {
      const ipvs = await create();
      const info = await ipvs.info();
      expect(info.version).toMatch(/^1\.2\.\d+$/);
      expect(info.connectionTableSize).toBeGreaterThan(0);
      ipvs.close();
      await expect(ipvs.info()).rejects.toMatchObject({ code: 'IPVS_CLOSED' });
    });
  });
}
