package orders

import (
	"context"
	"errors"
	"log/slog"
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
)

// settleTimeout bounds what must still be put right after the caller may have gone.
const settleTimeout = 5 * time.Second

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

// Payments takes money, and gives it back if the order does not come about.
type Payments interface {
	Authorise(ctx context.Context, charge payments.Charge) (uuid.UUID, error)
	Void(ctx context.Context, id uuid.UUID) error
}

// Orders places and finds orders.
type Orders struct {
	Store    *Store
	Catalog  Catalog
	Stock    Stock
	Fraud    Fraud
	Payments Payments
	Log      *slog.Logger
}

// Place checks the request, takes the payment and writes the order, or leaves nothing behind. The
// same request with the same idempotency key gives the same order again.
func (o *Orders) Place(ctx context.Context, request Request) (Order, error) {
	if err := request.validate(); err != nil {
		return Order{}, err
	}
	placed, err := o.Store.ByIdempotencyKey(ctx, request.IdempotencyKey)
	if !errors.Is(err, errNoOrder) {
		return replay(placed, request, err)
	}
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
	order.PlacedAt, err = o.Store.Insert(ctx, order, o.Stock)
	if err != nil {
		return o.settle(ctx, order, request, err)
	}
	return order, nil
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

// settle puts things right after the order could not be written, or so it seems: a commit whose
// answer was lost may have succeeded, and the same request may have been faster.
func (o *Orders) settle(ctx context.Context, order Order, request Request, cause error) (Order, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	placed, err := o.Store.ByIdempotencyKey(ctx, order.IdempotencyKey)
	if err == nil && placed.ID == order.ID {
		return placed, nil
	}
	if err != nil && !errors.Is(err, errNoOrder) {
		// Whether there is an order is unknown: the payment must not be taken away from it.
		o.Log.ErrorContext(ctx, "payment left open", "payment", order.PaymentID, "error", err.Error())
		return Order{}, cause
	}
	if voidErr := o.Payments.Void(ctx, order.PaymentID); voidErr != nil {
		o.Log.ErrorContext(ctx, "payment left open", "payment", order.PaymentID, "error", voidErr.Error())
	}
	if err == nil {
		return replay(placed, request, nil)
	}
	return Order{}, cause
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
