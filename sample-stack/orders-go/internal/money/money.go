// Package money is an amount of one currency.
package money

import (
	"fmt"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
)

// Money is an amount in minor units (cents) of a currency (ISO 4217).
type Money struct {
	Currency   string
	MinorUnits int64
}

// FromProto reads the wire form; nil is no money at all.
func FromProto(wire *shopv1.Money) Money {
	return Money{Currency: wire.GetCurrency(), MinorUnits: wire.GetMinorUnits()}
}

// Proto is the wire form.
func (m Money) Proto() *shopv1.Money {
	return &shopv1.Money{Currency: m.Currency, MinorUnits: m.MinorUnits}
}

// String writes the amount for people, as in "12.50 EUR".
func (m Money) String() string {
	return fmt.Sprintf("%d.%02d %s", m.MinorUnits/100, m.MinorUnits%100, m.Currency)
}
