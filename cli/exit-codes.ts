/** What a shell script learns from a command. The same table stands in `README.md` and in `redshank --help`. */
export const ExitCode = {
  ok: 0,
  failed: 1,
  /** Bad usage or bad settings: nothing was started or sent. */
  usage: 2,
  /** No answer from the server. */
  unreachable: 3,
  notFound: 4,
  /** The server or the command took nothing, or only a part, of what was given. */
  partial: 5,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

export const EXIT_CODE_HELP = `
Exit codes: 0 ok · 1 failed · 2 bad usage or settings · 3 server not reachable · 4 not found · 5 nothing or only a part accepted`;
