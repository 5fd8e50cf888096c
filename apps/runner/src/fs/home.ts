import { homedir } from "node:os";

/**
 * Sets `HOME` if it is missing. A container may run as a user that `/etc/passwd` does not list. Node has no home folder
 * for it and throws, and libraries request one while they load. Docker gives such a user the root folder. The temporary
 * folder is unsuitable, since another user could have put native parts there.
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
