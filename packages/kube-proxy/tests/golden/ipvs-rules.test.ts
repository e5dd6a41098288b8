import { renderSave } from '@nodeagent/ipvs';
import { renderRestore } from '@nodeagent/netfilter';
import { renderIpsetRestore } from '@nodeagent/netfilter/ipset';
import { expect, it } from 'vitest';

import { ForwardingPlanner } from '../../src/plan/ipvs/forwarding.js';
import { planIpvsRules } from '../../src/plan/ipvs/rules.js';
import { SET_IDS, setSpec } from '../../src/plan/ipvs/sets.js';
import { aCluster } from '../../src/testing/index.js';
import { WORLDS } from '../packets/cases.js';
import { FAMILIES, NODE, nodeAddresses, ZONE } from '../packets/hosts.js';
import { WorldObjects } from '../packets/objects.js';

it.each(FAMILIES)('ipvs mode for the services of the packet cases, %s', async (family) => {
  const topology = { nodeName: NODE, zone: ZONE };
  // Services that the API server's selectors leave out do not arrive here
  const services = WORLDS[0]?.services.filter(({ otherProxy }) => otherProxy !== true) ?? [];
  const objects = new WorldObjects(services);
  const { builder } = aCluster(objects.all, { family, topology });
  builder.update();
  const settings = {
    family,
    scheduler: 'rr',
    nodeIp: nodeAddresses(family)[0],
    masqueradeMark: 0x4000,
    masqueradeAll: false,
    randomFully: true,
    localTraffic: {
      kind: 'from-cidr' as const,
      cidr: family === 'IPv4' ? '10.244.0.0/16' : 'fd00:10:244::/48',
    },
  };
  const own = nodeAddresses(family).slice(0, 1);
  const plan = new ForwardingPlanner(settings).plan(builder.view, {
    nodePortIps: own,
    others: new Set(own),
  });
  const sets = SET_IDS.map((id) => ({
    spec: setSpec(id, family),
    entries: [...plan.sets[id].values()],
  }));
  const text = [
    ...renderRestore(planIpvsRules(plan, settings)),
    renderIpsetRestore(sets),
    renderSave(plan.servers),
  ].join('\n');
  await expect(text).toMatchFileSnapshot(`ipvs-${family.toLowerCase()}.txt`);
});
