package stock

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

const soldOut, scarce, plenty = "p00008", "p00021", "p00001"

func TestGetStock(t *testing.T) {
	server := NewServer(New(shoptest.Open(t, shoptest.NewDatabase(t))))
	response, err := server.GetStock(t.Context(), &shopv1.GetStockRequest{
		ProductIds: []string{scarce, "unknown", soldOut, scarce},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, level := range response.GetLevels() {
		got = append(got, level.GetProductId())
	}
	if len(got) != 3 || got[0] != scarce || got[1] != soldOut || got[2] != scarce || response.GetLevels()[0].GetUnits() != 5 {
		t.Errorf("got %v, want the known ones in the order asked for", response.GetLevels())
	}
	for _, ids := range [][]string{nil, make([]string, 201), {"p00001", "x;"}} {
		if _, err := server.GetStock(t.Context(), &shopv1.GetStockRequest{ProductIds: ids}); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%d ids: got %v", len(ids), err)
		}
	}
}

func TestReserve(t *testing.T) {
	database := shoptest.Open(t, shoptest.NewDatabase(t))
	stock := New(database)
	reserve := func(quantities map[string]int32) error {
		return database.Transact(t.Context(), func(ctx context.Context, transaction pgx.Tx) error {
			return stock.Reserve(ctx, transaction, quantities)
		})
	}
	for name, quantities := range map[string]map[string]int32{
		"sold out":                     {soldOut: 1},
		"more than there is":           {scarce: 6},
		"one of several is short":      {plenty: 2, scarce: 6},
		"a product that has no record": {plenty: 2, "unknown": 1},
	} {
		if err := reserve(quantities); status.Code(err) != codes.FailedPrecondition {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// More customers than units: each unit is sold once, nobody deadlocks.
	var customers sync.WaitGroup
	outcomes := make(chan error, 20)
	for range cap(outcomes) {
		customers.Go(func() { outcomes <- reserve(map[string]int32{scarce: 1, plenty: 1}) })
	}
	customers.Wait()
	close(outcomes)
	sold := 0
	for err := range outcomes {
		switch {
		case err == nil:
			sold++
		case status.Code(err) != codes.FailedPrecondition:
			t.Error(err)
		}
	}
	levels, err := stock.Levels(t.Context(), []string{scarce, plenty})
	if err != nil || sold != 5 || levels[scarce] != 0 || levels[plenty] != 1_000_000-5 {
		t.Errorf("%d sold, left %v, %v; want 5 sold", sold, levels, err)
	}
}
