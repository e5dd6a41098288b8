import { tiers } from '../../vitest.config.base.ts';

export default tiers();
