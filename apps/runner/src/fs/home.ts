import { homedir } from "node:os";

/**
 * Sets `HOME` where there is none. A container may run as a user that `/etc/passwd` does not know, for whom Node has no home folder
 * and throws; libraries ask for one while they are loaded. The root folder is what Docker gives such a user: not
 * the temporary folder, in which another user could have put native parts.
 */
export function ensureHome(environment: NodeJS.ProcessEnv = process.env): void {
  if (environment.HOME) return;
  // An empty one would make paths relative to the current folder.
  delete environment.HOME;
  environment.HOME = homeOrRoot();
}

function homeOrRoot(): string {
  try {
    return homedir();
  } catch {
    return "/";
  }
}
