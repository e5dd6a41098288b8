import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { renderNftScript } from '@nodeagent/netfilter/nftables';
import { describe, expect, it } from 'vitest';

import { nftFamily,type NftSettings } from '../../src/plan/nftables/settings.js';
import { planWholeTable } from '../../src/plan/nftables/whole-table.js';
import { aCluster } from '../../src/testing/builders.js';
import { EXAMPLES } from './examples.js';

describe('nft script', () => {
  it.each(EXAMPLES)('$name', ({ name, objects, settings: given }) => {
    const { family, masqueradeMark, masqueradeAll, localTraffic, nodeIp } = given;
    const nodePortIps = family === 'IPv4' ? ['192.168.0.2'] : ('all' as const);
    const common = { family, masqueradeMark, masqueradeAll, localTraffic, nodeIp };
    const settings: NftSettings = { ...common, nodePortIps };
    const { builder } = aCluster(objects, { family });
    builder.setServiceCidrs(['10.96.0.0/12']);
    builder.update();
    const table = { family: nftFamily(family), name: 'kube-proxy' };
    const text = [...renderNftScript(table, planWholeTable(builder.view, settings))].join('');
    const file = join(import.meta.dirname, `${name}.nft.txt`);
    expect(text).toBe(readFileSync(file, 'utf8'));
  });
});
