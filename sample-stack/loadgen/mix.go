package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"google.golang.org/protobuf/proto"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
)

const (
	// What the BFF asks for.
	productsPerPage = 24
	recommendations = 6
	// Products that a long load does not sell out.
	plenty = 10_000
	// Orders to ask for, the last ones placed.
	ordersKept = 1000
)

// weights are how often the BFF makes each call in the shop's usual load, which is of ten page
// requests six of products, three orders and one look at an order.
var weights = []struct {
	method string
	weight int
}{
	{"ListProducts", 6}, {"ListCategories", 6}, {"Recommend", 10}, {"GetStock", 6},
	{"PlaceOrder", 3}, {"GetOrder", 1},
}

// mix makes the calls of a run, one after the other; the same seed makes the same ones.
type mix struct {
	random *rand.Rand
	prices map[string]*shopv1.Money
	// On the first page: all, and those of which there is plenty.
	shown, sold []string
	methods     []string

	lock   sync.Mutex
	orders []string
}

// learn asks orders for what its calls are about, and places a first order.
func learn(ctx context.Context, client transport, seed uint64) (*mix, error) {
	m := &mix{random: rand.New(rand.NewPCG(seed, 0)), prices: map[string]*shopv1.Money{}}
	products, recommended := &shopv1.ListProductsResponse{}, &shopv1.RecommendResponse{}
	stock, first := &shopv1.GetStockResponse{}, &shopv1.Order{}
	if err := ask(ctx, client, m.listProducts(products), m.recommend(nil, recommended)); err != nil {
		return nil, err
	}
	for _, product := range append(products.Products, recommended.Products...) {
		if m.prices[product.Id] == nil {
			m.prices[product.Id] = product.Price
			m.shown = append(m.shown, product.Id)
		}
	}
	if err := ask(ctx, client, m.getStock(stock)); err != nil {
		return nil, err
	}
	for _, level := range stock.Levels {
		if level.Units >= plenty {
			m.sold = append(m.sold, level.ProductId)
		}
	}
	if len(m.sold) == 0 {
		return nil, fmt.Errorf("no product of the first page has %d units in stock", plenty)
	}
	if err := ask(ctx, client, m.placeOrder(first)); err != nil {
		return nil, err
	}
	m.placed(first.Id)
	for _, one := range weights {
		for range one.weight {
			m.methods = append(m.methods, one.method)
		}
	}
	return m, nil
}

// learnPatiently gives orders time to get over the load before this one.
func learnPatiently(ctx context.Context, client transport, seed uint64) (*mix, error) {
	const patience, pause = 15 * time.Second, 200 * time.Millisecond
	for start := time.Now(); ; time.Sleep(pause) {
		mix, err := learn(ctx, client, seed)
		if err == nil || ctx.Err() != nil || time.Since(start) > patience {
			return mix, err
		}
	}
}

func ask(ctx context.Context, client transport, calls ...call) error {
	var failed error
	for _, call := range calls {
		if code := client.send(ctx, call); code != "OK" {
			failed = errors.Join(failed, fmt.Errorf("%s: %s", call.method, code))
		}
	}
	return failed
}

// next is for one goroutine only.
func (m *mix) next() call {
	switch m.methods[m.random.IntN(len(m.methods))] {
	case "ListProducts":
		return m.listProducts(nil)
	case "ListCategories":
		return listCategories()
	case "Recommend":
		return m.recommend(m.some(), nil)
	case "GetStock":
		return m.getStock(nil)
	case "PlaceOrder":
		return m.placeOrder(&shopv1.Order{})
	default:
		return call{"GetOrder", &shopv1.GetOrderRequest{OrderId: m.anOrder()}, nil}
	}
}

// placed remembers an order, from any goroutine.
func (m *mix) placed(id string) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.orders = append(m.orders, id)
	if len(m.orders) > ordersKept {
		m.orders = m.orders[1:]
	}
}

func (m *mix) anOrder() string {
	at := m.random.Float64()
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.orders[int(at*float64(len(m.orders)))]
}

// some are one to three products.
func (m *mix) some() []string {
	chosen := m.random.Perm(len(m.sold))[:min(len(m.sold), 1+m.random.IntN(3))]
	ids := make([]string, len(chosen))
	for i, at := range chosen {
		ids[i] = m.sold[at]
	}
	return ids
}

func listCategories() call { return call{"ListCategories", &shopv1.ListCategoriesRequest{}, nil} }

func (m *mix) listProducts(answer proto.Message) call {
	return call{"ListProducts", &shopv1.ListProductsRequest{PageSize: productsPerPage}, answer}
}

func (m *mix) recommend(ids []string, answer proto.Message) call {
	return call{"Recommend", &shopv1.RecommendRequest{ProductIds: ids, Limit: recommendations}, answer}
}

func (m *mix) getStock(answer proto.Message) call {
	return call{"GetStock", &shopv1.GetStockRequest{ProductIds: m.shown}, answer}
}

// placeOrder is of a new customer each time: orders in quick succession of one look like fraud.
func (m *mix) placeOrder(answer *shopv1.Order) call {
	request := &shopv1.PlaceOrderRequest{
		IdempotencyKey: uuid.NewString(),
		CustomerEmail:  uuid.NewString() + "@load.example",
		ExpectedTotal:  &shopv1.Money{},
	}
	for _, id := range m.some() {
		request.Lines = append(request.Lines, &shopv1.OrderLine{ProductId: id, Quantity: 1})
		request.ExpectedTotal.Currency = m.prices[id].Currency
		request.ExpectedTotal.MinorUnits += m.prices[id].MinorUnits
	}
	return call{"PlaceOrder", request, answer}
}
