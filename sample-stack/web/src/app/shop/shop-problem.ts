import { HttpErrorResponse } from '@angular/common/http';
import type { Problem } from '@hopwatch/shop-shared';

/** A failure in words for the customer. */
export interface ShopProblem {
  readonly detail: string;
  readonly traceId: string | null;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
}

const UNREACHABLE = 'The shop cannot be reached. Check your connection and try again.';

/** What an error means for the customer; errors that are no HTTP answer are bugs, and thrown. */
export function shopProblem(error: unknown): ShopProblem {
  if (!(error instanceof HttpErrorResponse)) throw error;
  const problem = isProblem(error.error) ? error.error : null;
  return {
    detail: problem?.detail ?? UNREACHABLE,
    traceId: problem?.traceId ?? null,
    retryable: error.status === 0 || error.status >= 500,
  };
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'detail' in body;
}
