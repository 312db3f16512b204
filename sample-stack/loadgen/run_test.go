package main

import (
	"context"
	"math"
	"testing"
	"time"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
)

// shop answers as orders does, but for one pause in which nothing is answered.
type shop struct {
	wire
	stalled chan struct{}
}

func (s *shop) send(_ context.Context, call call) string {
	if s.stalled != nil {
		<-s.stalled
	}
	switch answer := call.answer.(type) {
	case *shopv1.ListProductsResponse:
		price := &shopv1.Money{Currency: "EUR", MinorUnits: 100}
		answer.Products = []*shopv1.Product{{Id: "a", Price: price}, {Id: "b", Price: price}}
	case *shopv1.GetStockResponse:
		answer.Levels = []*shopv1.StockLevel{{ProductId: "a", Units: plenty}, {ProductId: "b", Units: 3}}
	case *shopv1.Order:
		answer.Id = "an-order"
	}
	return "OK"
}

func (s *shop) close() {}

func TestLatencyCountsFromWhenARequestWasDue(t *testing.T) {
	const pause = 200 * time.Millisecond
	client := &shop{}
	mix, err := learn(t.Context(), client, 1)
	if err != nil {
		t.Fatal(err)
	}
	client.stalled = make(chan struct{})
	time.AfterFunc(pause, func() { close(client.stalled) })
	// All requests are due within the pause: a generator that waits for answers would send one.
	tally, err := run(t.Context(), client, mix, plan{rate: 1000, measured: pause / 2, seed: 1}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	measured := tally.result()
	if measured.Requests < 50 || measured.LatencyMS.P50 < 100 || measured.LatencyMS.Max < 150 {
		t.Errorf("requests that were due in a pause did not wait for its end: %+v", measured)
	}
}

func TestWhatIsBeyondTheBoundIsNotSentAndFails(t *testing.T) {
	client := &shop{}
	mix, err := learn(t.Context(), client, 1)
	if err != nil {
		t.Fatal(err)
	}
	client.stalled = make(chan struct{})
	time.AfterFunc(400*time.Millisecond, func() { close(client.stalled) })
	tally, err := run(t.Context(), client, mix, plan{rate: 10_000, measured: 200 * time.Millisecond, seed: 1}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	measured := tally.result()
	if sent := measured.Requests - measured.Failures[notSent]; sent != mostAtOnce {
		t.Errorf("%d were sent while none was answered, not %d", sent, mostAtOnce)
	}
}

func TestTheSameSeedMakesTheSameCalls(t *testing.T) {
	var methods [2]string
	for i := range methods {
		mix, err := learn(t.Context(), &shop{}, 7)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			methods[i] += mix.next().method + " "
		}
	}
	if methods[0] != methods[1] {
		t.Error("one seed made two different runs")
	}
}

func TestWarmupIsNotMeasured(t *testing.T) {
	client := &shop{}
	mix, err := learn(t.Context(), client, 1)
	if err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	var warm time.Duration
	tally, err := run(t.Context(), client, mix,
		plan{rate: 1000, warmup: 200 * time.Millisecond, measured: 100 * time.Millisecond, seed: 1},
		func() { warm = time.Since(begun) })
	if err != nil {
		t.Fatal(err)
	}
	measured := tally.result()
	if warm < 200*time.Millisecond || math.Abs(float64(measured.Requests)-100) > 50 {
		t.Errorf("measured %d requests of about 100, from %v on", measured.Requests, warm)
	}
}

func TestQuantilesAreThoseOfTheTimesThemselves(t *testing.T) {
	var times []time.Duration
	for i := 100; i > 0; i-- {
		times = append(times, time.Duration(i)*time.Millisecond)
	}
	if got, want := quantilesOf(times), (quantiles{50, 95, 99, 100}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestQueryHasTheJSONNamesAndRepeatsLists(t *testing.T) {
	got := query((&shopv1.RecommendRequest{ProductIds: []string{"a&b", "c"}, Limit: 6}).ProtoReflect())
	if want := "limit=6&productIds=a%26b&productIds=c"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestWhatFailedCountsAsWaitedForInVain(t *testing.T) {
	counted := newTally(0, 2, nil)
	counted.add(true, "OK", time.Millisecond, 0)
	counted.add(true, "UNAVAILABLE", time.Millisecond, 0)
	counted.add(false, "UNAVAILABLE", time.Millisecond, 0)
	got := counted.result()
	if got.Requests != 2 || got.Failures["UNAVAILABLE"] != 1 || got.LatencyMS.Max != 2000 {
		t.Errorf("got %+v", got)
	}
}

// The verdict of a run that ended early is that of the whole run: p99 of a hundred is the 99th.
func TestARunHoldsAsLongAsP99MayStillBeWithinTheLimit(t *testing.T) {
	ended := 0
	counted := newTally(20*time.Millisecond, 100, func() { ended++ })
	for range 98 {
		counted.add(true, "OK", time.Millisecond, 0)
	}
	counted.add(true, "OK", time.Second, 0)
	if counted.held() || ended != 0 {
		t.Error("judged before all were answered")
	}
	counted.add(true, "OK", 20*time.Millisecond, 0)
	if !counted.held() || ended != 0 || counted.result().LatencyMS.P99 != 20 {
		t.Errorf("one of a hundred was too long, and it did not hold: %+v", counted.result())
	}
	counted.add(true, "OK", 21*time.Millisecond, 0)
	if counted.held() || ended != 1 {
		t.Error("two of a hundred were too long, and it held")
	}
	failed := newTally(20*time.Millisecond, 1000, func() { ended++ })
	failed.add(true, "UNAVAILABLE", time.Millisecond, 0)
	if failed.held() || ended != 2 {
		t.Error("one failed, and it went on")
	}
	if newTally(time.Second, 0, nil).held() {
		t.Error("a limit held of which nothing was asked")
	}
}

func TestARunThatCannotHoldEndsEarly(t *testing.T) {
	client := &shop{}
	mix, err := learn(t.Context(), client, 1)
	if err != nil {
		t.Fatal(err)
	}
	client.stalled = make(chan struct{})
	time.AfterFunc(100*time.Millisecond, func() { close(client.stalled) })
	begun := time.Now()
	tally, err := run(t.Context(), client, mix,
		plan{rate: 100, measured: 30 * time.Second, seed: 1, limit: time.Nanosecond}, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(begun); tally.held() || took > 15*time.Second {
		t.Errorf("went on for %v", took)
	}
}

func TestARunOfNothingIsToldAsOne(t *testing.T) {
	client := &shop{}
	mix, err := learn(t.Context(), client, 1)
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	tally, err := run(t.Context(), client, mix, plan{
		rate: 0.001, warmup: time.Millisecond, measured: time.Millisecond, seed: 1,
	}, func() { told++ })
	if err != nil || told != 1 || tally.result().Requests != 0 {
		t.Errorf("told %d times, %+v, %v", told, tally.result(), err)
	}
}
