/**
 * The environment of a client or worker that must reach one local server, whatever Temporal settings this shell has: a
 * profile or TLS variable meant for production would otherwise join in, or worse, lead there.
 */
export function localTemporal(address: string, namespace: string): NodeJS.ProcessEnv {
  // A file that does not exist counts as empty; without the variable the user's own would be read.
  return { ...withoutTemporal(), TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, TEMPORAL_CONFIG_FILE: '/nonexistent/temporal.toml' };
}

/** This process's environment without any Temporal setting. */
export function withoutTemporal(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('TEMPORAL_')));
}
