import { inject } from 'vitest';

/** Asks the run's main process for a shared server, which starts on the first question. @throws Error with its reason when it does not start. */
export async function askForServer<Facts>(name: string): Promise<Facts> {
  const response = await fetch(`${inject('sharedServers')}/${name}`);
  const text = await response.text();
  if (!response.ok) throw new Error(`the shared ${name} server did not start: ${text}`);
  return JSON.parse(text) as Facts;
}
