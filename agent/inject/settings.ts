import { declarations } from '../options/declarations.ts';

/** One key file in a Secret. */
export interface KeySecret {
  readonly secret: string;
  /** The key of its data under which the file is kept. */
  readonly file: string;
}

/** How agents are put into pods; what a pod's annotations say wins over it. */
export interface InjectSettings {
  readonly image: string;
  /** The uid that named and the agent get where the pod says none. */
  readonly user: number;
  /** Given to pods that name none; empty: none is given. */
  readonly serviceAccount: string;
  /** The cluster's key, `keys.cluster`. */
  readonly key?: KeySecret;
  /** `keys.files`. */
  readonly moreKeys: readonly KeySecret[];
  /** More settings of the agent: path of an option → its text, as in an environment variable. */
  readonly options: ReadonlyMap<string, string>;
  readonly cpu: string;
  readonly memory: string;
  readonly memoryLimit: string;
  /** The least that named and the agent get to end themselves. */
  readonly graceSeconds: number;
}

export const defaultSettings: Omit<InjectSettings, 'image'> = {
  user: Number(defaultOf('inject.user')),
  serviceAccount: defaultOf('inject.serviceAccount'),
  moreKeys: [],
  options: new Map(),
  cpu: defaultOf('inject.cpu'),
  memory: defaultOf('inject.memory'),
  memoryLimit: defaultOf('inject.memoryLimit'),
  graceSeconds: 60,
};

export const AGENT = 'bind9-agent';

const PREFIX = 'agent.bindy.firestoned.io/';
/** A label or an annotation; `false`: leave this pod as it is, `true`: it must get an agent. */
export const INJECT = `${PREFIX}inject`;
/** Annotations of the pod. */
export const annotationNames = {
  container: `${PREFIX}container`,
  conf: `${PREFIX}named-conf`,
  port: `${PREFIX}dns-port`,
  user: `${PREFIX}user`,
} as const;

/** Options that follow from the pod: nobody else can say them. */
export const settledOptions: readonly string[] = declarations
  .map(({ path }) => path)
  .filter((path) =>
    /^(cluster$|directory\.|paths\.|keys\.|webhook\.|inject\.|named\.(conf|tools)$|pod\.(name|uid|namespace|ips|labelsFile)$|kubernetes\.(kubeconfig|context|tokenFile|caFile)$)/.test(
      path,
    ),
  );

/** The text of an option where nobody says anything. */
export function defaultOf(path: string): string {
  const declaration = declarations.find((each) => each.path === path);
  if (declaration === undefined || !('value' in declaration.fallback))
    throw new Error(`${path} has no fixed default`);
  return String(declaration.fallback.value);
}
