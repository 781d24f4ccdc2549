import type { Measured } from './figures.ts';

/** To be measured on the planner itself. */
export function plan(_zones: number, _runs: number): Measured {
  throw new Error('the plan benchmark is not connected to the planner yet');
}
