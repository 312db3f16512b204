package fraud

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"hopwatch.dev/shop/orders/internal/money"
)

func TestJudge(t *testing.T) {
	euros := func(amount int64) money.Money { return money.Money{Currency: "EUR", MinorUnits: amount * 100} }
	tests := map[string]struct {
		purchase Purchase
		recent   Recent
		points   int
		refused  bool
	}{
		"ordinary":                   {Purchase{"ann@example.com", euros(80), 2}, Recent{}, 0, false},
		"busy customer":              {Purchase{"ann@example.com", euros(80), 2}, Recent{Orders: 10}, 30, false},
		"script":                     {Purchase{"ann@example.com", euros(80), 2}, Recent{Orders: 30}, 130, true},
		"spending adds up":           {Purchase{"ann@example.com", euros(1), 1}, Recent{Orders: 2, MinorUnits: 25_000_00}, 100, true},
		"at the limit":               {Purchase{"ann@example.com", euros(5000), 50}, Recent{MinorUnits: 20_000_00}, 0, false},
		"high total alone":           {Purchase{"ann@example.com", euros(5001), 1}, Recent{}, 30, false},
		"throwaway alone":            {Purchase{"ann@mailinator.com", euros(80), 1}, Recent{}, 70, false},
		"throwaway and high total":   {Purchase{"ann@mailinator.com", euros(5001), 1}, Recent{}, 100, true},
		"random name":                {Purchase{"qx7vk2mz9fj4wd8h@example.com", euros(80), 1}, Recent{}, 30, false},
		"long names of people":       {Purchase{"maximiliane.mustermann@example.com", euros(80), 1}, Recent{}, 0, false},
		"load generator's addresses": {Purchase{"customer-00012345@example.com", euros(80), 1}, Recent{}, 0, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := judge(test.purchase, test.recent)
			if got.Points != test.points || got.Refused() != test.refused {
				t.Errorf("got %+v (refused: %v), want %d points (refused: %v)", got, got.Refused(), test.points, test.refused)
			}
			if (got.Points == 0) != (len(got.Reasons) == 0) || slices.Contains(got.Reasons, "") {
				t.Errorf("points without reasons, or the reverse: %+v", got)
			}
		})
	}
}

type brokenHistory struct{ err error }

func (h brokenHistory) RecentOrders(context.Context, string, time.Duration) (Recent, error) {
	return Recent{}, h.err
}

func TestAssessWithoutHistoryIsNoVerdict(t *testing.T) {
	away := errors.New("database is away")
	if _, err := New(brokenHistory{away}).Assess(t.Context(), Purchase{}); !errors.Is(err, away) {
		t.Errorf("got %v, want %v", err, away)
	}
}
