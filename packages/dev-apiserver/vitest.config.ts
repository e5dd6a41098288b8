import { tiers } from '../../vitest.config.base.ts';

export default tiers({ expect: { poll: { timeout: 10_000 } } }); // a loaded machine is no failure
