/** What `redshank doctor` finds, one check at a time. */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'warn' | 'fail';
  /** What was found and, unless it is ok, what to do. */
  readonly message: string;
}

export const ok = (check: string, message: string): Finding => ({ check, state: 'ok', message });
export const warn = (check: string, message: string): Finding => ({ check, state: 'warn', message });
export const fail = (check: string, message: string): Finding => ({ check, state: 'fail', message });

/** What went wrong, for a finding. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
