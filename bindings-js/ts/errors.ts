// What a program hears when something fails: a stable code, a sentence that helps, and what it is about.

/** What kind of failure it was. The same words in every language and on the command line. */
export type ErrorCode =
  | "not_found"
  | "offline"
  | "auth_failed"
  | "permission_denied"
  | "policy_rejected"
  | "invalid_op"
  | "chain_forked"
  | "not_fast_forward"
  | "version_mismatch"
  | "payload_too_large"
  | "rate_limited"
  | "quota_exceeded"
  | "storage_full"
  | "storage_corrupt"
  | "repo_mismatch"
  | "timeout"
  | "aborted"
  | "invalid_argument"
  | "not_a_repo"
  | "locked"
  | "config_invalid"
  | "schema_newer"
  | "unrecorded_changes"
  | "path_refused"
  | "diverged"
  | "no_progress"
  | "already_exists"
  | "conflict_moved"
  | "clock_ahead"
  | "body_missing"
  | "unsupported";

const RETRYABLE: ReadonlySet<string> = new Set<ErrorCode>([
  "offline",
  "rate_limited",
  "quota_exceeded",
  "storage_full",
  "timeout",
  "locked",
  "no_progress",
  "clock_ahead",
  "body_missing",
]);

/** What else is known of a failure. */
export interface ErrorDetails {
  /** The op that it is about. */
  op?: string | undefined;
  /** The repo that it is about. */
  repo?: string | undefined;
  /** The place that it is about: a path of a file, or a pointer in a value. */
  path?: string | undefined;
  /** What failed underneath. */
  cause?: unknown;
}

/**
 * The one error type of this package. The message never holds a value of the user's.
 *
 * @example
 * ```ts
 * import { open, TrellisError } from "trellis-sync";
 * const repo = await open("notes");
 * try {
 *   await repo.set("todo", "Buy milk");
 * } catch (error) {
 *   if (!(error instanceof TrellisError)) throw error;
 *   console.log(error.code, error.retryable, error.message);
 *   // invalid_argument false A place is written collection/key/field/...
 * }
 * ```
 */
export class TrellisError extends Error {
  /** `TrellisError`, as stack traces show it. */
  override readonly name = "TrellisError";
  /** The stable code. */
  readonly code: ErrorCode;
  /** The op that it is about, if it is about one. */
  readonly op?: string;
  /** The repo that it is about, if it is about one. */
  readonly repo?: string;
  /** The place that it is about, if it is about one. */
  readonly path?: string;

  /** Takes what each field says, in sentences for people. */
  constructor(code: ErrorCode, message: string, { op, repo, path, cause }: ErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    if (op !== undefined) this.op = op;
    if (repo !== undefined) this.repo = repo;
    if (path !== undefined) this.path = path;
  }

  /** Whether the same call, made again later, may succeed although the caller changed nothing. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}

/** What was thrown as a `TrellisError`: one as it is, what the core throws by its code, anything else as `aborted`. */
export function asError(thrown: unknown): TrellisError {
  if (thrown instanceof TrellisError) return thrown;
  if (typeof thrown === "object" && thrown !== null && "code" in thrown && "message" in thrown) {
    const { code, message, ...details } = thrown as ErrorDetails & { code: ErrorCode; message: string };
    if (typeof code === "string" && /^[a-z_]+$/.test(code)) return new TrellisError(code, sentence(message), details);
  }
  return new TrellisError("aborted", "Something failed that should not. Open the repo again.", { cause: thrown });
}

/** The sentence of the core's message: it begins small and has no full stop. */
function sentence(message: string): string {
  const text = message.charAt(0).toUpperCase() + message.slice(1);
  return text.endsWith(".") ? text : `${text}.`;
}

/** The `aborted` error of a repo that was closed. */
export function closed(): TrellisError {
  return new TrellisError("aborted", "The repo was closed. Open it again.");
}

/** The `aborted` error of a signal. */
export function abortedBy(signal: AbortSignal): TrellisError {
  return new TrellisError("aborted", "The call was aborted by its signal.", { cause: signal.reason });
}
