// Command payments is the module payments as a service of its own.
package main

import (
	"context"

	"hopwatch.dev/shop/orders/internal/config"
	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/payments"
	"hopwatch.dev/shop/orders/internal/server"
	"hopwatch.dev/shop/orders/internal/service"
)

var shopPayments = service.Service{Name: "shop-payments", Configure: config.Payments, Register: register}

func main() { shopPayments.Main() }

func register(_ context.Context, parts service.Parts) (*server.Web, func(), error) {
	shopv1.RegisterPaymentsServer(parts.Server, payments.NewServer(parts.Database))
	return nil, func() {}, nil
}
