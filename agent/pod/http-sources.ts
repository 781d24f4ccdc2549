import { createServer } from 'node:http';
import type { Agent } from './agent.ts';
import type { LocalCopies } from './local-copies.ts';
import type { AgentParts } from './parts.ts';

export async function serveHttp({
  parts,
  agent,
}: {
  parts: AgentParts;
  agent: Agent;
  copies: LocalCopies;
  feed: unknown;
  speaker: unknown;
}) {
  const server = createServer((req, res) => {
    const s = agent.state;
    if (req.url === '/startupz') {
      res.statusCode = s.notStarted === undefined ? 200 : 503;
      res.end(s.notStarted ?? 'ok');
      return;
    }
    if (req.url === '/readyz') {
      const ok = agent.link.state.kind === 'up' && s.reconciled && s.outcome !== undefined;
      res.statusCode = ok ? 200 : 503;
      res.end(JSON.stringify({ trouble: s.trouble, link: agent.link.state }));
      return;
    }
    res.end(JSON.stringify({ failures: s.outcome && [...s.outcome.failures] }));
  });
  await new Promise<void>((resolve) =>
    server.listen(parts.options.http.port, parts.options.http.address, resolve),
  );
  return {
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
