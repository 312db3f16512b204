package config

import (
	"strings"
	"testing"
	"time"
)

func TestOrders(t *testing.T) {
	const database = "postgres://shop@127.0.0.1:15432/shop"
	tests := map[string]struct {
		env      map[string]string
		want     Config
		problems []string
	}{
		"defaults": {
			env:  map[string]string{"DATABASE_URL": database},
			want: Config{Listen: "127.0.0.1:15051", DatabaseURL: database, Version: "dev", Drain: time.Second},
		},
		"all set": {
			env: map[string]string{
				"DATABASE_URL": database, "ORDERS_LISTEN": "[::1]:0", "SHOP_VERSION": "1.2", "HOPWATCH_LABS": "1",
				"SHOP_DRAIN_SECONDS": "0.25", "ORDERS_REST_LISTEN": "127.0.0.1:15052",
				"PAYMENTS_ADDRESS": "payments:15053",
			},
			want: Config{
				Listen: "[::1]:0", RESTListen: "127.0.0.1:15052", PaymentsAddress: "payments:15053",
				DatabaseURL: database, Version: "1.2", Drain: 250 * time.Millisecond, Labs: true,
			},
		},
		"labs only by 1": {
			env:  map[string]string{"DATABASE_URL": database, "HOPWATCH_LABS": "true"},
			want: Config{Listen: "127.0.0.1:15051", DatabaseURL: database, Version: "dev", Drain: time.Second},
		},
		"all that is wrong is told at once": {
			env: map[string]string{
				"ORDERS_LISTEN": "15051", "ORDERS_REST_LISTEN": "15052", "PAYMENTS_ADDRESS": "payments", "SHOP_DRAIN_SECONDS": "soon",
			},
			problems: []string{
				"ORDERS_LISTEN", "ORDERS_REST_LISTEN", "PAYMENTS_ADDRESS", "DATABASE_URL", `SHOP_DRAIN_SECONDS is "soon"`,
			},
		},
		"draining has limits": {
			env:      map[string]string{"DATABASE_URL": database, "SHOP_DRAIN_SECONDS": "NaN"},
			problems: []string{"SHOP_DRAIN_SECONDS"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Orders(func(key string) string { return test.env[key] })
			if len(test.problems) == 0 {
				if err != nil || got != test.want {
					t.Errorf("got %+v, %v; want %+v", got, err, test.want)
				}
				return
			}
			for _, problem := range test.problems {
				if err == nil || !strings.Contains(err.Error(), problem) {
					t.Errorf("error %v does not name %s", err, problem)
				}
			}
		})
	}
}

func TestPayments(t *testing.T) {
	const database = "postgres://shop@127.0.0.1:15432/shop"
	env := map[string]string{"DATABASE_URL": database, "ORDERS_LISTEN": "not for payments"}
	got, err := Payments(func(key string) string { return env[key] })
	want := Config{Listen: "127.0.0.1:15053", DatabaseURL: database, Version: "dev", Drain: time.Second}
	if err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	env["PAYMENTS_LISTEN"] = "15053"
	if _, err := Payments(func(key string) string { return env[key] }); err == nil || !strings.Contains(err.Error(), "PAYMENTS_LISTEN") {
		t.Errorf("got %v", err)
	}
}
