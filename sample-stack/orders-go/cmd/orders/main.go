// Command orders is the shop's business service: catalog, stock, orders and payments over gRPC
// and, if asked for, over REST.
package main

import (
	"context"
	"fmt"

	"hopwatch.dev/shop/orders/internal/catalog"
	"hopwatch.dev/shop/orders/internal/config"
	"hopwatch.dev/shop/orders/internal/fraud"
	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/orders"
	"hopwatch.dev/shop/orders/internal/payments"
	"hopwatch.dev/shop/orders/internal/rest"
	"hopwatch.dev/shop/orders/internal/server"
	"hopwatch.dev/shop/orders/internal/service"
	"hopwatch.dev/shop/orders/internal/stock"
)

var shopOrders = service.Service{Name: "shop-orders", Configure: config.Orders, Register: register}

func main() { shopOrders.Main() }

// register builds the modules and gives each its gRPC service and, if asked for, its REST routes.
func register(ctx context.Context, parts service.Parts) (web *server.Web, ended func(), err error) {
	pay, ended, err := paymentsOf(parts)
	if err != nil {
		return nil, nil, err
	}
	products := catalog.New(parts.Database)
	levels := stock.New(parts.Database)
	store := orders.NewStore(parts.Database)
	services := rest.Services{
		Catalog: catalog.NewServer(products),
		Stock:   stock.NewServer(levels),
		Orders: orders.NewServer(&orders.Orders{
			Store: store, Catalog: products, Stock: levels, Fraud: fraud.New(store), Payments: pay,
		}),
		Health: parts.Server.Health,
	}
	shopv1.RegisterCatalogServer(parts.Server, services.Catalog)
	shopv1.RegisterStockServer(parts.Server, services.Stock)
	shopv1.RegisterOrdersServer(parts.Server, services.Orders)
	if parts.Settings.RESTListen == "" {
		return nil, ended, nil
	}
	listener, err := server.Listen(ctx, parts.Settings.RESTListen)
	if err != nil {
		ended()
		return nil, nil, fmt.Errorf("cannot listen (see ORDERS_REST_LISTEN): %w", err)
	}
	return server.NewWeb(listener, rest.NewHandler(services, parts.Server.Intercept), parts.Log), ended, nil
}

// paymentsOf returns payments as a module of this process or, where it has an address, as a client
// of the service; what it returns besides ends it.
func paymentsOf(parts service.Parts) (pay orders.Payments, ended func(), err error) {
	if parts.Settings.PaymentsAddress == "" {
		return payments.New(parts.Database), func() {}, nil
	}
	remote, err := payments.Connect(parts.Settings.PaymentsAddress, parts.Database, parts.Log)
	if err != nil {
		return nil, nil, err
	}
	return remote, remote.Close, nil
}
