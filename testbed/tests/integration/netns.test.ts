import { afterEach, describe, expect, it } from 'vitest';

import { createNetns, type Netns } from '../../src/index.ts';

describe(createNetns, () => {
  const made: Netns[] = [];
  afterEach(async () => {
    for (const netns of made.splice(0)) await netns.remove();
  });

  it('joins two namespaces by a cable, and shares nothing else with the machine', async () => {
    const left = await createNetns();
    const right = await createNetns();
    made.push(left, right);
    await left.connect('eth0', ['10.0.0.1/24', 'fd00:1::1/64'], {
      netns: right,
      device: 'eth0',
      addresses: ['10.0.0.2/24', 'fd00:1::2/64'],
    });
    const server = ['busybox', 'nc', '-l', '-p', '7000', '-e', 'echo', 'hello'];
    const answers = right.run(['timeout', '5', ...server]);
    const ask = 'for i in 1 2 3 4 5; do busybox nc 10.0.0.2 7000 && exit; sleep 0.2; done';
    expect(await left.run(['sh', '-c', ask])).toBe('hello\n');
    await answers;
    expect(await left.run(['iptables-save'])).not.toContain('-A ');
    const addresses = await left.run(['ip', '-6', '-br', 'addr', 'show', 'eth0']);
    expect(addresses).toContain('fd00:1::1/64');
  });
});
