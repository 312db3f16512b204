package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"

	"hopwatch.dev/shop/orders/internal/gen/shopv1"
)

// mostAtOnce bounds what a service that does not answer can pile up here. A request beyond it
// is not sent, and counts as failed.
const mostAtOnce = 1024

// notSent is the code of such a request.
const notSent = "NOT_SENT"

// plan is of a run. With a limit it ends as soon as it is certain that p99 will not be within it.
type plan struct {
	rate             float64
	warmup, measured time.Duration
	seed             uint64
	limit            time.Duration
}

// dues are when requests are due, from the start on, at random (a Poisson process: clients that
// know nothing of each other), and which of them is the first that is measured.
func (p plan) dues() (dues []time.Duration, first int) {
	times := rand.New(rand.NewPCG(p.seed, 1))
	for due := time.Duration(0); due < p.warmup+p.measured; due += gap(times, p.rate) {
		if due < p.warmup {
			first++
		}
		dues = append(dues, due)
	}
	return dues, first
}

// result is of the requests that were due while it was measured. Latencies count from when each
// was due: a generator or a service that lags behind adds to them. A request that failed counts as
// one that its client waited for in vain: a service is not quick because it refuses.
type result struct {
	Requests   int            `json:"requests"`
	Failures   map[string]int `json:"failures"`
	LatencyMS  quantiles      `json:"latency_ms"`
	LateMS     quantiles      `json:"late_ms"` // from when it was due until it was sent
	Sent       int64          `json:"bytes_sent"`
	Received   int64          `json:"bytes_received"`
	CPUSeconds float64        `json:"cpu_seconds"`
}

type quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// run sends requests when they are due, whether earlier ones were answered or not.
func run(ctx context.Context, client transport, mix *mix, plan plan, measuring func()) (*tally, error) {
	dues, first := plan.dues()
	sending, end := context.WithCancel(ctx)
	defer end()
	tally := newTally(plan.limit, len(dues)-first, end)
	places := make(chan struct{}, mostAtOnce)
	var underWay sync.WaitGroup
	var before usage
	start := time.Now()
	for i, offset := range dues {
		due := start.Add(offset)
		if sleepUntil(sending, due) != nil {
			break
		}
		record := i >= first
		if i == first {
			before = used(client)
			measuring()
		}
		call := mix.next()
		select {
		case places <- struct{}{}:
		default:
			tally.add(record, notSent, 0, 0)
			continue
		}
		underWay.Go(func() {
			sent := time.Now()
			code := client.send(sending, call)
			<-places
			if order, ok := call.answer.(*shopv1.Order); ok && code == "OK" {
				mix.placed(order.Id)
			}
			tally.add(record, code, time.Since(due), sent.Sub(due))
		})
	}
	if first == len(dues) {
		before = used(client)
		measuring()
	}
	underWay.Wait()
	tally.used = used(client).since(before)
	return tally, ctx.Err()
}

func gap(times *rand.Rand, rate float64) time.Duration {
	return time.Duration(times.ExpFloat64() / rate * float64(time.Second))
}

// sleepUntil looks up now and then: the system's sleep cannot be ended from here.
func sleepUntil(ctx context.Context, due time.Time) error {
	const most = 100 * time.Millisecond
	for ctx.Err() == nil {
		pause := time.Until(due)
		if pause <= 0 {
			return nil
		}
		sleep(min(pause, most))
	}
	return ctx.Err()
}

// tally is what came of a run's requests.
type tally struct {
	due   int // that are measured
	limit time.Duration
	// spare is how many may take longer than the limit with p99 within it.
	spare int
	end   func()
	used  usage

	lock            sync.Mutex
	failures        map[string]int
	tooLong         int
	latencies, late []time.Duration
}

// newTally calls end once p99 cannot be within the limit any more, if there is a limit.
func newTally(limit time.Duration, due int, end func()) *tally {
	return &tally{
		due: due, limit: limit, spare: due - rank(0.99, due), end: end, failures: map[string]int{},
	}
}

func (t *tally) add(record bool, code string, latency, late time.Duration) {
	if !record {
		return
	}
	t.lock.Lock()
	defer t.lock.Unlock()
	if code != "OK" {
		t.failures[code]++
		latency = max(latency, callTimeout)
	}
	t.latencies = append(t.latencies, latency)
	t.late = append(t.late, late)
	if latency > t.limit {
		t.tooLong++
	}
	if t.limit > 0 && !t.mayHold() {
		t.end()
	}
}

func (t *tally) mayHold() bool { return len(t.failures) == 0 && t.tooLong <= t.spare }

// held is whether all requests were answered, with p99 within the limit.
func (t *tally) held() bool { return t.due > 0 && len(t.latencies) == t.due && t.mayHold() }

func (t *tally) result() result {
	return result{
		Requests: len(t.latencies), Failures: t.failures,
		LatencyMS: quantilesOf(t.latencies), LateMS: quantilesOf(t.late),
		Sent: t.used.sent, Received: t.used.received, CPUSeconds: t.used.cpu.Seconds(),
	}
}

// quantilesOf are exact: the smallest time that the share of all does not exceed.
func quantilesOf(times []time.Duration) quantiles {
	if len(times) == 0 {
		return quantiles{}
	}
	slices.Sort(times)
	at := func(share float64) float64 {
		return float64(times[rank(share, len(times))-1]) / float64(time.Millisecond)
	}
	return quantiles{at(0.50), at(0.95), at(0.99), at(1)}
}

// rank is which of so many, from 1, the share of all does not exceed.
func rank(share float64, of int) int { return int(math.Ceil(share * float64(of))) }

// usage is what the generator has used so far: its CPU time, and bytes of its connections.
type usage struct {
	cpu            time.Duration
	sent, received int64
}

func used(client transport) usage {
	var own syscall.Rusage
	// It fails for arguments that are not these only.
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &own)
	sent, received := client.traffic()
	return usage{time.Duration(own.Utime.Nano() + own.Stime.Nano()), sent, received}
}

func (u usage) since(before usage) usage {
	return usage{u.cpu - before.cpu, u.sent - before.sent, u.received - before.received}
}
