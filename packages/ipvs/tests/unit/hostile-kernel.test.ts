import type { Clock } from '@nodeagent/base';
import {
  ByteWriter,
  FLAG,
  MESSAGE,
  NetlinkError,
  type NetlinkSocket,
  splitMessages,
  writeMessage,
} from '@nodeagent/netlink-codec';
import { expect, it } from 'vitest';

import { COMMAND } from '../../src/codec/attrs.js';
import { daemonAttrs } from '../../src/codec/daemon-attrs.js';
import { encodeCommand, encodeOperations } from '../../src/codec/requests.js';
import { defineDestination, defineService, isIpvsError, KernelIpvs } from '../../src/index.js';

type Random = (below: number) => number;

/** Small, fast and the same every time. */
function randomNumbers(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const FAMILY = 30;
const id = { kind: 'address', protocol: 'tcp', address: '10.96.0.1', port: 80 } as const;
const service = defineService({ id, scheduler: 'rr', persistence: { timeoutSeconds: 60 } });
const destination = defineDestination({ address: '10.1.0.1', port: 80, forwarding: 'masquerade' });
const daemon = { role: 'backup', interface: 'lo', syncId: 1 } as const;

/** What a kernel could answer: bytes of every kind of message. */
const PAYLOADS: readonly (readonly [type: number, payload: Uint8Array])[] = [
  [FAMILY, encodeOperations(FAMILY, [{ kind: 'add-service', service }])[0]!.payload],
  [FAMILY, encodeOperations(FAMILY, [{ kind: 'add-destination', id, destination }])[0]!.payload],
  [FAMILY, encodeCommand(FAMILY, COMMAND.newDaemon, { daemon: daemonAttrs(daemon) }).payload],
  [FAMILY, encodeCommand(FAMILY, COMMAND.setConfig, { tcpTimeout: 1, udpTimeout: 3 }).payload],
  [MESSAGE.error, Buffer.alloc(20)],
  [MESSAGE.error, Buffer.from('fdffffff', 'hex')],
  [MESSAGE.error, Buffer.alloc(2)],
  [MESSAGE.done, Buffer.alloc(4)],
  [MESSAGE.done, Buffer.alloc(0)],
  [MESSAGE.overrun, Buffer.alloc(4)],
];

/** CTRL_ATTR_FAMILY_ID. */
const FAMILY_ANSWER = Buffer.from('0102000006000100' + '1e000000', 'hex');

/** Answers each request with a few frames that may be spoiled, cut, numbered wrongly, or lost. */
class HostileSocket implements NetlinkSocket {
  readonly portId = 1;
  readonly maxSendBytes = 100_000;
  readonly #random: Random;
  readonly #waiting: (Buffer | NetlinkError)[] = [];

  constructor(random: Random) {
    this.#random = random;
  }

  send(datagram: Uint8Array): void {
    for (const { type, sequence } of splitMessages(Buffer.from(datagram))) {
      if (type === 16) this.#answer(16, FAMILY_ANSWER, sequence);
      else for (let n = this.#random(4); n >= 0; n -= 1) this.#lie(sequence);
    }
  }

  receive(): Buffer | undefined {
    const next = this.#waiting.shift();
    if (next instanceof NetlinkError) throw next;
    return next;
  }

  join(): void {}
  leave(): void {}
  close(): void {}

  #lie(sequence: number): void {
    const random = this.#random;
    if (random(50) === 0) this.#waiting.push(new NetlinkError('NETLINK_LOST', 'too many'));
    const [type, payload] = PAYLOADS[random(PAYLOADS.length)]!;
    const datagram = this.#answer(type, payload, random(20) === 0 ? random(2 ** 31) : sequence);
    if (random(2) === 0) return;
    for (let n = random(3); n >= 0; n -= 1) datagram[random(datagram.length)] = random(256);
    if (random(4) === 0) {
      this.#waiting.pop();
      this.#waiting.push(datagram.subarray(0, random(datagram.length)));
    }
  }

  #answer(type: number, payload: Uint8Array, sequence: number): Buffer {
    const out = new ByteWriter();
    const flags = this.#random(2) === 0 ? FLAG.multi : 0;
    writeMessage(out, { type, flags, payload }, sequence);
    const datagram = out.copy();
    this.#waiting.push(datagram);
    return datagram;
  }
}

/** Time passes when somebody waits. */
function hastyClock(): Clock {
  let ms = 0;
  return {
    nowMs: () => ms,
    monotonicMs: () => ms,
    sleep: async (wait) => {
      ms += wait;
      return 'elapsed';
    },
  };
}

it('comes to an end with every call, whatever the kernel says', async () => {
  const random = randomNumbers(6);
  const ipvs = new KernelIpvs({ open: () => new HostileSocket(random), clock: hastyClock() });
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
