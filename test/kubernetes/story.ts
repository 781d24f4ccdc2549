import { onTestFinished } from 'vitest';
import type { ControlPlane } from '../control-plane/control-plane.ts';
import { makeRig, type Rig, type RigOptions } from '../rig/rig.ts';

/** A rig without instances and pods on the API server; it ends with the test. */
export async function openStory(plane: ControlPlane, options: RigOptions = {}): Promise<Story> {
  const none = { primaries: 0, secondaries: 0 };
  const rig = await makeRig({ agent: 'bundle', plane, ...none, ...options });
  onTestFinished(async ({ task }) => {
    if (task.result?.state === 'fail') console.error(rig.tails(30));
    await rig.close();
  });
  return new Story(plane, rig);
}

/** What a user does and sees, with kubectl, in the namespace of the story. */
export class Story {
  readonly plane: ControlPlane;
  readonly rig: Rig;

  constructor(plane: ControlPlane, rig: Rig) {
    this.plane = plane;
    this.rig = rig;
  }

  get namespace(): string {
    return this.rig.home.namespace;
  }

  /** `cat <<EOF | kubectl apply -f -`, for the namespace of the story. */
  apply(...blocks: readonly string[]): Promise<string> {
    const text = blocks.join('\n---\n').replaceAll('dns-system', this.namespace);
    return this.kubectl('apply', '-f', '-', { stdin: text });
  }

  kubectl(...words: readonly (string | { readonly stdin: string })[]): Promise<string> {
    const args = words.filter((word) => typeof word === 'string');
    const stdin = words.find((word) => typeof word !== 'string')?.stdin;
    return this.plane.kubectl(['-n', this.namespace, ...args], stdin);
  }

  /** Part of a zone as kubectl prints it. */
  jsonpath(zone: string, path: string): Promise<string> {
    return this.kubectl('get', 'dnszone', zone, '-o', `jsonpath={${path}}`);
  }

  /** A pod of an instance, of which nothing more is known than that. */
  async pod(name: string, instance: string): Promise<void> {
    await this.rig.add({ name, instance });
  }
}
