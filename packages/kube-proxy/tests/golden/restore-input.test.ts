import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { renderRestore } from '@nodeagent/netfilter';
import { describe, expect, it } from 'vitest';

import { planRestore, renderPort } from '../../src/plan/iptables/restore-input.js';
import { planServiceRules } from '../../src/plan/iptables/service-rules.js';
import { aCluster } from '../../src/testing/builders.js';
import { EXAMPLES } from './examples.js';

describe('restore input', () => {
  it.each(EXAMPLES)('$name', ({ name, objects, settings, write, staleChains = [] }) => {
    const { builder } = aCluster(objects, { family: settings.family });
    builder.update();
    const tables = planRestore({
      view: builder.view,
      settings,
      write: write === undefined ? 'all' : new Set(write),
      textOf: (_key, port) => renderPort(port, settings),
      staleChains,
    });
    const golden = readFileSync(join(import.meta.dirname, `${name}.restore.txt`), 'utf8');
    expect([...renderRestore(tables)].join('')).toBe(golden);
  });

  it.each(EXAMPLES)('counts the rules of $name without creating them', ({ objects, settings }) => {
    const { builder } = aCluster(objects, { family: settings.family });
    builder.update();
    for (const view of builder.view.ports.values()) {
      const planned = planServiceRules(view, settings).length;
      expect(renderPort(view, settings).serviceRuleCount).toBe(planned);
    }
  });
});
