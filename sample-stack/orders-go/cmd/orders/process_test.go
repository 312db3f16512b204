package main

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
	"hopwatch.dev/shop/orders/internal/shoptest"
)

const asService = "ORDERS_TEST_IS_THE_SERVICE"

// TestMain lets the test's binary be the service too, so that tests can kill it.
func TestMain(m *testing.M) {
	if os.Getenv(asService) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is the service as a process of its own.
type process struct {
	*exec.Cmd
	output output
}

// output may be read while it is written.
type output struct {
	mu   sync.Mutex
	text strings.Builder
}

func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(text)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

func startProcess(t *testing.T, address, database string, arguments ...string) *process {
	t.Helper()
	orders := exec.Command(os.Args[0], arguments...)
	orders.Env = []string{asService + "=1", "ORDERS_LISTEN=" + address}
	return start(t, orders, database)
}

func start(t *testing.T, program *exec.Cmd, database string) *process {
	t.Helper()
	service := &process{Cmd: program}
	service.Env = append(os.Environ(), append(service.Env, "DATABASE_URL="+database,
		"OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:1", "SHOP_DRAIN_SECONDS=0.3", "HOPWATCH_LABS=1")...)
	service.Stdout, service.Stderr = &service.output, &service.output
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		service.Process.Kill()
		service.Wait()
		if t.Failed() {
			t.Logf("process %d:\n%s", service.Process.Pid, service.output.String())
		}
	})
	return service
}

// ready waits until the service listens, and asks it for its health as an orchestrator would.
func (p *process) ready(t *testing.T) {
	t.Helper()
	waitFor(t, func() bool { return strings.Contains(p.output.String(), `"msg":"serving"`) })
	probe := exec.Command(p.Path, "-healthcheck")
	probe.Env = p.Env
	if output, err := probe.CombinedOutput(); err != nil {
		t.Errorf("unhealthy: %v: %s", err, output)
	}
}

func (p *process) signal(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := p.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
}

// retrying is how a client of the shop calls.
func retrying(t *testing.T, address string) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5,
			"initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
			"retryableStatusCodes": ["UNAVAILABLE"]}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return connection
}

func freeAddress(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().String()
}

// unpaidOrUnordered counts orders without their payment and authorised payments without their order.
func unpaidOrUnordered(t *testing.T, pool *pgxpool.Pool) (count int) {
	t.Helper()
	err := pool.QueryRow(t.Context(), `SELECT count(*)
		FROM orders AS o
		FULL JOIN (SELECT * FROM payments WHERE status = 'authorised') AS p ON p.id = o.payment_id
		WHERE o.id IS NULL OR p.id IS NULL`).Scan(&count)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// A process that is killed after it wrote the payment and before the order is complete leaves
// neither; the next one places the order.
func TestKilledBetweenPaymentAndOrder(t *testing.T) {
	database, address := shoptest.NewDatabase(t), freeAddress(t)
	pool := shoptest.Pool(t, database)
	service := startProcess(t, address, database)
	service.ready(t)
	client := shopv1.NewOrdersClient(retrying(t, address))

	// The stock is locked, so the order gets stuck where it wants to reserve: behind its payment.
	locked, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer locked.Rollback(context.Background())
	if _, err := locked.Exec(t.Context(), "SELECT FROM stock_levels WHERE product_id = 'p00001' FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	order := orderOfOnePan()
	answered := make(chan error, 1)
	go func() {
		_, err := client.PlaceOrder(t.Context(), order)
		answered <- err
	}()
	waitFor(t, func() bool {
		var stuck bool
		err := pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'
			AND datname = current_database() AND query LIKE '-- UPDATE stock_levels%')`).Scan(&stuck)
		return err == nil && stuck
	})
	service.signal(t, syscall.SIGKILL)
	service.Wait()
	if err := locked.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	next := startProcess(t, address, database)
	next.ready(t)
	// The client tried again by itself for a while; it may have given up before the next was there.
	if err := <-answered; err != nil {
		if _, err := client.PlaceOrder(t.Context(), order); err != nil {
			t.Fatal(err)
		}
	}
	if count := unpaidOrUnordered(t, pool); count != 0 {
		t.Errorf("%d payments and orders without each other", count)
	}
	var orders int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM orders").Scan(&orders); err != nil || orders != 1 {
		t.Errorf("%d orders, %v; want 1", orders, err)
	}
}

// customersAt place orders one after the other until ended is called, which returns how many were
// placed. Each tries an order up to as many times as patience says.
func customersAt(t *testing.T, address string, patience int) (ended func() int64) {
	t.Helper()
	var (
		customers sync.WaitGroup
		over      = make(chan struct{})
		placed    atomic.Int64
	)
	for range 6 {
		client := shopv1.NewOrdersClient(retrying(t, address))
		place := func() (err error) {
			order := orderOfOnePan()
			order.CustomerEmail = strings.ReplaceAll(uuid.NewString(), "-", "") + "@example.com"
			for range patience {
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				_, err = client.PlaceOrder(ctx, order)
				cancel()
				if err == nil {
					placed.Add(1)
					return nil
				}
			}
			return err
		}
		customers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if err := place(); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	return func() int64 {
		close(over)
		customers.Wait()
		return placed.Load()
	}
}

// takeOver replaces an instance by another on the same port, three times.
func takeOver(t *testing.T, old *process, start func() *process) {
	t.Helper()
	for range 3 {
		next := start()
		old.signal(t, syscall.SIGTERM)
		if err := old.Wait(); err != nil {
			t.Errorf("the old instance ended with %v", err)
		}
		old = next
	}
}

// One instance takes over from another, on the same port, without a call that fails.
func TestRollingRestart(t *testing.T) {
	database, address := shoptest.NewDatabase(t), freeAddress(t)
	instance := func() *process {
		service := startProcess(t, address, database)
		service.ready(t)
		return service
	}
	first := instance()
	ended := customersAt(t, address, 1)
	takeOver(t, first, instance)
	placed := ended()
	if count := unpaidOrUnordered(t, shoptest.Pool(t, database)); count != 0 || placed < 30 {
		t.Errorf("%d payments and orders without each other after %d calls", count, placed)
	}
	t.Logf("%d calls", placed)
}

// A second signal ends the service at once, whatever it is doing.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	address := freeAddress(t)
	service := startProcess(t, address, shoptest.NewDatabase(t))
	service.ready(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), "baggage", "hopwatch.lab.delay=shop-orders:9000ms")
	go shopv1.NewCatalogClient(retrying(t, address)).ListCategories(ctx, nil)
	time.Sleep(200 * time.Millisecond)
	service.signal(t, syscall.SIGTERM)
	time.Sleep(100 * time.Millisecond)
	start := time.Now()
	service.signal(t, syscall.SIGTERM)
	var ended *exec.ExitError
	if err := service.Wait(); !errors.As(err, &ended) || time.Since(start) > time.Second {
		t.Errorf("ended with %v after %v", err, time.Since(start))
	}
}

func TestHealthcheckFailsWithoutTheService(t *testing.T) {
	probe := startProcess(t, freeAddress(t), "postgres://nobody@127.0.0.1:1/shop", "-healthcheck")
	if err := probe.Wait(); err == nil || !strings.Contains(probe.output.String(), "health of 127.0.0.1:") {
		t.Errorf("%v: %s", err, probe.output.String())
	}
}

func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	waitUpTo(t, 20*time.Second, done)
}

func waitUpTo(t *testing.T, limit time.Duration, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}
