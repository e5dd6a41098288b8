/**
 * `active`: uses resources, or its sources have not been heard yet. `ended`: nothing of it runs
 * again, but it is still shown. `gone`: no source has it, or nothing of it is needed.
 */
export type PodStanding = 'active' | 'ended' | 'gone';
