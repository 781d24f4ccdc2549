import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import './global-setup.ts';
import { type OneNode, startNode } from './node.ts';

/** One real node for all tests of a file. Where it cannot be had, they are left out with the reason. */
export function useNode(): () => OneNode {
  const provided = inject('node');
  let node: OneNode | undefined;

  beforeAll(async () => {
    if (provided.ok) node = await startNode(provided);
  }, 300_000);

  beforeEach(({ skip, onTestFailed }) => {
    if (!provided.ok) skip(provided.why);
    onTestFailed(async () => console.error(await node?.tails()));
  });

  afterAll(async () => {
    await node?.stop();
  }, 120_000);

  return () => {
    if (node === undefined) throw new Error('the node is up within tests only');
    return node;
  };
}
