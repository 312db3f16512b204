package money

import "testing"

func TestString(t *testing.T) {
	for want, amount := range map[string]Money{
		"0.05 EUR":     {Currency: "EUR", MinorUnits: 5},
		"57.90 EUR":    {Currency: "EUR", MinorUnits: 5790},
		"10000.00 SEK": {Currency: "SEK", MinorUnits: 1_000_000},
	} {
		if got := amount.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
