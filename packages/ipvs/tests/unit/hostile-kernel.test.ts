import { createHastyClock } from '@nodeagent/base/testing';
import { CONTROLLER } from '@nodeagent/netlink-codec';
import { HostileSocket } from '@nodeagent/netlink-codec/testing';
import { createDice } from '@nodeagent/testbed/chance';
import { expect, it } from 'vitest';

import { COMMAND } from '../../src/codec/attrs.js';
import { daemonAttrs } from '../../src/codec/daemon-attrs.js';
import { encodeCommand } from '../../src/codec/requests.js';
import { defineDestination, defineService, isIpvsError, KernelIpvs } from '../../src/index.js';
import { messagesOf } from './messages-of.js';

const FAMILY = 30;
const id = { kind: 'address', protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
const service = defineService({ id, scheduler: 'rr', persistence: { timeoutSeconds: 60 } });
const destination = defineDestination({ address: '10.1.0.1', port: 80, forwarding: 'masquerade' });
const daemon = { role: 'backup', interface: 'lo', syncId: 1 } as const;

/** CTRL_ATTR_FAMILY_ID. */
const FAMILY_ANSWER = Buffer.from('0102000006000100' + '1e000000', 'hex');

const answers = [
  ...messagesOf(FAMILY, [
    { kind: 'add-service', service },
    { kind: 'add-destination', id, destination },
  ]),
  encodeCommand(FAMILY, COMMAND.newDaemon, { daemon: daemonAttrs(daemon) }),
  encodeCommand(FAMILY, COMMAND.setConfig, { tcpTimeout: 1, udpTimeout: 3 }),
];

it('finishes every call, whatever the kernel answers', async () => {
  const { below: random } = createDice(6);
  const truths = new Map([[CONTROLLER.id, FAMILY_ANSWER]]);
  const open = () => new HostileSocket({ random, answers, truths });
  const ipvs = new KernelIpvs({ open, clock: createHastyClock() });
  const calls: readonly (() => Promise<unknown>)[] = [
    () => ipvs.info(),
    () => ipvs.listServices(),
    () => ipvs.getService(id),
    () => ipvs.listDestinations(id),
    () => ipvs.apply([{ kind: 'add-service', service }, { kind: 'flush' }]),
    () => ipvs.getTimeouts(),
    () => ipvs.setTimeouts({ tcpSeconds: 1 }),
    () => ipvs.listDaemons(),
    () => ipvs.startDaemon(daemon),
    () => ipvs.stopDaemon('backup'),
  ];
  const ends = new Map<string, number>();
  for (let round = 0; round < 5000; round += 1) {
    const end = await calls[round % calls.length]!().then(
      () => 'answered',
      (error: unknown) => {
        if (isIpvsError(error)) return error.code;
        throw error;
      },
    );
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  for (const end of ['answered', 'IPVS_PROTOCOL', 'IPVS_REPLIES_LOST', 'IPVS_SERVICE_MISSING']) {
    expect(ends.get(end) ?? 0, end).toBeGreaterThan(50);
  }
});
