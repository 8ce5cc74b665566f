/** Who asks, by the best word at hand. It is shown as unverified. */
import { hostname, userInfo } from 'node:os';

/** Variables in which CI systems name who started a job, in the order in which they are believed. */
const ACTOR_VARIABLES = [
  'GITHUB_ACTOR', // GitHub Actions
  'GITLAB_USER_LOGIN', // GitLab CI
  'BUILDKITE_BUILD_AUTHOR_EMAIL', // Buildkite
  'CIRCLE_USERNAME', // CircleCI
  'BUILD_REQUESTEDFOREMAIL', // Azure Pipelines
  'BUILD_USER_ID', // Jenkins, build-user-vars
  'BITBUCKET_STEP_TRIGGERER_UUID', // Bitbucket Pipelines
  'DRONE_COMMIT_AUTHOR_EMAIL', // Drone
  'SEMAPHORE_GIT_COMMIT_AUTHOR', // Semaphore
] as const;

export function userAtHost(): string {
  let user: string;
  try {
    user = userInfo().username;
  } catch {
    // In a container the uid may have no entry in passwd.
    user = `uid-${process.getuid?.() ?? 'unknown'}`;
  }
  return `${user}@${hostname()}`;
}

/** The given name, else the CI's actor, else user@host. */
export function requester(explicit: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const actor = ACTOR_VARIABLES.map((name) => env[name]).find((value) => value !== undefined && value.trim() !== '');
  return (explicit ?? actor ?? userAtHost()).slice(0, 200);
}
