/** What a run of faults is asked for: its seed, and which cases. */

/** Prints how the same run is had again. */
export function wished(what: string): { seed: number; only: string | undefined } {
  const seed = Number(process.env['FABER_DB_FAULTS_SEED'] ?? Date.now() % 1_000_000);
  console.log(`${what}: seed ${seed} (FABER_DB_FAULTS_SEED=${seed} npm run faults: the same again)`);
  return { seed, only: process.env['FABER_DB_FAULTS_ONLY'] };
}
