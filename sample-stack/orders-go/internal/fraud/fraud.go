// Package fraud estimates the risk that an order is fraudulent: rules give points, and their sum
// decides.
package fraud

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"hopwatch.dev/shop/orders/internal/money"
)

// refusedFrom is the sum of points from which an order is refused.
const refusedFrom = 100

// Window is how far back the orders of a customer count.
const Window = 10 * time.Minute

// Purchase is an order to be judged.
type Purchase struct {
	CustomerEmail string
	Total         money.Money
	// LargestQuantity is the most units of one product.
	LargestQuantity int32
}

// Recent is what a customer ordered within the Window.
type Recent struct {
	Orders     int
	MinorUnits int64
}

// History knows the orders of the past.
type History interface {
	RecentOrders(ctx context.Context, customerEmail string, window time.Duration) (Recent, error)
}

// Verdict is the outcome: the points, and the rules that gave them.
type Verdict struct {
	Points  int
	Reasons []string
}

// Refused tells whether the risk is too high.
func (v Verdict) Refused() bool { return v.Points >= refusedFrom }

// Checker applies the rules.
type Checker struct{ history History }

// New returns a checker that looks into history.
func New(history History) *Checker { return &Checker{history} }

// Assess judges a purchase. The same purchase after the same history gets the same verdict.
func (c *Checker) Assess(ctx context.Context, purchase Purchase) (Verdict, error) {
	recent, err := c.history.RecentOrders(ctx, purchase.CustomerEmail, Window)
	if err != nil {
		return Verdict{}, fmt.Errorf("fraud check: %w", err)
	}
	return judge(purchase, recent), nil
}

// rules with the points that each gives when it applies.
var rules = []struct {
	reason  string
	points  int
	applies func(Purchase, Recent) bool
}{
	{"many orders within minutes", 100, func(_ Purchase, r Recent) bool { return r.Orders >= 30 }},
	{"several orders within minutes", 30, func(_ Purchase, r Recent) bool { return r.Orders >= 10 }},
	{"very high spending within minutes", 100, func(p Purchase, r Recent) bool {
		return r.MinorUnits+p.Total.MinorUnits > 25_000_00
	}},
	{"high total", 30, func(p Purchase, _ Recent) bool { return p.Total.MinorUnits > 5_000_00 }},
	{"many units of one product", 30, func(p Purchase, _ Recent) bool { return p.LargestQuantity > 50 }},
	{"throwaway address", 70, func(p Purchase, _ Recent) bool { return isThrowaway(p.CustomerEmail) }},
	{"address looks random", 30, func(p Purchase, _ Recent) bool { return looksRandom(p.CustomerEmail) }},
}

func judge(purchase Purchase, recent Recent) Verdict {
	var verdict Verdict
	for _, rule := range rules {
		if rule.applies(purchase, recent) {
			verdict.Points += rule.points
			verdict.Reasons = append(verdict.Reasons, rule.reason)
		}
	}
	return verdict
}

var throwawayDomains = map[string]bool{
	"10minutemail.com": true, "guerrillamail.com": true, "mailinator.com": true,
	"sharklasers.com": true, "temp-mail.org": true, "trashmail.com": true, "yopmail.com": true,
}

func isThrowaway(email string) bool {
	_, domain, _ := strings.Cut(email, "@")
	return throwawayDomains[domain]
}

// looksRandom: long names that people choose repeat letters; generated ones hardly do.
func looksRandom(email string) bool {
	name, _, _ := strings.Cut(email, "@")
	return len(name) >= 16 && bitsPerCharacter(name) > 3.9
}

// bitsPerCharacter is the Shannon entropy of the characters of s.
func bitsPerCharacter(s string) float64 {
	counts := make(map[rune]int)
	total := 0
	for _, character := range s {
		counts[character]++
		total++
	}
	var bits float64
	for _, count := range counts {
		share := float64(count) / float64(total)
		bits -= share * math.Log2(share)
	}
	return bits
}
