import { MemoryIptables } from '../../src/testing/index.js';
import { iptablesContract } from './iptables-contract.js';

iptablesContract('in memory', async () => new MemoryIptables('IPv4'));
