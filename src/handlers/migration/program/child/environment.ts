/** Which part of a config for several environments is meant. */
import { Unusable } from './contract.js';

/** Names that mean the same to everybody. */
const ALIKE: Record<string, string> = { dev: 'development', development: 'dev', prod: 'production', production: 'prod', stage: 'staging', staging: 'stage' };

/** The one of our environment's name, else the one that NODE_ENV names, else the only one. @throws Unusable */
export function chosenEnvironment(config: Record<string, unknown>, environment: string, file: string): { name: string; config: Record<string, unknown> } {
  const names = Object.keys(config).filter((name) => config[name] instanceof Object && name !== 'default');
  const wanted = [environment, ALIKE[environment], process.env['NODE_ENV'], names.length === 1 ? names[0] : undefined];
  const name = wanted.find((one) => one !== undefined && names.includes(one));
  if (name !== undefined) return { name, config: config[name] as Record<string, unknown> };
  throw new Unusable(`${file} has no environment '${environment}': it has ${names.join(', ') || 'none'}.`, [`Name one of its environments '${environment}', or set NODE_ENV on the worker to the one that is meant`]);
}
