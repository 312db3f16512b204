/**
 * Every call earns one token and every retry costs five: retries add at most a fifth to what is
 * asked of the server ...
 */
const RETRY_PRICE = 5;
/** ... beyond a burst of 200: when it restarts, all that it was working on is asked again. */
const LIMIT = 200 * RETRY_PRICE;

/**
 * A token bucket from which retries are paid, so that they cannot multiply the load on a server
 * that is in trouble.
 */
export class RetryBudget {
  private tokens = LIMIT;

  /** Called once for all that is asked, retried or not. */
  earn(): void {
    this.tokens = Math.min(this.tokens + 1, LIMIT);
  }

  /** Whether one retry can be afforded; takes its price. */
  spend(): boolean {
    if (this.tokens < RETRY_PRICE) return false;
    this.tokens -= RETRY_PRICE;
    return true;
  }
}
