package labs

import (
	"context"
	"reflect"
	"testing"
)

const statement = "-- SELECT products\nSELECT id\nFROM products\nWHERE id > $1 AND category = $2"

func TestSlowDown(t *testing.T) {
	recorded, err := call(t.Context(), t, slowSQL.key, "shop-orders/PlaceOrder:80ms", func(ctx context.Context) {
		arguments := []any{"p1", "Bath"}
		sql, given := SlowDown(ctx, statement, arguments)
		want := "-- SELECT products\nSELECT * FROM (\nSELECT id\nFROM products\nWHERE id > $1 AND category = $2\n" +
			") AS rows\nWHERE (SELECT pg_sleep($3)) IS NOT NULL"
		if sql != want || !reflect.DeepEqual(given, []any{"p1", "Bath", 0.08}) {
			t.Errorf("%s\nwith %v", sql, given)
		}
		if sql, given := SlowDown(ctx, statement, arguments); sql != statement || len(given) != 2 {
			t.Errorf("the second statement is slow too: %s with %v", sql, given)
		}
	})
	if err != nil {
		t.Error(err)
	}
	expectRecorded(t, recorded, nameAttribute.String("slow-sql"), delayAttribute.Int(80))
}

func TestNPlusOne(t *testing.T) {
	ids := []string{"a", "b", "c"}
	tests := map[string]struct {
		asked   string
		batches [][]string
		again   []string
		extra   int
	}{
		"not asked":       {"", [][]string{{"a", "b", "c"}}, nil, 0},
		"another method":  {"shop-orders/GetStock:9", [][]string{{"a", "b", "c"}}, nil, 0},
		"some":            {"shop-orders/PlaceOrder:2", [][]string{{"a"}, {"b"}, {"c"}}, ids[:2], 2 + 2},
		"one":             {"shop-orders/PlaceOrder:1", [][]string{{"a"}, {"b", "c"}}, ids[:1], 1 + 1},
		"more than there": {"shop-orders/PlaceOrder:200", [][]string{{"a"}, {"b"}, {"c"}}, ids, 2 + 3},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			recorded, err := call(t.Context(), t, nPlusOne.key, test.asked, func(ctx context.Context) {
				if got := Batches(ctx, ids); !reflect.DeepEqual(got, test.batches) {
					t.Errorf("batches %v, want %v", got, test.batches)
				}
				if got := Again(ctx, ids); !reflect.DeepEqual(got, test.again) {
					t.Errorf("again %v, want %v", got, test.again)
				}
				// Nothing to be asked for is nothing extra.
				if got := Batches(ctx, nil); len(got) != 1 || len(got[0]) != 0 {
					t.Errorf("batches of nothing: %v", got)
				}
			})
			if err != nil {
				t.Error(err)
			}
			if test.extra == 0 {
				expectRecorded(t, recorded)
				return
			}
			expectRecorded(t, recorded, nameAttribute.String("n-plus-one"), extraQueriesAttribute.Int(test.extra))
		})
	}
}

func TestMalformedLabsAreRecorded(t *testing.T) {
	for key, want := range map[string]string{
		slowSQL.key:  `"shop-orders:lots" is not <service>[/<method>]:<1..10000>ms`,
		nPlusOne.key: `"shop-orders:lots" is not <service>[/<method>]:<1..200>`,
	} {
		recorded, err := call(t.Context(), t, key, "shop-orders:lots", func(ctx context.Context) {
			if sql, _ := SlowDown(ctx, statement, nil); sql != statement || len(Batches(ctx, []string{"a", "b"})) != 1 {
				t.Error("obeyed")
			}
		})
		if err != nil {
			t.Error(err)
		}
		expectRecorded(t, recorded, errorAttribute.String(want))
	}
}
