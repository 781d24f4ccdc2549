/** Every environment variable of the agent starts so. */
export const environmentPrefix = 'BIND9_AGENT_';

/** The variable and the flag that name the YAML file; they are no options themselves. */
export const configVariable = `${environmentPrefix}CONFIG`;
export const configFlag = '--config';

const words = (path: string): string[] =>
  path.split('.').flatMap((part) => part.split(/(?=[A-Z])/).map((word) => word.toLowerCase()));

/** `named.controlPort` → `BIND9_AGENT_NAMED_CONTROL_PORT`. */
export const environmentName = (path: string): string =>
  environmentPrefix + words(path).join('_').toUpperCase();

/** `named.controlPort` → `--named-control-port`. */
export const flagName = (path: string): string => `--${words(path).join('-')}`;
