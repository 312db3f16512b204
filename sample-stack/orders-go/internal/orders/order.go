// Package orders places orders and remembers them. It leaves prices, stock, fraud and payments to
// the modules of those names, which it knows by small interfaces only.
package orders

import (
	"cmp"
	"fmt"
	"net/mail"
	"slices"
	"time"

	"github.com/google/uuid"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/productid"
)

const (
	maxLines       = 50
	maxQuantity    = 99
	maxEmailLength = 254 // RFC 5321, 4.5.3.1.3
)

// Line is a quantity of one product. The name and the price are those of the moment of ordering.
type Line struct {
	ProductID   string
	ProductName string
	Quantity    int32
	UnitPrice   money.Money
}

// Order is what a customer bought. An order that exists is paid and its stock is reserved.
type Order struct {
	ID             uuid.UUID
	IdempotencyKey uuid.UUID
	PaymentID      uuid.UUID
	CustomerEmail  string
	Lines          []Line
	Total          money.Money
	PlacedAt       time.Time
}

// Request asks for an order. Lines have product ids and quantities only.
type Request struct {
	IdempotencyKey uuid.UUID
	CustomerEmail  string
	Lines          []Line
	ExpectedTotal  money.Money
}

// answers tells whether the order is what the request asks for.
func (o Order) answers(request Request) bool {
	sameLine := func(a, b Line) bool { return a.ProductID == b.ProductID && a.Quantity == b.Quantity }
	byProduct := func(a, b Line) int { return cmp.Compare(a.ProductID, b.ProductID) }
	ours := slices.SortedFunc(slices.Values(o.Lines), byProduct)
	theirs := slices.SortedFunc(slices.Values(request.Lines), byProduct)
	return o.CustomerEmail == request.CustomerEmail && o.Total == request.ExpectedTotal &&
		slices.EqualFunc(ours, theirs, sameLine)
}

// productIDs are those of the lines, in their order.
func (r Request) productIDs() []string {
	ids := make([]string, len(r.Lines))
	for i, line := range r.Lines {
		ids[i] = line.ProductID
	}
	return ids
}

// largestQuantity is the most units of one product.
func (r Request) largestQuantity() int32 {
	byQuantity := func(a, b Line) int { return cmp.Compare(a.Quantity, b.Quantity) }
	return slices.MaxFunc(r.Lines, byQuantity).Quantity
}

// validate returns INVALID_ARGUMENT with the first rule of the contract that the request breaks.
func (r Request) validate() error {
	if len(r.Lines) == 0 || len(r.Lines) > maxLines {
		return invalid("%d lines given; an order has 1 to %d", len(r.Lines), maxLines)
	}
	seen := make(map[string]bool, len(r.Lines))
	for i, line := range r.Lines {
		if err := productid.Check(line.ProductID); err != nil {
			return err
		}
		if seen[line.ProductID] {
			return invalid("line %d: product %s is there already; add up the quantities", i+1, line.ProductID)
		}
		seen[line.ProductID] = true
		if line.Quantity < 1 || line.Quantity > maxQuantity {
			return invalid("line %d: quantity is %d; it must be 1 to %d", i+1, line.Quantity, maxQuantity)
		}
	}
	if r.ExpectedTotal.MinorUnits < 1 || len(r.ExpectedTotal.Currency) != 3 {
		return invalid("expected_total must be a positive amount of a currency, as shown to the customer")
	}
	return nil
}

// parseUUID reads the text of the field of that name.
func parseUUID(field, text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	// Parse takes other spellings of UUIDs too.
	if err != nil || len(text) != len(uuid.Nil.String()) {
		return uuid.Nil, invalid("%s %.60q is not a UUID", field, text)
	}
	return id, nil
}

// parseEmail returns the address in lower case: one customer, however they spell it.
func parseEmail(text string) (string, error) {
	address, err := mail.ParseAddress(text)
	if err != nil || address.Address != text || len(text) > maxEmailLength {
		// Not quoted: messages are logged, and logs hold no personal data.
		return "", invalid("customer_email is not an e-mail address")
	}
	// Of all of Unicode's rules: strings.ToLower knows those of single characters.
	return cases.Lower(language.Und).String(text), nil
}

func invalid(format string, arguments ...any) error {
	return status.Error(codes.InvalidArgument, fmt.Sprintf(format, arguments...))
}

func refused(format string, arguments ...any) error {
	return status.Error(codes.FailedPrecondition, fmt.Sprintf(format, arguments...))
}
