import { expect, it } from 'vitest';

import { holdTrueClock } from '../../src/machine/true-clock.ts';

/** A machine whose clock runs so many times as fast as the host's, until another source is chosen. */
function machineOf(rate: number, { rateOfOther = 1, answerMs = 100 } = {}) {
  const asked: string[] = [];
  let [nowMs, uptimeMs] = [0, 10_000];
  const pass = async (ms: number): Promise<void> => {
    nowMs += ms;
    uptimeMs += ms * (asked.length === 0 ? rate : rateOfOther);
  };
  const sh = async (script: string): Promise<string> => {
    await pass(answerMs);
    const text = `${(uptimeMs / 1000).toFixed(2)} 5.00\n`;
    if (script.includes('current_clocksource')) asked.push('another clock');
    await pass(answerMs);
    return text;
  };
  return { name: 'node1', sh, asked, host: { nowMs: () => nowMs, pause: pass } };
}

it.each([
  { rate: 1, answerMs: 100, asked: [] },
  { rate: 1.05, answerMs: 100, asked: [] },
  { rate: 1, answerMs: 3000, asked: [] },
  { rate: 9, answerMs: 100, asked: ['another clock'] },
  { rate: 9, answerMs: 500, asked: ['another clock'] },
  { rate: 0.2, answerMs: 100, asked: ['another clock'] },
])('a clock at $rate, asked in $answerMs ms, needs $asked', async ({ rate, answerMs, asked }) => {
  const machine = machineOf(rate, { answerMs });
  await holdTrueClock(machine, machine.host);
  expect(machine.asked).toEqual(asked);
});

it('a machine without a true clock is of no use', async () => {
  const machine = machineOf(9, { rateOfOther: 9 });
  const text = "the clock of machine node1 does not run as fast as the host's";
  await expect(holdTrueClock(machine, machine.host)).rejects.toThrow(text);
});
