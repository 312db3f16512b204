package postgres

import "sync"

const (
	// Every call earns one token and every retry costs five: retries add at most a fifth to what is
	// asked of the server ...
	retryPrice = 5
	// ... beyond a burst of 200: when it restarts, all that it was working on is asked again.
	budgetLimit = 200 * retryPrice
)

// budget is a token bucket from which retries are paid, so that they cannot multiply the load on a
// server that is in trouble.
type budget struct {
	mu     sync.Mutex
	tokens int
}

func newBudget() *budget { return &budget{tokens: budgetLimit} }

// earn is called once for all that is asked, retried or not.
func (b *budget) earn() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+1, budgetLimit)
}

// spend tells whether one retry can be afforded, and takes its price.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < retryPrice {
		return false
	}
	b.tokens -= retryPrice
	return true
}
