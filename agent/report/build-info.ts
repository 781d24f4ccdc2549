import { Gauge, type Registry } from 'prom-client';

/** Which version runs, for whoever reads this registry. */
export function buildInfo(registry: Registry, version: string): void {
  new Gauge({
    name: 'bind9_agent_build_info',
    help: 'Always 1; the label tells the version of the agent.',
    labelNames: ['version'],
    registers: [registry],
  }).set({ version }, 1);
}
