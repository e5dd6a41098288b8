import { describe } from 'vitest';

import { createScriptedProber, type ScriptedOutcome } from '../../src/testing/index.js';
import { proberContract } from './prober-contract.js';

describe('scripted prober', () => {
  const tcp = (outcome: ScriptedOutcome) => (signal: AbortSignal) =>
    createScriptedProber(outcome).tcp({ hostname: '::1', port: 1, timeoutMs: 1 }, signal);
  proberContract(async () => ({
    good: tcp('success'),
    bad: tcp('failure'),
    silent: tcp('never'),
    [Symbol.asyncDispose]: async () => undefined,
  }));
});
