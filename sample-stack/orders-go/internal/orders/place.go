package orders

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/catalog"
	"hopwatch.dev/shop/orders/internal/fraud"
	"hopwatch.dev/shop/orders/internal/money"
	"hopwatch.dev/shop/orders/internal/payments"
	"hopwatch.dev/shop/orders/internal/postgres"
)

const releaseTimeout = 2 * time.Second

// Catalog knows names and prices.
type Catalog interface {
	Lookup(ctx context.Context, ids []string) (map[string]catalog.Product, error)
}

// Stock knows units at hand and takes them as part of a transaction.
type Stock interface {
	Levels(ctx context.Context, ids []string) (map[string]int32, error)
	Reserve(ctx context.Context, transaction pgx.Tx, quantities map[string]int32) error
}

// Fraud judges purchases.
type Fraud interface {
	Assess(ctx context.Context, purchase fraud.Purchase) (fraud.Verdict, error)
}

// Payments authorises payments and records them as part of a transaction; those whose order was not
// written are released.
type Payments interface {
	Authorise(ctx context.Context, charge payments.Charge) (uuid.UUID, error)
	Record(ctx context.Context, transaction pgx.Tx, payment payments.Payment) error
	Release(ctx context.Context, payment uuid.UUID) error
}

// Orders places and finds orders.
type Orders struct {
	Store    *Store
	Catalog  Catalog
	Stock    Stock
	Fraud    Fraud
	Payments Payments
}

// Place checks the request, and writes order and payment, or leaves nothing behind. The
// same request with the same idempotency key gives the same order again.
func (o *Orders) Place(ctx context.Context, request Request) (Order, error) {
	if err := request.validate(); err != nil {
		return Order{}, err
	}
	placed, err := o.Store.ByIdempotencyKey(ctx, request.IdempotencyKey)
	if !errors.Is(err, errNoOrder) {
		return replay(placed, request, err)
	}
	order, err := o.placeNew(ctx, request)
	if postgres.IsDuplicate(err) || status.Code(err) == codes.FailedPrecondition {
		// The same request may have been faster (and have taken the last units), or ours may have
		// been done by a commit whose answer was lost.
		placed, lookup := o.Store.ByIdempotencyKey(ctx, request.IdempotencyKey)
		if !errors.Is(lookup, errNoOrder) {
			return replay(placed, request, lookup)
		}
	}
	return order, err
}

// placeNew places an order of which nothing is known.
func (o *Orders) placeNew(ctx context.Context, request Request) (Order, error) {
	lines, err := o.check(ctx, request)
	if err != nil {
		return Order{}, err
	}
	order := Order{
		ID:             uuid.Must(uuid.NewV7()),
		IdempotencyKey: request.IdempotencyKey,
		CustomerEmail:  request.CustomerEmail,
		Lines:          lines,
		Total:          request.ExpectedTotal,
	}
	order.PaymentID, err = o.Payments.Authorise(ctx, payments.Charge{
		OrderID: order.ID, Amount: order.Total, CustomerEmail: order.CustomerEmail,
	})
	if err != nil {
		return Order{}, err
	}
	order.PlacedAt, err = o.Store.Insert(ctx, order, o.Payments, o.Stock)
	if err != nil {
		return Order{}, errors.Join(err, o.release(ctx, order.PaymentID))
	}
	return order, nil
}

// release gives a payment back, even if the client has gone or its deadline has passed.
func (o *Orders) release(ctx context.Context, payment uuid.UUID) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	if err := o.Payments.Release(ctx, payment); err != nil {
		return fmt.Errorf("release payment %s: %w", payment, err)
	}
	return nil
}

// check looks at prices, stock and fraud side by side and returns the lines with names and prices.
// If several refuse, the answer does not depend on which was first.
func (o *Orders) check(ctx context.Context, request Request) ([]Line, error) {
	var (
		products map[string]catalog.Product
		levels   map[string]int32
		verdict  fraud.Verdict
	)
	ids := request.productIDs()
	checks, ctx := errgroup.WithContext(ctx)
	checks.Go(func() (err error) {
		products, err = o.Catalog.Lookup(ctx, ids)
		return err
	})
	checks.Go(func() (err error) {
		levels, err = o.Stock.Levels(ctx, ids)
		return err
	})
	checks.Go(func() (err error) {
		verdict, err = o.Fraud.Assess(ctx, fraud.Purchase{
			CustomerEmail:   request.CustomerEmail,
			Total:           request.ExpectedTotal,
			LargestQuantity: request.largestQuantity(),
		})
		return err
	})
	if err := checks.Wait(); err != nil {
		return nil, err
	}
	lines, err := price(request, products)
	if err != nil {
		return nil, err
	}
	for _, line := range lines {
		if units := levels[line.ProductID]; units < line.Quantity {
			return nil, refused("%s (%s): %d wanted, %d in stock", line.ProductName, line.ProductID, line.Quantity, units)
		}
	}
	if verdict.Refused() {
		return nil, refused("the order looks fraudulent: %s", strings.Join(verdict.Reasons, ", "))
	}
	return lines, nil
}

// price returns the lines of the request with names and prices, if they add up to what the
// customer was shown.
func price(request Request, products map[string]catalog.Product) ([]Line, error) {
	lines := make([]Line, len(request.Lines))
	total := money.Money{Currency: request.ExpectedTotal.Currency}
	for i, asked := range request.Lines {
		product, known := products[asked.ProductID]
		if !known {
			return nil, status.Errorf(codes.NotFound, "there is no product %s", asked.ProductID)
		}
		if product.Price.Currency != total.Currency {
			return nil, refused("%s is sold in %s, not in %q", product.ID, product.Price.Currency, total.Currency)
		}
		lines[i] = Line{
			ProductID: product.ID, ProductName: product.Name, Quantity: asked.Quantity, UnitPrice: product.Price,
		}
		total.MinorUnits += product.Price.MinorUnits * int64(asked.Quantity)
	}
	if total != request.ExpectedTotal {
		return nil, refused("the total is %s now, not %s", total, request.ExpectedTotal)
	}
	return lines, nil
}

// replay answers a request whose idempotency key was used before.
func replay(placed Order, request Request, err error) (Order, error) {
	if err != nil {
		return Order{}, err
	}
	if !placed.answers(request) {
		return Order{}, status.Errorf(codes.AlreadyExists,
			"idempotency_key %s was used for a different order", request.IdempotencyKey)
	}
	return placed, nil
}
